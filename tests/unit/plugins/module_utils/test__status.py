# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a site stands: records, table, summary."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _status

IMAGE = "mirror.example/prometheus/prometheus"
OBJECT = {"kind": "Prometheus", "namespace": "m", "name": "k8s", "verdict": "current", "reason": ""}
INFO = {
    "verdict": "current",
    "objects": [OBJECT],
    "running": [
        {"container": "prometheus", "image": IMAGE + ":v3.14.0", "pods": 2},
        {"container": "config-reloader", "image": "quay.io/x/reloader:v0.93.0", "pods": 2},
    ],
    "lease": "",
}
SAME = {"objects": [{**OBJECT, "change": "unchanged", "fields": [], "effect": ""}]}
CHANGED = {**OBJECT, "change": "configured", "fields": ["spec.a", "spec.b"], "effect": "restarts its pods"}


def made(info=None, rollout=None, error=""):
    images = _status.site_images(["quay.io/prometheus/prometheus"], {"image_mirror": "mirror.example"})
    return _status.record(
        "prometheus",
        "3.14.0",
        images,
        INFO if info is None else info,
        SAME if rollout is None else rollout,
        error=error,
    )


def test_all_is_as_it_should_be():
    record = made()
    assert (record["running"], record["verdict"], record["drift"], record["wrong"]) == (["3.14.0"], "current", [], [])
    assert _status.summary([record]) == ""
    assert _status.document([record], "", {"cluster": "x"})["ok"]
    assert _status.table([record])[2:] == ["prometheus  3.14.0   3.14.0  current  none   -"]


def test_another_version_is_wrong_also_in_the_middle_of_an_upgrade():
    old = {"container": "prometheus", "image": IMAGE + ":v3.13.5@sha256:12", "pods": 1}
    record = made({**INFO, "running": [old, *INFO["running"]]})
    assert record["running"] == ["3.13.5", "3.14.0"]
    assert record["wrong"] == ["version"]


def test_drift_is_named_with_fields_and_what_it_disturbs():
    record = made(
        rollout={"objects": [CHANGED, {**OBJECT, "name": "old", "change": "deleted", "effect": "is deleted"}]}
    )
    assert record["wrong"] == ["drift"]
    lines = _status.table([record])
    assert lines[2].split()[-2:] == ["2", "2"]
    assert lines[3] == "    Prometheus m/k8s would be changed: spec.a, spec.b (restarts its pods)"
    assert lines[4] == "    Prometheus m/old would be deleted"
    assert _status.summary([record]) == "prometheus (drift)"


def test_what_is_not_current_is_said():
    late = {**OBJECT, "verdict": "in_progress", "reason": "1 of 2 replicas available"}
    record = made({**INFO, "verdict": "in_progress", "objects": [late]})
    assert record["wrong"] == ["in progress"]
    assert "    Prometheus m/k8s is in progress: 1 of 2 replicas available" in _status.table([record])


def test_a_component_that_is_not_there():
    record = made({"failed": True, "msg": "No record of the component prometheus: there is no ConfigMap"})
    assert (record["verdict"], record["reasons"]) == ("not_found", ["not rolled out"])
    assert made({"failed": True, "msg": "the server said no"})["verdict"] == "unknown"
    assert made({})["verdict"] == "unknown"


def test_why_nothing_was_compared():
    failed = {"failed": True, "msg": "2 problems. Nothing was written.\n- a\n- b", "objects": [CHANGED]}
    record = made(rollout=failed)
    assert (record["compared"], record["drift"], record["wrong"]) == (False, [], ["not compared"])
    assert _status.table([record])[3:] == [
        "    not compared: 2 problems. Nothing was written.",
        "      - a",
        "      - b",
    ]
    assert made(rollout={}, error="no such storage class")["problem"] == "no such storage class"


def test_who_is_at_work_is_said_and_long_lists_are_cut():
    many = [{**CHANGED, "name": "p%d" % number} for number in range(15)]
    lines = _status.table([made({**INFO, "lease": "me@here"}, {"objects": many})])
    assert lines[-2:] == ["    and 5 more", "    held by me@here"]


def test_a_cluster_that_cannot_be_looked_at_is_not_ok():
    assert not _status.document([], "no route to host", {})["ok"]
    assert not _status.document([], "", {})["ok"]
