# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gpu_info through Ansible, as a person starts it; and its documentation against what it returns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import gpu_trees
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host
from ansible_collections.openhands.gpu_observability.plugins.modules import gpu_info

NAME = "openhands.gpu_observability.gpu_info"
MAPS = {"modules", "files", "parameters"}
"""Keys whose value is a map by name, which a RETURN block can't spell out."""


def ansible(arguments, *options):
    """Run the module on this machine; its exit status and decoded result."""
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-c", "local", "-m", NAME]
    done = subprocess.run(
        [*command, "-a", json.dumps(arguments), "-e", f"ansible_python_interpreter={sys.executable}", *options],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    _words, arrow, result = done.stdout.partition("=> ")
    if not arrow:
        pytest.fail(f"no result: {done.stdout}{done.stderr}")
    return done.returncode, json.loads(result)


def test_it_runs_in_check_mode_and_changes_nothing(tmp_path):
    gpu_trees.hgx_h100(tmp_path)
    before = sorted(path.lstat().st_mtime_ns for path in tmp_path.rglob("*"))
    status, result = ansible({"root": str(tmp_path), "expected_gpus": 8}, "--check")
    assert status == 0, result
    assert result["changed"] is False
    assert result["host"] == _host.look(str(tmp_path), expected_gpus=8)
    assert (result["host"]["found_gpus"], result["host"]["expected_gpus"]) == (8, 8)
    assert sorted(path.lstat().st_mtime_ns for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"root": "/nowhere/at/all"}, "root: /nowhere/at/all is no folder on this host."),
        ({"expected_gpus": -1}, "expected_gpus: -1; a host can't have fewer than 0 GPUs."),
    ],
)
def test_wrong_options_are_named(arguments, message, capsys):
    with patch_module_args(arguments), pytest.raises(SystemExit):
        gpu_info.main()
    result = json.loads(capsys.readouterr().out)
    assert (result["failed"], result["msg"]) == (True, message)


def documented(block):
    """The keys of a RETURN block as a tree."""
    return {name: documented(entry.get("contains") or {}) for name, entry in block.items()}


def returned(value):
    """The keys of a result as a tree: of a list, those of its entries."""
    entries = value if isinstance(value, list) else [value]
    keys = {}
    for entry in entries:
        if isinstance(entry, dict):
            keys.update({name: {} if name in MAPS else returned(part) for name, part in entry.items()})
    return keys


def test_every_key_is_documented(tmp_path):
    """A host on which no list is empty."""
    tree = gpu_trees.hgx_h100(tmp_path)
    gpu_trees.users(tree)
    tree.write("/sys/devices/pci0000:00/0000:1b:00.0/numa_node", "near")
    tree.write("/etc/modprobe.d/nvidia.conf", "options nvidia NVreg_EnableResizableBar=1")
    host = _host.look(str(tmp_path))
    assert all(host[key] for key in ("gpus", "nvswitches", "dkms", "mig", "users", "unread", "modules"))
    assert documented(yaml.safe_load(gpu_info.RETURN)) == returned({"host": host})
