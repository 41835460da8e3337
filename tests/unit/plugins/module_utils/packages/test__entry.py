# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's options to a job: one spec for documentation and code, and every refusal with all its keys."""

from __future__ import annotations

import json
import os
import stat
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _entry, _files, _record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    PackageError,
    Pin,
    Wanted,
)
from ansible_collections.openhands.gpu_observability.plugins.modules import driver_packages, driver_repository
from fake_debian import Debian

OPTIONS = {
    "state": "present",
    "packages": {"install": [{"name": "nvidia-smi", "version": "580.*"}], "hold": ["nvidia-smi"]},
    "repository": {},
    "components": [],
    "login": {},
    "before": [],
    "allow_downgrade": False,
    "prebuild": False,
    "timeout": 60,
    "lock_timeout": 0,
    "wanted": {"version": "580.2", "source": "vendor", "flavour": "open", "kind": "compute"},
    "now": {"version": "", "flavour": ""},
}


@pytest.fixture
def host(tmp_path):
    made = Debian(tmp_path)
    made.repository = {"nvidia-smi": ["580.1-1", "580.2-1"]}
    return made


def run(host, check=False, **options):
    given = {**OPTIONS, "state_dir": str(host.root / "state"), **options}
    return _entry.run(given, check=check, fetch=lambda _address: b"", runner=host, root=str(host.root), running="x")


def test_options_become_a_request():
    request = _entry.request(
        {
            "allow_downgrade": True,
            "packages": {
                "install": [{"name": "a", "version": None}, {"name": "b", "version": "1.*"}],
                "pins": [{"packages": "a b", "pin": "version 1.*", "priority": 1001}],
                "headers": ["h"],
                "stream": None,
            },
        }
    )
    assert request.install == (Wanted("a"), Wanted("b", "1.*"))
    assert request.pins == (Pin("a b", "version 1.*", 1001),)
    assert (request.names, request.stream, request.allow_downgrade) == (["a", "b", "h"], "", True)


def test_a_run_from_its_options(host):
    result = run(host)
    assert result["changes"] == [{"name": "nvidia-smi", "from": "", "to": "580.2-1"}]
    assert host.installed["nvidia-smi"] == "580.2-1"
    assert not run(host)["changed"]


def test_check_mode_makes_no_folder(host, tmp_path):
    run(host, check=True, state_dir=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_a_refusal_has_every_key_of_a_result(host):
    with pytest.raises(PackageError) as caught:
        run(host, packages={"install": [{"name": "nvidia-smi", "version": "999"}]})
    documented = set(yaml.safe_load(driver_packages.RETURN))
    assert documented <= {*caught.value.result}


def test_a_host_without_a_known_package_manager(tmp_path, host):
    (tmp_path / "usr/bin/apt-get").unlink()
    with pytest.raises(PackageError, match="neither apt nor dnf"):
        run(host)


def test_the_record_remembers_where_the_version_before_came_from(host):
    run(host, packages={"install": [{"name": "nvidia-smi", "version": "580.1*"}]})
    run(host, now={"version": "580.1", "flavour": "open"}, wanted={"version": "580.2", "source": "archive"})
    about = json.loads((host.root / "state/driver.json").read_text())["about"]
    assert about["wanted"] == {"version": "580.2", "source": "archive"}
    assert about["previous"] == {"version": "580.1", "flavour": "open", "source": "vendor", "kind": "compute"}
    assert (host.root / "state/driver.json").stat().st_mode & 0o777 == 0o600


def test_after_going_back_the_version_before_is_the_one_from_before(tmp_path):
    first = {"wanted": {"source": "vendor"}, "previous": {"source": "archive", "version": "1"}}
    _record.write(str(tmp_path), "rolled_back", [Change("a", "1", "2")], {}, first)
    assert _record.about(str(tmp_path), {}, {"version": "1"})["previous"] == {"source": "archive", "version": "1"}


def test_after_a_run_that_was_cut_off_the_version_before_is_not_the_one_half_installed(tmp_path):
    first = {"wanted": {"source": "vendor"}, "previous": {"source": "archive", "version": "1"}}
    _record.write(str(tmp_path), _record.RUNNING, [Change("a", "1", "2")], {}, first)
    assert _record.about(str(tmp_path), {}, {"version": "2"})["previous"] == {"source": "archive", "version": "1"}


DAMAGED = '{"format": 1, "outcome": "done", "changes": [], "settings": {"held": 5}}'


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "changes": [{}]}', DAMAGED])
def test_a_record_that_can_not_be_read_is_said(tmp_path, text):
    (tmp_path / "driver.json").write_text(text)
    with pytest.raises(PackageError, match=r"driver\.json"):
        _record.load(str(tmp_path))


def spec_of(options):
    """An argument spec as its documentation would say it."""
    return {
        name: {
            **{
                key: value
                for key, value in option.items()
                if key in ("type", "elements", "default", "choices", "required")
            },
            **({"suboptions": spec_of(option["options"])} if "options" in option else {}),
        }
        for name, option in options.items()
    }


def documented(options):
    return {
        name: {
            **{key: value for key, value in option.items() if key not in ("description", "suboptions")},
            **({"suboptions": documented(option["suboptions"])} if "suboptions" in option else {}),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize(
    ("module", "spec"),
    [(driver_packages, _entry.ARGSPEC), (driver_repository, _entry.REPOSITORY_ARGSPEC)],
    ids=["driver_packages", "driver_repository"],
)
def test_the_documentation_says_what_the_options_are(module, spec):
    assert documented(yaml.safe_load(module.DOCUMENTATION)["options"]) == spec_of(spec)


def test_the_role_gives_every_option_of_the_module():
    role = Path(__file__).parents[5] / "roles" / "nvidia_driver" / "tasks"
    (task,) = yaml.safe_load((role / "packages.yml").read_text())
    given = set(task["openhands.gpu_observability.driver_packages"])
    assert given == set(_entry.ARGSPEC) - {"before"}


def test_files_that_can_not_be_written_are_a_refusal(host):
    host.put("state/lock/nobody")
    with pytest.raises(PackageError, match=r"files can't be read or written: .*Is a directory.*lock"):
        run(host)


def test_a_folder_that_apt_reads_is_open_whatever_the_umask_is(tmp_path):
    previous = os.umask(0o077)
    try:
        _files.put(str(tmp_path / "etc/apt/keyrings/cuda.asc"), "key")
    finally:
        os.umask(previous)
    folders = [tmp_path / "etc", tmp_path / "etc/apt", tmp_path / "etc/apt/keyrings"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in folders] == [0o755] * 3


def test_what_was_before_is_read_only_once_no_other_run_can_change_it(host, monkeypatch):
    """The run that is waited for writes its record at its end."""

    @contextmanager
    def exclusive(_path, _timeout):
        first = {"wanted": {"source": "archive"}}
        _record.write(str(host.root / "state"), _record.DONE, [Change("nvidia-smi", "", "580.1-1")], {}, first)
        host.has("nvidia-smi", "580.1-1")
        yield

    monkeypatch.setattr(_entry._locks, "exclusive", exclusive)
    run(host, now={"version": "580.1", "flavour": ""})
    record = json.loads((host.root / "state/driver.json").read_text())
    assert record["about"]["previous"] == {"source": "archive", "version": "580.1"}
