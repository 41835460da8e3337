# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions over Alertmanager's answers, on recordings from the lab and what can go wrong with them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks import _alertmanager

RECORDED = Path(__file__).parents[3] / "fixtures" / "checks" / "answers.json"


@pytest.fixture
def recorded():
    return copy.deepcopy(json.loads(RECORDED.read_text())["answers"])


def test_two_members_settled(recorded):
    check = _alertmanager.cluster(recorded["am_status"], 2)
    assert (check.ok, check.detail) == (True, "ready, 2 of 2 peers")


@pytest.mark.parametrize(
    ("status", "members", "peers", "ok"),
    [
        ("ready", 2, 3, False),
        ("settling", 2, 2, False),
        ("disabled", 0, 2, False),
        ("disabled", 0, 1, True),
        ("ready", 1, 1, True),
        ("settling", 1, 1, False),
    ],
)
def test_when_a_cluster_counts(recorded, status, members, peers, ok):
    recorded["am_status"]["cluster"] = {"status": status, "peers": recorded["am_status"]["cluster"]["peers"][:members]}
    assert _alertmanager.cluster(recorded["am_status"], peers).ok is ok


@pytest.mark.parametrize("nonsense", [None, [], "text", {"cluster": None}])
def test_nonsense_is_no_cluster(nonsense):
    check = _alertmanager.cluster(nonsense, 1)
    assert (check.ok, check.detail) == (False, "no status, 0 of 1 peers")


def test_the_version(recorded):
    assert _alertmanager.version(recorded["am_status"], "0.31.1").ok
    check = _alertmanager.version(recorded["am_status"], "0.34.0")
    assert (check.ok, check.detail) == (False, "0.31.1, expected 0.34.0")
    assert _alertmanager.version(None).detail == "unknown"


def test_receivers(recorded):
    assert _alertmanager.receivers(recorded["am_receivers"], ["heartbeat", "webhook-receiver"]).ok
    check = _alertmanager.receivers(recorded["am_receivers"], ["team-a", "heartbeat"])
    assert not check.ok
    assert check.detail.startswith("missing: team-a (it has slack-notifications, ")
    assert not _alertmanager.receivers(None, []).ok


def test_the_heartbeat(recorded):
    assert _alertmanager.heartbeat(recorded["am_alerts"], "Watchdog").ok
    check = _alertmanager.heartbeat([], "Watchdog")
    assert not check.ok
    assert "does Prometheus reach Alertmanager?" in check.detail


def test_alerts_by_labels(recorded):
    assert _alertmanager.with_labels(recorded["am_alerts"] + ["nonsense"], "Watchdog", {"cluster": "lab"})
    assert not _alertmanager.with_labels(recorded["am_alerts"], "Watchdog", {"cluster": "other"})
