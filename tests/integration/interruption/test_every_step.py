# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run killed at each of its calls, then run again: it converges, and nothing is lost or left over."""

from __future__ import annotations

import itertools
import signal
from dataclasses import dataclass

import pytest
from fault_proxy import Call
from integration.interruption.conftest import CANARY, Runs

_NUMBER = itertools.count(1)
BEFORE = """---
apiVersion: v1
kind: Namespace
metadata: {name: %(ns)s}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: %(canary)s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {size: "1"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
"""
LEAVES = """---
apiVersion: v1
kind: ConfigMap
metadata: {name: leaves}
"""
AFTER = BEFORE.replace('size: "1"', 'size: "2"') + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n"
OURS = ("configmaps", "rollout-inventory-demo")


def fresh() -> str:
    return f"step-{next(_NUMBER)}"


def fill(text: str, namespace: str) -> str:
    return text % {"ns": namespace, "canary": CANARY}


@dataclass(frozen=True)
class Scenario:
    """Runs that come before, and the one that is killed and then run again."""

    before: tuple[str, ...]
    text: str
    state: str = "present"

    def prepared(self, runs: Runs) -> str:
        """A namespace in which the runs before were made."""
        namespace = fresh()
        for text in self.before:
            assert runs.run(namespace, fill(text, namespace)).code == 0
        return namespace

    def run(self, runs: Runs, namespace: str, **killing):
        return runs.run(namespace, fill(self.text, namespace), state=self.state, **killing)

    def undisturbed(self, runs: Runs) -> set[tuple[str, str]]:
        """What there is after a run that nobody kills; {} stands for the namespace's name."""
        namespace = self.prepared(runs)
        assert self.run(runs, namespace).code == 0
        return {(plural, "{}" if name == namespace else name) for plural, name in runs.live(namespace)}


SCENARIOS = {
    "install": Scenario((), BEFORE),
    "upgrade": Scenario((BEFORE + LEAVES,), AFTER),
    "absent": Scenario((BEFORE,), "", "absent"),
}


def settle(runs: Runs, scenario: Scenario, namespace: str, wanted: set[tuple[str, str]], where: str) -> None:
    """Run again, and look at what is there: what there would be anyway, its record, and nothing else."""
    home = {("namespaces", namespace)}  # comes before the record, which lives in it
    between = runs.live(namespace) - {OURS} - home
    assert between <= set(runs.record(namespace)), f"{where}: left behind and not on record"
    again = scenario.run(runs, namespace)
    assert again.code == 0, (where, again)
    assert runs.live(namespace) == {(plural, name.format(namespace)) for plural, name in wanted}, where
    if OURS in wanted:
        record = runs.record(namespace)
        assert set(record) | {OURS} == runs.live(namespace), where
        for (plural, name), uid in record.items():
            scope = "" if plural == "namespaces" else f"/namespaces/{namespace}"
            assert runs.get(f"/api/v1{scope}/{plural}/{name}")["metadata"]["uid"] == uid, (where, name)
    # Where the killed run had done everything, the next writes nothing: the dead Lease waits for one that does.
    assert runs.leases(namespace) == [] or not again.outcome["result"]["changed"], where
    assert runs.spilled() == [], where


@pytest.mark.parametrize(
    ("name", "number", "answered", "writes_only"),
    [
        ("install", signal.SIGKILL, False, False),
        ("install", signal.SIGTERM, True, True),
        ("install", signal.SIGINT, False, True),
        ("upgrade", signal.SIGKILL, True, True),
        ("upgrade", signal.SIGTERM, False, True),
        ("absent", signal.SIGKILL, True, True),
        ("absent", signal.SIGINT, True, True),
    ],
)
def test_a_run_killed_at_any_step_is_completed_by_the_next(runs, name, number, answered, writes_only):
    """Kill at the first call, the second, ... until a run gets to its end. answered: once the server has obeyed."""
    scenario = SCENARIOS[name]
    wanted = scenario.undisturbed(runs)
    for step in itertools.count(1):
        namespace = scenario.prepared(runs)
        seen = itertools.count(1)

        def pick(call: Call, step=step, seen=seen) -> bool:
            return (call.write or not writes_only) and next(seen) == step

        ended = scenario.run(runs, namespace, kill=pick, answered=answered, number=number)
        if not ended.signal:
            assert ended.code == 0, (step, ended)
            assert step > (6 if writes_only else 20), "a run has more steps than that"
            return
        assert ended.signal == number
        where = f"{number.name} at {ended.calls[-1]} {'after' if answered else 'before'} the server ({namespace})"
        if number != signal.SIGKILL:
            assert runs.get(f"/api/v1/namespaces/{namespace}") is None or runs.leases(namespace) == [], where
        settle(runs, scenario, namespace, wanted, where)
