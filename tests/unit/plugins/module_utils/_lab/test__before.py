# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the machine was, and what of it must be put back."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import (
    _before,
    _files,
    _kubeconfig,
    _status,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._before import Before

MOUNTS = """21 1 8:1 / / rw,relatime{optional} - ext4 /dev/vda rw
22 21 0:5 / /proc rw - proc proc rw
30 21 0:9 / /state/run/a rw shared:4 - overlay overlay rw
31 30 0:9 / /state/run/a/b\\040c rw - tmpfs tmpfs rw
32 21 0:9 / /stateful rw - tmpfs tmpfs rw
"""


def test_record_survives_a_round_trip(tmp_path):
    before = Before({"vm/overcommit_memory": "0"}, "private", ["/run/containerd"])
    _before.save(str(tmp_path), before)
    assert _before.load(str(tmp_path)) == before


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}"])
def test_no_record(content):
    assert Before.from_bytes(content) is None


def test_survey_of_a_machine(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(MOUNTS.format(optional=" shared:1"))
    (tmp_path / "proc/sys/vm").mkdir(parents=True)
    (tmp_path / "proc/sys/vm/overcommit_memory").write_text("1\n")
    (tmp_path / "run/containerd").mkdir(parents=True)
    assert _before.survey(str(tmp_path)) == Before({"vm/overcommit_memory": "1"}, "shared", ["/run/containerd"])


def test_propagation_of_the_root_mount():
    assert _before.root_propagation(MOUNTS.format(optional=" shared:1")) == "shared"
    assert _before.root_propagation(MOUNTS.format(optional=" master:1")) == "private"
    assert _before.root_propagation(MOUNTS.format(optional="")) == "private"
    over = MOUNTS.format(optional=" shared:1") + "40 21 0:9 / / rw - overlay overlay rw\n"
    assert _before.root_propagation(over) == "private"


def test_mounts_below_come_inner_ones_first():
    assert _before.mounts_below(MOUNTS.format(optional=""), "/state") == ["/state/run/a/b c", "/state/run/a"]


def test_only_what_changed_is_restored():
    before = Before({"a": "0", "b": "1", "gone": "1"}, "private", [])
    assert _before.to_restore(before, Before({"a": "1", "b": "1"}, "shared", [])) == [("a", "0")]


def test_cgroup_lies_in_every_hierarchy():
    mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\nx / ext4 rw 0 0\n"
    assert _before.cgroup_folders(mounts, "lab") == ["/sys/fs/cgroup/cpu/lab", "/sys/fs/cgroup/unified/lab"]


def test_files_are_written_whole_and_only_when_needed(tmp_path):
    path = tmp_path / "x"
    assert _files.write_atomically(str(path), b"1", 0o600) is True
    inode = path.stat().st_ino
    assert _files.write_atomically(str(path), b"1", 0o600) is False
    assert path.stat().st_ino == inode
    assert _files.write_atomically(str(path), b"1", 0o644) is True
    assert path.stat().st_mode & 0o777 == 0o644
    assert _files.write_atomically(str(path), b"2", 0o600) is True
    assert _files.read_or_none(str(path)) == b"2"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_failed_write_leaves_no_scrap(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise OSError("no")

    monkeypatch.setattr(_files.os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        _files.write_atomically(str(tmp_path / "x"), b"1", 0o600)
    assert list(tmp_path.iterdir()) == []


def test_kubeconfig_logs_in():
    text = _kubeconfig.kubeconfig_text("lab", "https://x", "admin", authority="a", certificate="c", key="k")
    config = yaml.safe_load(text)
    assert config["current-context"] == "lab"
    assert config["clusters"][0]["cluster"] == {"server": "https://x", "certificate-authority-data": "a"}
    assert config["users"][0]["user"] == {"client-certificate-data": "c", "client-key-data": "k"}


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ([{"type": "Ready", "status": "True"}], None),
        ([{"type": "Ready", "status": "False", "message": "no network"}], "not Ready: no network"),
        ([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}], "not Ready: NodeStatusUnknown"),
        ([{"type": "Other", "status": "True"}], "not Ready: kubelet has not reported yet"),
        (None, "not Ready: kubelet has not reported yet"),
    ],
)
def test_node(conditions, problem):
    assert _status.node_problem({"status": {"conditions": conditions}}) == problem


def test_table_for_people():
    rows = [_status.Row("etcd", 12, "3.4", None), _status.Row("kubelet", None, "", "not running")]
    assert _status.table(rows) == [
        "COMPONENT  PID  VERSION  STATE",
        "etcd       12   3.4      healthy",
        "kubelet    -    -        not running",
    ]
    assert rows[1].to_dict()["problem"] == "not running"
    assert _status.node_version({"status": {"nodeInfo": {"kubeletVersion": "v1.36.3"}}}) == "1.36.3"
