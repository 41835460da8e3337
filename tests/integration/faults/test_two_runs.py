# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once, and what a run leaves running."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from fault_proxy import Call
from integration.engine.conftest import changes

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: %s}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: never}\nspec: {containers: [{name: c, image: i}]}\n"


class Slow:
    """A run in the background that is held at its write of one object."""

    def __init__(self, cluster, text: str, name: str) -> None:
        self.cluster, self.name = cluster, name
        self.met, self.go_on = threading.Event(), threading.Event()
        self.outcome: list = []
        cluster.proxy.before = self._before
        self.thread = threading.Thread(target=lambda: self.outcome.append(cluster.rollout(text)))
        self.thread.start()
        assert self.met.wait(20)

    def _before(self, call: Call) -> bool:
        if call.write and call.path.endswith("/" + self.name) and not self.met.is_set():
            self.met.set()
            self.go_on.wait(20)
        return True

    def end(self) -> dict:
        self.go_on.set()
        self.thread.join(20)
        return self.outcome[0]


def test_the_second_run_says_who_is_at_work_and_one_that_changes_nothing_is_let_by(cluster):
    cluster.rollout(OBJECT % ("one", "x"))
    slow = Slow(cluster, OBJECT % ("one", "y"), "one")
    with pytest.raises(
        RolloutError, match=r"another run is at work on it: .*@.* process \d+ run \w+, at work since 20"
    ):
        cluster.rollout(OBJECT % ("one", "z"))
    (warning,) = cluster.rollout(OBJECT % ("one", "z"), check_mode=True)["warnings"]
    assert "Another run works on demo" in warning
    assert not cluster.rollout(OBJECT % ("one", "x"))["changed"]
    assert changes(slow.end()) == {"one": "configured"}
    assert cluster.get("leases", api="/apis/coordination.k8s.io/v1")["items"] == []


def test_the_second_run_waits_and_plans_on_what_the_first_left(cluster):
    slow = Slow(cluster, OBJECT % ("one", "x") + "---\n" + OBJECT % ("two", "x"), "one")
    threading.Timer(1.5, slow.go_on.set).start()
    cluster.lines.clear()
    second = cluster.rollout(OBJECT % ("one", "y") + "---\n" + OBJECT % ("three", "x"), lease_wait=20)
    assert set(changes(slow.end()).values()) == {"created"}
    assert changes(second)["one"] == "configured", "it was to be created when it was planned first"
    assert any("waiting for" in line for line in cluster.lines)
    assert {"one", "three"} <= {name for _kind, name in cluster.inventory()}


def test_no_watch_outlives_its_run(cluster):
    def watching() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name in ("watch", "lease", "write")]

    with pytest.raises(RolloutError, match="did not become"):
        cluster.rollout(POD, wait=True, wait_timeout=2)
    assert [call for call, _fault in cluster.proxy.calls if call.watch]
    time.sleep(0.2)
    assert watching() == []
