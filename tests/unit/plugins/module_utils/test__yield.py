# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to controllers."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _drift, _managers, _yield
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Manifest
from fake_server import FakeServer

SCALERS = "/apis/autoscaling/v2/namespaces/here/horizontalpodautoscalers"
REPLICAS = {"f:spec": {"f:replicas": {}}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


class Server(FakeServer):
    """Has autoscalers to list; None is a refusal to list them."""

    def __init__(self, *targets, refuse=0):
        super().__init__("here")
        self.targets, self.status, self.calls = targets, refuse, 0

    def get(self, path, query=None):
        assert path == SCALERS
        self.calls += 1
        if self.status:
            raise ApiError(self.status, "", "no")
        found = [{"metadata": {"name": "scaler"}, "spec": {"scaleTargetRef": target}} for target in self.targets]
        return {"items": found}


def deployment(wanted, now, *owners):
    """A Deployment whose replicas these managers hold."""
    spec = {} if wanted is None else {"replicas": wanted}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "here"}}
    entries = [
        {"manager": name, "operation": "Update", "subresource": sub, "fieldsV1": REPLICAS} for name, sub in owners
    ]
    live = {
        **head,
        "metadata": {**head["metadata"], "managedFields": entries},
        "spec": {"replicas": now, "paused": True},
    }
    manifest = Manifest({**head, "spec": {**spec, "paused": True}})
    return Item(manifest, manifest.id, live=live)


SCALER = ("kube-controller-manager", "scale")
US = (_drift.FIELD_MANAGER, "")


@pytest.mark.parametrize(
    ("wanted", "now", "owners", "applied"),
    [
        (2, 5, [SCALER], {"paused": True}),
        (2, 2, [SCALER], {"paused": True}),
        (2, 5, [("keda", "scale")], {"paused": True}),
        (2, 5, [("kubectl", "scale")], {"paused": True}),
        (2, 5, [(_managers.KEPT, "")], {"paused": True}),
        # Ours alone: left out, it would become the default.
        (2, 5, [US], {"replicas": 5, "paused": True}),
        (2, 2, [US], {"replicas": 2, "paused": True}),
        (None, 5, [SCALER], {"paused": True}),
    ],
)
def test_replicas_are_the_autoscalers_while_it_is_there(wanted, now, owners, applied):
    item = deployment(wanted, now, *owners)
    _yield.consider(Server(TARGET), item)
    assert item.wanted["spec"] == applied
    assert item.take_over == ()


def test_nobody_is_asked_where_nothing_differs():
    server = Server(TARGET)
    _yield.consider(server, deployment(2, 2, US))
    assert server.calls == 0


def test_without_an_autoscaler_the_field_is_taken_back():
    item = deployment(2, 5, SCALER)
    _yield.consider(Server({**TARGET, "name": "other"}, {**TARGET, "kind": "StatefulSet"}), item)
    assert item.wanted["spec"]["replicas"] == 2
    assert item.take_over == ("spec.replicas",)
    assert "no autoscaler targets it any more" in item.note


@pytest.mark.parametrize("status", [403, 404])
def test_who_may_not_look_takes_the_holder_at_its_word(status):
    item = deployment(2, 5, SCALER)
    _yield.consider(Server(refuse=status), item)
    assert item.wanted["spec"] == {"paused": True}
    item = deployment(2, 5, ("their-operator", ""))
    _yield.consider(Server(refuse=status), item)
    assert item.wanted["spec"]["replicas"] == 2


def test_a_broken_server_is_no_answer():
    with pytest.raises(ApiError):
        _yield.consider(Server(refuse=500), deployment(2, 5, SCALER))


@pytest.mark.parametrize("manager", ["their-operator", "kubectl-scale"])
def test_a_stranger_without_an_autoscaler_is_left_to_the_conflict(manager):
    item = deployment(2, 5, (manager, "scale"))
    _yield.consider(Server(), item)
    assert item.wanted["spec"]["replicas"] == 2
    assert item.take_over == ()


def claim(wanted, now, manager="autoresizer"):
    head = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "here"}}
    fields = {"f:spec": {"f:resources": {"f:requests": {"f:storage": {}}}}}
    entries = [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]

    def spec(size):
        return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}

    manifest = Manifest({**head, "spec": spec(wanted)})
    live = {**head, "metadata": {**head["metadata"], "managedFields": entries}, "spec": spec(now)}
    return Item(manifest, manifest.id, live=live)


@pytest.mark.parametrize(
    ("wanted", "now", "manager", "yields"),
    [
        ("1Gi", "2Gi", "autoresizer", True),
        ("1Gi", "2Gi", "kubectl-edit", True),
        ("1Gi", "1100M", "autoresizer", True),
        ("2Gi", "1Gi", "autoresizer", False),
        ("1Gi", "1024Mi", "autoresizer", False),
        ("1Gi", "2Gi", _drift.FIELD_MANAGER, False),
        ("a lot", "2Gi", "autoresizer", False),
    ],
)
def test_a_larger_claim_stays(wanted, now, manager, yields):
    item = claim(wanted, now, manager)
    _yield.consider(FakeServer(), item)
    assert ("resources" not in item.wanted["spec"]) is yields
    assert ("can't shrink" in item.note) is yields
    assert item.manifest.body["spec"]["resources"]["requests"]["storage"] == wanted


def test_an_injected_bundle_is_left_and_only_that():
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    fields = {"f:webhooks": {'k:{"name":"b"}': {"f:clientConfig": {"f:caBundle": {}}, "f:timeoutSeconds": {}}}}
    wanted = {"webhooks": [{"name": name, "clientConfig": {"caBundle": "x", "url": "u"}} for name in "ab"]}
    entries = [{"manager": "cainjector", "operation": "Update", "fieldsV1": fields}]
    manifest = Manifest({**head, "metadata": {"name": "hook"}, **wanted})
    item = Item(manifest, manifest.id, live={**head, "metadata": {"name": "hook", "managedFields": entries}, **wanted})
    _yield.consider(FakeServer(), item)
    assert [hook["clientConfig"] for hook in item.wanted["webhooks"]] == [{"caBundle": "x", "url": "u"}, {"url": "u"}]
    assert item.note == "left webhooks[1].clientConfig.caBundle to the injector of CA bundles"
    _yield.consider(FakeServer(), item)
    assert item.note.count("left") == 1


def test_a_new_object_is_applied_whole():
    item = claim("1Gi", "2Gi")
    item.live, item.body = None, {"stale": True}
    _yield.consider(FakeServer(), item)
    assert item.wanted is item.manifest.body
