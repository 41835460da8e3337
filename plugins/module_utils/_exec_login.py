# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A login by a program of the user's kubeconfig (client.authentication.k8s.io)."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem

SECONDS = 60.0
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def endpoint(
    base: Endpoint,
    login: Mapping[str, Any],
    folder: str,
    environ: Mapping[str, str],
    run: Run = subprocess.run,
) -> Endpoint:
    """Run the program and take over the token or certificate that it prints."""
    command = str(login.get("command") or "")
    if "/" in command:
        command = os.path.join(folder, command)
    try:
        done = run(
            [command] + [str(argument) for argument in login.get("args") or ()],
            env=_environment(base, login, environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError as exc:
        hint = str(login.get("installHint") or "install it, or put it on PATH").strip()
        raise _failed(base, "the program %s isn't there: %s" % (command, hint)) from exc
    except subprocess.TimeoutExpired as exc:
        raise _failed(base, "%s didn't end within %d s" % (command, SECONDS)) from exc
    except OSError as exc:
        raise _failed(base, "%s can't be run: %s" % (command, exc.strerror)) from exc
    if done.returncode != 0:
        said = (done.stderr or "").strip().splitlines()
        raise _failed(base, "%s ended with %d%s" % (command, done.returncode, ": " + said[-1] if said else ""))
    status = _status(done.stdout)
    if status is None or not (status.get("token") or status.get("clientCertificateData")):
        raise _failed(base, "%s printed no ExecCredential with a token or certificate" % command)
    return replace(
        base,
        token=str(status.get("token") or base.token),
        client_cert=_bytes(status.get("clientCertificateData")) or base.client_cert,
        client_key=_bytes(status.get("clientKeyData")) or base.client_key,
    )


def _environment(base: Endpoint, login: Mapping[str, Any], environ: Mapping[str, str]) -> Dict[str, str]:
    spec: Dict[str, Any] = {"interactive": False}
    if login.get("provideClusterInfo"):
        spec["cluster"] = {"server": base.server, "insecure-skip-tls-verify": not base.verify}
    info = {"apiVersion": login.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    own = {str(entry["name"]): str(entry["value"]) for entry in login.get("env") or ()}
    return {**environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _status(text: str) -> Optional[Dict[str, Any]]:
    try:
        status = json.loads(text).get("status")
    except (ValueError, AttributeError):
        return None
    return status if isinstance(status, dict) else None


def _bytes(value: Any) -> Optional[bytes]:
    return str(value).encode("ascii") if value else None


def _failed(base: Endpoint, why: str) -> ConnectionProblem:
    return ConnectionProblem("%s: the login failed: %s." % (base.origin, why.rstrip(".")))
