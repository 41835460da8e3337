# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One hop after the other, on a clock that only moves when the proof waits."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof import Hop, Pace, Seen, prove
from fake_pods import FakeClock


class Play:
    """A stage whose stations are reached so many seconds after the cause came or went."""

    def __init__(self, clock, rising=(3.0, 5.0), falling=(4.0,), quiet=0.0):
        self.clock, self.acts, self.since = clock, [], 0.0
        self.times = {"quiet": [quiet], "rising": rising, "falling": falling}
        self.refuse = []

    def _act(self, name):
        if self.refuse and self.refuse[0] == name:
            self.refuse.pop(0)
            raise Unreachable("no pod is ready")
        self.acts.append(name)
        self.since = self.clock()

    def calm(self):
        self._act("calm")

    def trouble(self):
        self._act("trouble")

    def _hops(self, phase):
        return [
            Hop(f"{phase}{index}", f"at {phase}{index}", self._look(after), f"Look at {phase}{index}.")
            for index, after in enumerate(self.times[phase])
        ]

    def _look(self, after):
        return lambda: Seen(self.clock() - self.since >= after, "seen")

    def quiet(self):
        return self._hops("quiet")

    def rising(self):
        return self._hops("rising")

    def falling(self):
        return self._hops("falling")


@pytest.fixture
def clock():
    return FakeClock()


def run(stage, clock, lines=None, **more):
    pace = Pace(**{"timeout": 20.0, "interval": 1.0, **more}, clock=clock, sleep=clock.sleep, now=lambda: 1.5 + clock())
    return prove(stage, "Alarm", pace, (lines if lines is not None else []).append)


def test_every_hop_with_its_time(clock):
    stage, lines = Play(clock), []
    proof = run(stage, clock, lines)
    assert proof.ok
    assert proof.restored
    assert (proof.missing, proof.reason) == ("", "")
    assert [(hop.phase, hop.name, hop.seconds, hop.since_previous) for hop in proof.hops] == [
        ("raised", "rising0", 3.0, 3.0),
        ("raised", "rising1", 5.0, 2.0),
        ("lowered", "falling0", 4.0, 4.0),
    ]
    assert proof.hops[0].at == "1970-01-01T00:00:04.500+00:00"
    assert proof.seconds == 9.0
    assert stage.acts == ["calm", "trouble", "calm"]
    assert "Alarm: at rising1 after 5.0 s (seen)" in lines
    assert proof.as_dict()["hops"][0]["name"] == "rising0"


def test_it_starts_when_nothing_fires_from_before(clock):
    stage = Play(clock, quiet=7.0)
    proof = run(stage, clock)
    assert proof.ok
    assert [hop.name for hop in proof.hops] == ["rising0", "rising1", "falling0"]
    assert proof.seconds == 16.0


@pytest.mark.parametrize(
    ("slow", "missing", "acts"),
    [
        ({"quiet": 1e9}, "quiet0", ["calm"]),
        ({"rising": (1e9,)}, "rising0", ["calm", "trouble", "calm"]),
        ({"rising": (1.0, 1e9)}, "rising1", ["calm", "trouble", "calm"]),
        ({"falling": (1e9,)}, "falling0", ["calm", "trouble", "calm"]),
    ],
)
def test_the_missing_hop_is_named_with_what_to_look_at(clock, slow, missing, acts):
    stage = Play(clock, **slow)
    proof = run(stage, clock)
    assert not proof.ok
    assert proof.missing == missing
    assert proof.reason == f"Alarm was not at {missing} within 20 s (seen). Look at {missing}."
    assert stage.acts == acts
    assert proof.restored is (acts != ["calm"])


def test_a_phase_never_lasts_longer_than_its_timeout(clock):
    run(Play(clock, rising=(1e9,)), clock, interval=7.0)
    assert clock.now == 20.0


def test_it_speaks_up_now_and_then_while_waiting(clock):
    lines = []
    run(Play(clock, rising=(19.0,)), clock, lines)
    assert [line for line in lines if "waiting" in line and "rising" in line] == [
        "Alarm: waiting until it is at rising0, 0 s (seen)",
        "Alarm: waiting until it is at rising0, 15 s (seen)",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_what_comes_from_outside_passes_through_but_the_workload_is_set_back(clock, error):
    stage = Play(clock, rising=(1e9,))

    def interrupt():
        if "trouble" in stage.acts:
            raise error

    clock.on_sleep.append(interrupt)
    with pytest.raises(error):
        run(stage, clock)
    assert stage.acts == ["calm", "trouble", "calm"]


def test_trouble_that_may_have_half_arrived_is_taken_back(clock):
    stage = Play(clock)
    stage.refuse = ["trouble"]
    proof = run(stage, clock)
    assert proof.missing == "workload"
    assert proof.reason == "The workload's settings could not be changed: no pod is ready."
    assert stage.acts == ["calm", "calm"]
    assert proof.restored


def test_setting_back_is_tried_three_times_and_its_failure_is_told(clock):
    stage, lines = Play(clock, rising=(1e9,)), []
    plain = stage.calm
    stage.calm = lambda: plain() if "trouble" not in stage.acts else (_ for _ in ()).throw(Unreachable("gone"))
    proof = run(stage, clock, lines)
    assert not proof.restored
    assert proof.reason.endswith("The workload could not be set back: do it by hand.")
    assert lines.count("Alarm: the workload could not be set back: gone") == 3


def test_a_server_that_is_away_for_a_moment_is_waited_for(clock):
    stage = Play(clock)
    answers = iter([Unreachable("gone"), ValueError("odd answer"), Seen(True, "there")])

    def look():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stage.rising = lambda: [Hop("h", "there", look, "hint")]
    lines = []
    assert run(stage, clock, lines).ok
    assert "Alarm: waiting until it is there, 0 s (gone)" in lines


def test_what_is_forbidden_is_not_waited_for(clock):
    stage = Play(clock)

    def look():
        raise Unreachable("pods is forbidden", fatal=True)

    stage.rising = lambda: [Hop("h", "there", look, "Look there.")]
    proof = run(stage, clock)
    assert (proof.missing, proof.reason) == ("h", "pods is forbidden. Look there.")
    assert clock.now == 0
    assert stage.acts[-1] == "calm"
