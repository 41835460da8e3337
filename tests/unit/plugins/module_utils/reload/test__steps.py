# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver is loaded anew: in order, by reference counts, never by force; an interrupted run is gone on with."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import (
    _mig,
    _modules,
    _record,
    _services,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Done, ReloadError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._steps import Steps, Wishes

LOADED = {
    "nvidia": {"refcount": 2, "holders": ["nvidia_modeset", "nvidia_uvm"]},
    "nvidia_uvm": {"refcount": 0, "holders": []},
    "nvidia_modeset": {"refcount": 1, "holders": ["nvidia_drm"]},
    "nvidia_drm": {"refcount": 0, "holders": []},
}
USER = {"pid": 4242, "command": "python3", "device": "/dev/nvidia0", "unit": "", "pod": "abc"}


class Machine:
    """A host with systemd whose units and modules change as they are told."""

    def __init__(self, units=(), modules=None, users=()):
        self.units = dict.fromkeys(units, "active")
        self.known = set(units)
        self.modules = copy.deepcopy(LOADED if modules is None else modules)
        self.users = list(users)
        self.masked = set()
        self.calls = []
        self.failing = {}

    def has(self, program):
        return program != "nvidia-smi"

    def has_systemd(self):
        return True

    def look(self):
        return {"modules": self.modules, "users": self.users, "driver": {"loaded": "1" if self.modules else ""}}

    def run(self, argv, timeout=60):
        told = self.failing.get((argv[0], argv[-1])) or self.failing.get((argv[1], argv[-1]))
        if argv[1] != "show":
            self.calls.append(" ".join(argument for argument in argv if argument != "--"))
        if told:
            return Done(1, "", told)
        if argv[0] == "systemctl":
            return self._systemctl(argv[1], [name for name in argv[2:] if not name.startswith("-")])
        if argv[0] == "rmmod":
            del self.modules[argv[1]]
            for module in self.modules.values():
                if argv[1] in module["holders"]:
                    module["holders"] = [name for name in module["holders"] if name != argv[1]]
                    module["refcount"] -= 1
        if argv[0] == "modprobe":
            self.modules[argv[1]] = {"refcount": 0, "holders": []}
        return Done(0)

    def _systemctl(self, verb, names):
        if verb == "show":
            return Done(0, "\n\n".join(self._shown(name) for name in names))
        for name in names:
            if verb in ("start", "stop"):
                self.units[name] = {"start": "active", "stop": "inactive"}[verb]
            if verb == "mask":
                self.masked.add(name)
            if verb == "unmask":
                self.masked.discard(name)
        return Done(0)

    def _shown(self, name):
        load = "masked" if name in self.masked else "loaded" if name in self.known else "not-found"
        return f"LoadState={load}\nActiveState={self.units.get(name, 'inactive')}"


@pytest.fixture
def make(tmp_path):
    def steps(machine, **wishes):
        now = [0.0]

        def sleep(seconds):
            now[0] += seconds
            if machine.users and wishes.get("users_go"):
                machine.users.clear()

        wishes_given = {key: value for key, value in wishes.items() if key != "users_go"}
        return Steps(machine, machine.look, Wishes(str(tmp_path), **wishes_given), sleep, lambda: now[0])

    return steps


def whole(steps):
    steps.stop()
    if not steps.result.holders:
        steps.unload()
    if not steps.result.holders:
        steps.load()
        steps.start()
    return steps.result


UNITS = ("nvidia-dcgm.service", "nvidia-cdi-refresh.path", "nvidia-persistenced.service", "agent.service")


def test_everything_stops_in_order_and_starts_in_the_opposite_one(make, tmp_path):
    machine = Machine(UNITS)
    machine.known.add("nvidia-cdi-refresh.service")
    result = whole(make(machine, services=["agent"]))
    assert result.stopped == [
        "agent.service",
        "nvidia-dcgm.service",
        "nvidia-cdi-refresh.path",
        "nvidia-persistenced.service",
    ]
    assert result.unloaded == ["nvidia_drm", "nvidia_modeset", "nvidia_uvm", "nvidia"]
    assert result.loaded == ["nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm"]
    assert result.started == [
        "nvidia-persistenced.service",
        "nvidia-cdi-refresh.service",
        "nvidia-cdi-refresh.path",
        "nvidia-dcgm.service",
        "agent.service",
    ]
    assert machine.masked == set()
    assert result.changed
    assert list(tmp_path.iterdir()) == []


def test_what_would_load_the_old_modules_again_is_masked_while_they_are_out(make):
    machine = Machine(UNITS)
    whole(make(machine))
    calls = machine.calls
    assert calls.index("systemctl mask --runtime nvidia-cdi-refresh.path") < calls.index("rmmod nvidia")
    assert calls.index("modprobe nvidia") < calls.index(
        "systemctl unmask --runtime nvidia-cdi-refresh.path nvidia-cdi-refresh.service"
    )


@pytest.mark.parametrize(
    ("modules", "users", "holder"),
    [
        ({"nvidia": {"refcount": 1, "holders": []}}, [USER], "python3 (pid 4242, pod abc) holds /dev/nvidia0"),
        ({"nvidia": {"refcount": 1, "holders": []}}, [], "nvidia is in use (1 references)"),
        ({"nvidia": {"refcount": 1, "holders": ["lustre"]}}, [], "nvidia is held by the module lustre"),
        ({"nvidia": {"refcount": -1, "holders": []}}, [], "nvidia can't be unloaded from this kernel"),
        ({"nouveau": {"refcount": 3, "holders": []}}, [], "nouveau is in use (3 references)"),
    ],
)
def test_a_held_driver_is_left_alone_and_its_holder_named(make, modules, users, holder):
    machine = Machine(UNITS, modules, users)
    result = whole(make(machine))
    assert result.holders == [holder]
    assert result.facts()["reboot_required"] is True
    assert not [call for call in machine.calls if "rmmod" in call or "modprobe" in call or " start " in call]


def test_a_process_that_comes_after_the_services_stopped_is_seen(make):
    machine = Machine()
    steps = make(machine)
    steps.stop()
    assert steps.result.holders == []
    machine.users.append(USER)
    steps.unload()
    assert steps.result.holders == ["python3 (pid 4242, pod abc) holds /dev/nvidia0"]
    assert machine.calls == []


def test_a_process_that_ends_is_waited_for(make):
    machine = Machine((), None, [USER])
    assert whole(make(machine, users_go=True)).holders == []


def test_a_module_that_does_not_go_says_why_and_nothing_is_loaded(make):
    machine = Machine()
    machine.failing["rmmod", "nvidia_uvm"] = "rmmod: ERROR: Module nvidia_uvm is in use"
    result = whole(make(machine))
    assert result.holders == ["rmmod: ERROR: Module nvidia_uvm is in use"]
    assert result.unloaded == ["nvidia_drm", "nvidia_modeset"]
    assert result.loaded == []


def test_an_interrupted_run_is_gone_on_with(make, tmp_path):
    machine = Machine(UNITS)
    make(machine).stop()
    # Killed here. The next run finds nothing running any more.
    second = make(machine)
    result = whole(second)
    assert result.stopped == []
    assert set(result.started) >= {"nvidia-dcgm.service", "nvidia-persistenced.service"}
    assert machine.units["nvidia-dcgm.service"] == "active"
    assert not (tmp_path / _record.NAME).exists()


class Killed(BaseException):
    """The run was killed."""


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", range(40))
def test_killed_at_any_step_the_next_run_brings_the_host_to_where_it_was(make, tmp_path, monkeypatch, step, done):
    """done: whether the program that was running at that moment did its work."""
    machine = Machine(UNITS)
    before = (dict(machine.units), set(machine.modules))
    real, left = machine.run, [step]

    def run(argv, timeout=60):
        if left[0] == 0 and not done:
            raise Killed
        answer = real(argv, timeout)
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return answer

    monkeypatch.setattr(machine, "run", run)
    try:
        whole(make(machine))
    except Killed:
        monkeypatch.setattr(machine, "run", real)
        whole(make(machine))
    else:
        assert step > 15, "so many programs are run at the least"
    after = ({name: state for name, state in machine.units.items() if name in before[0]}, set(machine.modules))
    assert after == before
    assert machine.masked == set()
    assert list(tmp_path.iterdir()) == []


def test_the_layout_that_a_run_was_ended_with_while_it_put_it_back_is_not_taken_for_the_true_one(
    make, tmp_path, monkeypatch
):
    looked = []
    monkeypatch.setattr(_mig, "record", lambda _machine, _folder: looked.append(1) or {"GPU-1": [[9, 0, [0]]]})
    make(Machine()).stop()
    make(Machine()).stop()
    assert len(looked) == 1
    assert _record.read(str(tmp_path))["mig"] == {"GPU-1": [[9, 0, [0]]]}


def test_after_a_reboot_only_what_does_not_run_is_started(make):
    machine = Machine(UNITS)
    make(machine).stop()
    machine.units["nvidia-persistenced.service"] = "active"
    steps = make(machine)
    steps.load()
    steps.start()
    assert "nvidia-persistenced.service" not in steps.result.started
    assert steps.result.loaded == []
    assert "nvidia-dcgm.service" in steps.result.started


def test_nothing_to_do_changes_nothing(make):
    machine = Machine(["nvidia-persistenced.service"])
    steps = make(machine, wanted=["nvidia-persistenced.service"])
    steps.load()
    steps.start()
    assert steps.result.changed is False
    assert machine.calls == []


def test_check_mode_says_and_does_nothing(make, tmp_path):
    machine = Machine(UNITS)
    result = whole(make(machine, check=True, wanted=["nvidia-fabricmanager.service"]))
    assert result.unloaded == ["nvidia_drm", "nvidia_modeset", "nvidia_uvm", "nvidia"]
    assert result.stopped
    assert machine.calls == []
    assert list(tmp_path.iterdir()) == []


def test_dcgm_that_does_not_start_is_said_and_the_fabric_manager_fails(make):
    machine = Machine(UNITS)
    machine.failing["start", "nvidia-dcgm.service"] = "Job failed"
    assert whole(make(machine)).not_started == ["nvidia-dcgm.service: Job failed"]
    machine = Machine(["nvidia-fabricmanager.service"])
    machine.failing["start", "nvidia-fabricmanager.service"] = "Job failed"
    with pytest.raises(ReloadError, match=r"nvidia-fabricmanager\.service doesn't start: Job failed"):
        whole(make(machine))


def test_a_driver_that_does_not_load_is_an_error_another_module_a_note(make):
    machine = Machine((), {**LOADED, "gdrdrv": {"refcount": 0, "holders": []}})
    machine.failing["modprobe", "gdrdrv"] = "modprobe: FATAL: Module gdrdrv not found"
    assert "gdrdrv was loaded before" in whole(make(machine)).notes[0]
    machine = Machine()
    machine.failing["modprobe", "nvidia"] = "No such device"
    with pytest.raises(ReloadError, match="the module nvidia doesn't load: No such device"):
        whole(make(machine))


def test_a_unit_that_does_not_stop_is_an_error(make):
    machine = Machine(UNITS)
    machine.failing["stop", "nvidia-dcgm.service"] = "timeout"
    with pytest.raises(ReloadError, match=r"nvidia-dcgm\.service doesn't stop"):
        make(machine).stop()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / _record.NAME).write_text(content)
    with pytest.raises(ReloadError, match=r"reload\.json"):
        _record.read(str(tmp_path))


def test_a_record_keeps_what_was_first():
    old = {"services": ["a"], "modules": ["nvidia"], "mig": {"GPU-1": []}}
    assert _record.merged(old, ["b"], [], {}) == {"services": ["a", "b"], "modules": ["nvidia"], "mig": {"GPU-1": []}}
    assert json.dumps(_record.merged({"services": [], "modules": [], "mig": None}, [], [], {}))


def test_modules_load_after_what_they_build_on_and_nouveau_never():
    assert _modules.to_load(["nvidia_drm", "nouveau", "nvidia_modeset"]) == [
        "nvidia",
        "nvidia_uvm",
        "nvidia_modeset",
        "nvidia_drm",
    ]


def test_names_without_a_suffix_are_services():
    assert _services.order(["agent", "x.timer"])[:2] == ["agent.service", "x.timer"]
