# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""From the options of driver_packages to a job, and its outcome."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _fork,
    _going_back,
    _job,
    _keys,
    _locks,
    _record,
    _repository,
    _run,
    _transaction,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt import Apt
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt_tools import AptTools
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._dnf import Dnf
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import Family
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    PackageError,
    Pin,
    Request,
    Runner,
    Wanted,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._sources import Login

STATE_DIR = "/var/lib/openhands-gpu-observability"
NAMES: Dict[str, Any] = {"type": "list", "elements": "str", "default": []}
VERSIONS: Dict[str, Any] = {"name": {"type": "str", "required": True}, "version": {"type": "str", "default": ""}}
PACKAGES: Dict[str, Any] = {
    "install": {"type": "list", "elements": "dict", "default": [], "options": VERSIONS},
    "remove": NAMES,
    "hold": NAMES,
    "pins": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "packages": {"type": "str", "required": True},
            "pin": {"type": "str", "required": True},
            "priority": {"type": "int", "required": True},
        },
    },
    "stream": {"type": "str", "default": ""},
    "headers": NAMES,
}
LOGIN: Dict[str, Any] = {
    "type": "dict",
    "default": {},
    "options": {"username": {"type": "str", "default": ""}, "password": {"type": "str", "default": "", "no_log": True}},
}
REPOSITORY_ARGSPEC: Dict[str, Any] = {
    "repository": {"type": "dict", "default": {}},
    "components": NAMES,
    "login": LOGIN,
}
ARGSPEC: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "prepared", "rolled_back"], "default": "present"},
    "packages": {"type": "dict", "default": {}, "options": PACKAGES},
    "repository": {"type": "dict", "default": {}},
    "components": NAMES,
    "login": LOGIN,
    "wanted": {"type": "dict", "default": {}},
    "now": {"type": "dict", "default": {}},
    "before": {"type": "list", "elements": "dict", "default": [], "options": VERSIONS},
    "allow_downgrade": {"type": "bool", "default": False},
    "prebuild": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 3600},
    "lock_timeout": {"type": "int", "default": 300},
    "state_dir": {"type": "path", "default": STATE_DIR},
}


def request(options: Mapping[str, Any]) -> Request:
    """The request that the options describe."""
    packages = options.get("packages") or {}
    return Request(
        install=tuple(Wanted(item["name"], item.get("version") or "") for item in packages.get("install") or []),
        remove=tuple(packages.get("remove") or []),
        hold=tuple(packages.get("hold") or []),
        pins=tuple(Pin(item["packages"], item["pin"], int(item["priority"])) for item in packages.get("pins") or []),
        stream=packages.get("stream") or "",
        headers=tuple(packages.get("headers") or []),
        allow_downgrade=bool(options.get("allow_downgrade")),
    )


def repository(options: Mapping[str, Any]) -> _repository.Repository:
    """The repository, components and login that the options describe."""
    login = options.get("login") or {}
    return _repository.Repository(
        dict(options.get("repository") or {}),
        tuple(options.get("components") or ()),
        Login(str(login.get("username") or ""), str(login.get("password") or "")),
    )


def family(options: Mapping[str, Any], run: Runner, root: str, fetch: _keys.Fetch) -> Family:
    """The package manager of this host. Raises PackageError where it has none that we know."""
    wanted = repository(options)
    look = _repository.Look(wanted, lambda: _repository.wanted(wanted, run, root, fetch))
    archives = os.path.join(options["state_dir"], "archives")
    if os.path.isfile(os.path.join(root, "usr/bin/apt-get")):
        return Apt(AptTools(run, root, archives, options["timeout"], options["lock_timeout"]), look.files)
    if os.path.exists(os.path.join(root, "usr/bin/dnf")):
        seconds = {"run": float(options["timeout"]), "lock": float(options["lock_timeout"])}
        return Dnf(_fork.call, run, {"root": root, "archives": archives}, seconds, look)
    raise PackageError("This host has neither apt nor dnf; drivers are installed on Debian, Ubuntu, RHEL and Rocky.")


def run(
    options: Mapping[str, Any],
    *,
    check: bool,
    fetch: _keys.Fetch,
    runner: Runner = _run.run,
    root: str = "/",
    running: Optional[str] = None,
) -> Dict[str, Any]:
    """Do what the options ask for, and answer the task's result. Raises PackageError."""
    chosen = family(options, runner, root, fetch)
    job = _job.Job(
        family=chosen,
        run=runner,
        root=root,
        state_dir=options["state_dir"],
        request=request(options),
        check=check,
        prebuild=options["prebuild"],
        running=os.uname().release if running is None else running,
        timeout=options["timeout"],
    )
    try:
        if check:
            return _done(job, options)
        os.makedirs(options["state_dir"], mode=0o755, exist_ok=True)
        with _locks.exclusive(os.path.join(options["state_dir"], "lock"), options["lock_timeout"]):
            return _done(job, options)
    except PackageError as error:
        raise PackageError(error.message, {**job.result, **error.result}) from error
    except OSError as error:
        raise PackageError("The host's files can't be read or written: %s." % error, job.result) from error


def _done(job: _job.Job, options: Mapping[str, Any]) -> Dict[str, Any]:
    # Only now that no other run can write the record that this is read from.
    job.about = _record.about(options["state_dir"], options.get("wanted") or {}, options.get("now") or {})
    if options["state"] == "rolled_back":
        targets: List[Wanted] = [Wanted(item["name"], item["version"] or "") for item in options["before"]]
        return _going_back.rolled_back(job, targets)
    return (_transaction.prepared if options["state"] == "prepared" else _transaction.present)(job)
