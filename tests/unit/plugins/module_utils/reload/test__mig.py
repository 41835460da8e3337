# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of MIG is read, compared and put back. The tables are written from the tool's manual, not recorded."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import _mig
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Done, ReloadError

UUID = "GPU-11111111-2222-3333-4444-555555555555"
LGI = """+-------------------------------------------------------+
| GPU instances:                                        |
| GPU   Name             Profile  Instance   Placement  |
|                          ID       ID       Start:Size |
|=======================================================|
"""
LCI = """+--------------------------------------------------------------------+
| Compute instances:                                                 |
| GPU     GPU       Name             Profile   Instance   Placement  |
|       Instance                       ID        ID       Start:Size |
|         ID                                                         |
|====================================================================|
"""


class Smi:
    """nvidia-smi of one GPU."""

    def __init__(self, mode="Enabled", instances=(), *, resets=True):
        self.mode, self.resets = mode, resets
        self.instances = [list(one) for one in instances]
        self.calls = []

    def has(self, program):
        return program == "nvidia-smi"

    def has_systemd(self):
        return False

    def run(self, argv, timeout=60):
        arguments = list(argv[1:])
        if arguments[0].startswith("--query"):
            return Done(0, f"0, {UUID}, {self.mode}\n")
        if arguments[-1] == "-lgi":
            rows = [
                f"|   0  MIG 1g.5gb      {p:8} {n + 7:8}  {s:8}:1     |" for n, (p, s, _c) in enumerate(self.instances)
            ]
            return Done(0, LGI + "\n".join(rows)) if rows else Done(6, "No GPU instances found: Not Found")
        if arguments[-1] == "-lci":
            rows = [
                f"|   0     {number + 7:2}       MIG 1g.5gb  {profile:10} {place:8}  {place:8}:1     |"
                for number, (_p, _s, inner) in enumerate(self.instances)
                for place, profile in enumerate(inner)
            ]
            return Done(0, LCI + "\n".join(rows)) if rows else Done(6, "No compute instances found: Not Found")
        self.calls.append(" ".join(arguments))
        if "-mig" in arguments and self.resets:
            self.mode = "Enabled"
        if "-dgi" in arguments:
            self.instances = []
        if "-cgi" in arguments:
            self.instances = [[int(part) for part in one.split(":")] + [[]] for one in arguments[-1].split(",")]
        if "-cci" in arguments:
            number = int(arguments[arguments.index("-gi") + 1]) - 7
            self.instances[number][2] = [int(one) for one in arguments[-1].split(",")]
        return Done(0)


LAYOUT = {UUID: [[19, 2, [0]], [9, 4, [0, 0]]]}


def test_a_layout_is_read():
    assert _mig.look(Smi(instances=[(9, 4, [0, 0]), (19, 2, [0])])) == LAYOUT
    assert _mig.look(Smi(mode="Disabled")) == {}
    assert _mig.look(Smi()) == {UUID: []}


def test_a_layout_that_is_there_is_left_alone(tmp_path):
    smi = Smi(instances=LAYOUT[UUID])
    assert _mig.restore(smi, LAYOUT, str(tmp_path)) is False
    assert smi.calls == []


@pytest.mark.parametrize("smi", [Smi(), Smi(mode="Disabled"), Smi(instances=[(0, 0, [0])])])
def test_a_layout_is_put_back(smi, tmp_path):
    assert _mig.restore(smi, LAYOUT, str(tmp_path)) is True
    assert _mig.look(smi) == LAYOUT
    assert f"mig -i {UUID} -cgi 19:2,9:4" in smi.calls


def test_a_mode_that_waits_for_a_reset_is_an_error(tmp_path):
    with pytest.raises(ReloadError, match="after a reset of the GPU"):
        _mig.restore(Smi(mode="Disabled", resets=False), LAYOUT, str(tmp_path))


def test_a_gpu_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(ReloadError, match="GPU-gone had MIG on and isn't there any more"):
        _mig.restore(Smi(), {"GPU-gone": []}, str(tmp_path))


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_mig_nothing_is_asked(nothing, tmp_path):
    smi = Smi()
    assert _mig.restore(smi, nothing, str(tmp_path)) is False
    assert smi.calls == []


class Parted(Smi):
    """The same beside mig-parted."""

    def has(self, program):
        return program in ("nvidia-smi", "nvidia-mig-parted")

    def run(self, argv, timeout=60):
        if argv[0] == "nvidia-mig-parted":
            self.calls.append(argv[1])
            if argv[1] == "apply":
                self.instances = [list(one) for one in LAYOUT[UUID]]
            return Done(0, "version: v1")
        return super().run(argv, timeout)


def test_mig_parted_is_used_where_it_is(tmp_path):
    tool = Parted(instances=LAYOUT[UUID])
    assert _mig.record(tool, str(tmp_path)) == LAYOUT
    assert (tmp_path / _mig.CONFIGURATION).read_text() == "version: v1"
    tool.instances = []
    assert _mig.restore(tool, LAYOUT, str(tmp_path)) is True
    assert tool.calls == ["export", "apply"]


def test_what_mig_parted_exported_for_an_earlier_change_is_not_used(tmp_path):
    (tmp_path / _mig.CONFIGURATION).write_text("of long ago")

    class Silent(Parted):
        def run(self, argv, timeout=60):
            return Done(1, "", "no") if argv[1] == "export" else super().run(argv, timeout)

    tool = Silent(instances=LAYOUT[UUID])
    assert _mig.record(tool, str(tmp_path)) == LAYOUT
    assert not (tmp_path / _mig.CONFIGURATION).exists()
    tool.instances = []
    assert _mig.restore(tool, LAYOUT, str(tmp_path)) is True
    assert "apply" not in tool.calls
