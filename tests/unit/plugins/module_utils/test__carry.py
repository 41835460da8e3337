# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others wrote into an object that is created again."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _carry

RESTARTED = "kubectl.kubernetes.io/restartedAt"


def entry(manager: str, fields: dict, operation: str = "Update", **more: str) -> dict:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def wanted() -> dict:
    containers = [{"name": "c", "image": "i:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w", "namespace": "here"},
        "spec": {"selector": {"matchLabels": {"a": "y"}}, "template": {"spec": {"containers": containers}}},
    }


def live(*entries: dict, **spec: object) -> dict:
    body = wanted()
    body["spec"] = {**body["spec"], "replicas": 1, **spec}
    ours = {
        "f:spec": {"f:selector": {}, "f:template": {"f:spec": {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}}}}
    }
    body["metadata"]["managedFields"] = [entry("openhands-gpu-observability", ours, "Apply"), *entries]
    return body


def test_nothing_is_kept_where_nobody_else_wrote():
    assert _carry.foreign(live(), wanted()) is None


def test_what_was_scaled_is_kept_even_to_zero():
    scaled = entry("kube-controller-manager", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    assert _carry.foreign(live(scaled, replicas=4), wanted())["spec"] == {"replicas": 4}
    assert _carry.foreign(live(replicas=0), wanted())["spec"] == {"replicas": 0}


def test_a_restart_and_an_added_variable_are_kept():
    template = {
        "metadata": {"annotations": {RESTARTED: "now"}},
        "spec": {"containers": [{"name": "c", "image": "i:1", "env": [{"name": "X", "value": "1"}]}]},
    }
    env = {'k:{"name":"X"}': {".": {}, "f:name": {}, "f:value": {}}}
    fields = {
        "f:spec": {
            "f:template": {
                "f:metadata": {"f:annotations": {"f:" + RESTARTED: {}}},
                "f:spec": {"f:containers": {'k:{"name":"c"}': {"f:env": env, "f:image": {}}}},
            }
        }
    }
    kept = _carry.foreign(live(entry("kubectl-rollout", fields), template=template), wanted())
    assert kept["spec"]["template"] == {
        "metadata": {"annotations": {RESTARTED: "now"}},
        "spec": {"containers": [{"name": "c", "env": [{"name": "X", "value": "1"}]}]},
    }
    joined = _carry.joined(wanted(), kept)
    assert joined["spec"]["template"] == template
    assert joined["spec"]["selector"] == wanted()["spec"]["selector"]


def test_what_controllers_note_and_what_is_settled_anew_is_not():
    note = entry("kube-controller-manager", {"f:metadata": {"f:annotations": {"f:revision": {}}}})
    selector = entry("somebody", {"f:spec": {"f:selector": {"f:matchLabels": {"f:b": {}}}}, "f:status": {"f:x": {}}})
    old = live(note, selector)
    old["metadata"]["annotations"] = {"revision": "1"}
    assert _carry.foreign(old, wanted()) is None


def test_who_owns_only_that_a_map_exists_owns_none_of_it():
    old = live(
        entry("somebody", {"f:metadata": {"f:annotations": {".": {}}}, "f:spec": {"f:strategy": {"f:type": {}}}})
    )
    old["metadata"]["annotations"] = {"a": "b"}
    old["spec"]["strategy"] = {"type": "Recreate", "other": 1}
    assert _carry.foreign(old, wanted()) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w", "namespace": "here"},
        "spec": {"strategy": {"type": "Recreate"}},
    }


def test_a_secret_is_never_written_down():
    assert _carry.foreign(live(replicas=3), {**wanted(), "kind": "Secret"}) is None
