# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs on one component: the second says who holds it, waits, or takes over."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine, _holder, _lease
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._interrupt import Interrupted
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leaseholder import FENCE_SECONDS
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import CONFIG_MAP, HOME, Ticker, changes, request, rollout
from fake_server import FakeServer

COLLECTION = "/apis/coordination.k8s.io/v1/namespaces/here/leases"
LEASE = COLLECTION + "/rollout-demo"
ONE = CONFIG_MAP % "one"
PATCHED = HOME + "configmaps/one"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer("here")


def stamp(ago: float = 0.0) -> str:
    moment = dt.datetime.now(dt.timezone.utc) - dt.timedelta(seconds=ago)  # noqa: UP017 (as the engine writes it)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def leave(server: FakeServer, ago: float = 1.0, version: str = "5", **annotations: str) -> None:
    """Another run's Lease."""
    spec = {
        "holderIdentity": "alice@bastion process 7 run abc",
        "leaseDurationSeconds": 30,
        "acquireTime": stamp(ago + 100),
        "renewTime": stamp(ago),
    }
    metadata = {"name": "rollout-demo", "uid": "u", "resourceVersion": version, "annotations": annotations}
    server.leases[LEASE] = {"metadata": metadata, "spec": spec}


class Watched(FakeServer):
    """Notes who held the Lease at each write."""

    def __init__(self, *namespaces: str) -> None:
        super().__init__(*namespaces)
        self.held: list[tuple[str, str | None]] = []

    def send(self, method, path, body=None, query=None, content_type=""):
        answer = super().send(method, path, body, query, content_type)
        if not (query or {}).get("dryRun") and "/leases" not in path and "authorization" not in path:
            spec = self.leases.get(LEASE, {}).get("spec", {})
            self.held.append((path.rpartition("/")[2], spec.get("holderIdentity")))
        return answer


def test_every_write_is_made_with_the_lease_and_it_is_given_back():
    server = Watched("here")
    rollout(server, ONE)
    assert {name for name, _holder_ in server.held} == {"one", "rollout-inventory-demo"}
    assert all(f"process {os.getpid()} run" in str(holder) for _name, holder in server.held)
    assert server.leases == {}


def test_a_run_that_changes_nothing_doesnt_ask_for_the_lease(server):
    rollout(server, ONE)
    leave(server)
    assert not rollout(server, ONE)["changed"]


def test_the_lease_follows_its_namespace_at_once():
    server = Watched()
    rollout(server, "apiVersion: v1\nkind: Namespace\nmetadata: {name: here}\n---\n" + ONE)
    assert server.held[0] == ("here", None)
    assert all(holder for _name, holder in server.held[1:])


def test_a_second_run_says_who_is_at_work_and_writes_nothing(server):
    leave(server)
    with pytest.raises(RolloutError) as caught:
        rollout(server, ONE)
    text = caught.value.message
    assert "another run is at work on it: alice@bastion process 7 run abc, at work since 20" in text
    assert "its Lease here/rollout-demo lasts until" in text
    assert "lease_wait" in text
    assert server.writes == []


def test_a_second_run_waits_as_long_as_it_was_told(server):
    lines: list[str] = []
    leave(server)
    with pytest.raises(RolloutError, match=r"waited for \d+ s \(lease_wait\)"):
        rollout(server, ONE, lines, lease_wait=25)
    assert 2 <= len([line for line in lines if "waiting for alice@bastion" in line]) <= 4


def test_a_run_that_waited_plans_again(server):
    leave(server)
    rounds = []
    read = server.get

    def get(path, query=None):
        if path == LEASE:
            rounds.append(path)
            if len(rounds) == 3:
                server.put(PATCHED, {"data": {"b": "of the other run"}}, "other")
                del server.leases[LEASE]
        return read(path, query)

    server.get = get
    lines: list[str] = []
    result = rollout(server, ONE, lines, lease_wait=60)
    assert changes(result) == {"one": "configured"}, "at first it was to be created"
    assert any("planning again" in line for line in lines)
    assert server.leases == {}


def test_a_record_that_another_run_wrote_since_the_plan_means_a_new_plan(server):
    rollout(server, ONE)
    send, lines = server.send, []

    def other_run_first(method, path, *rest, **named):
        if method == "POST" and path == COLLECTION:
            server.send = send
            server.put(HOME + "configmaps/rollout-inventory-demo", {"metadata": {"labels": {"x": "y"}}}, "other")
        return send(method, path, *rest, **named)

    server.send = other_run_first
    rollout(server, ONE + "---\n" + CONFIG_MAP % "two", lines)
    assert any("planning again" in line for line in lines)


def test_a_lease_that_was_left_behind_is_taken_over_once_nobody_renewed_it_here(server):
    leave(server, ago=3600)
    lines: list[str] = []
    result = rollout(server, ONE, lines)
    assert result["changed"]
    assert any("took the Lease over from alice@bastion" in line for line in lines)


def test_a_holder_whose_clock_is_wrong_but_who_renews_keeps_its_lease(server):
    leave(server, ago=3600)
    read, count = server.get, [5]

    def get(path, query=None):
        if path == LEASE:
            count[0] += 1
            leave(server, ago=3600, version=str(count[0]))
        return read(path, query)

    server.get = get
    with pytest.raises(RolloutError, match="another run is at work"):
        rollout(server, ONE)


@pytest.mark.skipif(not _holder.machine(), reason="needs /proc to tell a dead process")
def test_a_holder_that_died_on_this_machine_is_taken_over_at_once(server):
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    leave(server, **{_holder.MACHINE: _holder.machine(), _holder.PROCESS: done.stdout.strip() + " 12345"})
    assert rollout(server, ONE)["changed"]
    leave(server, **_holder.Holder().annotations)
    with pytest.raises(RolloutError, match="another run is at work"):
        rollout(server, ONE.replace("a: one", "a: two"))


def test_check_mode_takes_no_lease_and_says_who_has_it(server):
    assert rollout(server, ONE, check_mode=True)["warnings"] == []
    leave(server)
    (warning,) = rollout(server, ONE, check_mode=True)["warnings"]
    assert "Another run works on demo: alice@bastion" in warning
    assert server.leases[LEASE]["metadata"]["uid"] == "u"


def test_a_right_that_is_missing_is_named(server):
    server.refuse = {"GET " + LEASE: [ApiError(403, "Forbidden", "User x cannot get leases")]}
    with pytest.raises(
        RolloutError, match=r"Grant get, create, update, delete on leases \(coordination.k8s.io\) in the"
    ):
        rollout(server, ONE)
    assert server.writes == []


@pytest.mark.parametrize("end", ["an error", "a signal"])
def test_it_is_given_back_however_the_run_ends(server, end):
    send, got = server.send, []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: got.append(number))

    def fail(method, path, body=None, query=None, content_type=""):
        if path == PATCHED and not query.get("dryRun"):
            assert LEASE in server.leases
            if end == "an error":
                raise ApiError(422, "Invalid", "no")
            os.kill(os.getpid(), signal.SIGTERM)
        return send(method, path, body, query, content_type)

    server.send = fail
    lines: list[str] = []
    try:
        with pytest.raises(RolloutError if end == "an error" else Interrupted):
            rollout(server, ONE, lines)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert server.leases == {}
    assert (got == [signal.SIGTERM]) == (end == "a signal"), "whoever handled the signal before gets it afterwards"
    assert (lines[-1] == "demo: " + _lease.INTERRUPTED) == (end == "a signal")


def held(server: FakeServer, ticker: Ticker, alive=lambda: True):
    return _lease.held(server, request(ONE), lambda _line: None, Clock(ticker.now, ticker.sleep), alive)


def test_before_a_late_write_the_lease_is_renewed(server):
    ticker = Ticker()
    with held(server, ticker) as client:
        client.send("DELETE", _there(server, "a"))
        first = server.leases[LEASE]["metadata"]["resourceVersion"]
        ticker.time += FENCE_SECONDS / 2
        client.send("DELETE", _there(server, "b"))
        assert server.leases[LEASE]["metadata"]["resourceVersion"] == first
        ticker.time += FENCE_SECONDS
        client.send("DELETE", _there(server, "c"))
        assert server.leases[LEASE]["metadata"]["resourceVersion"] != first


@pytest.mark.parametrize("fate", ["taken", "deleted"])
def test_who_lost_the_lease_writes_no_more(server, fate):
    ticker = Ticker()
    with held(server, ticker) as client:
        client.send("DELETE", _there(server, "a"))
        if fate == "taken":
            leave(server, version="999")
        else:
            server.leases.clear()
        ticker.time += FENCE_SECONDS + 1
        path = _there(server, "b")
        with pytest.raises(RolloutError, match="this run lost its Lease to"):
            client.send("DELETE", path)
        with pytest.raises(RolloutError, match="this run lost its Lease to"):
            client.send("DELETE", path)
        assert path in server.wishes
    assert (LEASE in server.leases) == (fate == "taken"), "another's Lease is left alone"


def test_an_own_renewal_whose_answer_was_lost_is_recognised(server):
    ticker = Ticker()
    with held(server, ticker) as client:
        client.send("DELETE", _there(server, "a"))
        server.leases[LEASE]["metadata"]["resourceVersion"] = "777"
        ticker.time += FENCE_SECONDS + 1
        client.send("DELETE", _there(server, "b"))
        server.leases[LEASE]["metadata"]["resourceVersion"] = "888"
    assert server.leases == {}


def test_an_orphan_begins_no_writing(server):
    with held(server, Ticker(), lambda: False) as client, pytest.raises(RolloutError, match="was left alone"):
        client.send("DELETE", _there(server, "a"))


def test_a_component_that_takes_its_own_namespace_along_needs_no_lease_there(server):
    ticker = Ticker()
    with held(server, ticker) as client:
        client.send("DELETE", _there(server, "a"))
        del server.wishes["/api/v1/namespaces/here"]
        server.leases.clear()
        ticker.time += FENCE_SECONDS + 1
        client.send("DELETE", _there(server, "b"))


def test_questions_and_dry_runs_need_no_lease(server):
    with held(server, Ticker()) as client:
        client.send(
            "PATCH", PATCHED, request(ONE).manifests[0].body, {"dryRun": "All", "fieldManager": "x", "force": "true"}
        )
    assert server.leases == {}


def _there(server: FakeServer, name: str) -> str:
    server.put(HOME + "configmaps/" + name, {})
    return HOME + "configmaps/" + name


def test_the_keeper_renews_and_stops_with_the_run(server, monkeypatch):
    from ansible_collections.openhands.gpu_observability.plugins.module_utils import _leaseholder  # noqa: PLC0415

    monkeypatch.setattr(_leaseholder, "LOOK_SECONDS", 0.001)
    ticker = Ticker()
    with held(server, ticker) as client:
        client.send("DELETE", _there(server, "a"))
        first = server.leases[LEASE]["metadata"]["resourceVersion"]
        ticker.time += _leaseholder.RENEW_SECONDS + 1
        deadline = time.monotonic() + 5
        while server.leases[LEASE]["metadata"]["resourceVersion"] == first and time.monotonic() < deadline:
            time.sleep(0.001)
        assert server.leases[LEASE]["metadata"]["resourceVersion"] != first
    assert server.leases == {}


def test_the_engine_takes_who_started_it_from_its_caller(server):
    with pytest.raises(RolloutError, match="was left alone"):
        _engine.run(request(ONE), lambda _line: None, client=server, alive=lambda: False)
    assert server.writes == []
