# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs own: named when it stops a run, taken when that is asked for, and never more than was asked for."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _apply
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from integration.engine.conftest import changes

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {note: ours}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: example.org/web:1, ports: [{containerPort: 80}]}
        - {name: side, image: example.org/side:1}
"""
APPS = "/apis/apps/v1"
IMAGE = 'spec.template.spec.containers[name="web"].image'


def theirs(**spec):
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {"note": "x"}}}
    template = {"spec": {"containers": [{"name": "web", "image": "example.org/web:9"}]}}
    return {**head, "spec": {"template": template, **spec}}


def take_over(*fields, kind="Deployment", name="web"):
    return {"take_over": [{"kind": kind, "name": name, "fields": list(fields)}]}


@pytest.fixture
def contested(cluster):
    """A Deployment of ours in which another program has set three fields."""
    cluster.rollout(DEPLOYMENT)
    cluster.apply_as("their-operator", "deployments", theirs(replicas=7), APPS)
    return cluster


def problems(cluster, text=DEPLOYMENT, **options):
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(text, **options)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_every_field_is_named_with_owner_values_and_what_to_do(contested):
    found = problems(contested)
    assert set(found) == {"spec.replicas", IMAGE, "metadata.annotations.note"}
    owner, _colon, rest = found[IMAGE].partition("): ")
    assert owner.startswith("is owned by the field manager their-operator (Apply, at 20")
    assert rest.startswith(
        'it is "example.org/web:9", the set has "example.org/web:1". '
        "Leave the field out of the set, or take it over: take_over: "
    )
    entry = "take_over: [{kind: Deployment, name: web, namespace: %s, fields: ['%s']}]" % (contested.namespace, IMAGE)
    assert found[IMAGE].endswith(entry)
    assert "it is 7, the set has 2" in found["spec.replicas"]


def test_only_what_is_permitted_is_taken(contested):
    found = problems(contested, **take_over("spec.replicas", "spec.template.spec.containers[name=web]"))
    assert set(found) == {"metadata.annotations.note"}
    assert contested.get("deployments", "web", APPS)["spec"]["replicas"] == 7


def test_what_is_permitted_is_taken_once_and_kept(contested):
    permitted = take_over("spec", "metadata.annotations.note")
    result = contested.rollout(DEPLOYMENT, **permitted)
    assert changes(result) == {"web": "configured"}
    assert "from their-operator" in result["warnings"][0]
    body = contested.get("deployments", "web", APPS)
    assert body["spec"]["replicas"] == 2
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/web:1"
    assert changes(contested.rollout(DEPLOYMENT, **permitted)) == {"web": "unchanged"}
    assert changes(contested.rollout(DEPLOYMENT)) == {"web": "unchanged"}


def test_leaving_the_fields_out_ends_the_conflict(contested):
    text = DEPLOYMENT.replace("  replicas: 2\n", "").replace(", annotations: {note: ours}", "")
    text = text.replace("image: example.org/web:1, ", "image: example.org/web:9, ")
    contested.rollout(text)
    assert contested.get("deployments", "web", APPS)["spec"]["replicas"] == 7
    assert changes(contested.rollout(text)) == {"web": "unchanged"}


def test_an_entry_that_leads_nowhere_is_refused_before_anything_is_written(cluster):
    found = problems(cluster, **take_over("spec.replica"))
    assert "no such field" in found["spec.replica"]
    assert cluster.get("deployments", "web", APPS) is None


def test_who_updated_is_named_with_subresource_and_time(cluster):
    cluster.rollout(DEPLOYMENT)
    path = cluster.path("deployments", "web", APPS) + "/scale?fieldManager=their-scaler"
    cluster.server.request("PATCH", path, {"spec": {"replicas": 4}}, "application/merge-patch+json")
    (message,) = problems(cluster).values()
    assert "their-scaler (Update, subresource scale" in message
    path = cluster.path("deployments", "web", APPS) + "?fieldManager=their-operator"
    change = {"metadata": {"annotations": {"note": "theirs"}}}
    cluster.server.request("PATCH", path, change, "application/merge-patch+json")
    assert "their-operator (Update, at 20" in problems(cluster)["metadata.annotations.note"]


def test_a_secrets_values_stay_hidden(cluster):
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: our-canary-1}\n"
    cluster.rollout(text)
    value = base64.b64encode(b"their-canary-2").decode()
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": {"password": value}}
    cluster.apply_as("their-vault", "secrets", body)
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(text)
    shown = str(caught.value) + repr(caught.value.result)
    assert "data.password" in shown
    assert "their-vault" in shown
    for canary in (b"our-canary-1", b"their-canary-2"):
        assert canary.decode() not in shown
        assert base64.b64encode(canary).decode() not in shown
    cluster.rollout(text, **take_over("data.password", kind="Secret", name="login"))
    assert cluster.get("secrets", "login")["data"]["password"] == base64.b64encode(b"our-canary-1").decode()


def test_a_conflict_that_comes_between_plan_and_write_stops_it(cluster, monkeypatch):
    cluster.rollout(DEPLOYMENT)
    write = _apply.write

    def late(client, items, emit, clock):
        if any(item.id.kind == "Deployment" for item in items):
            monkeypatch.setattr(_apply, "write", write)
            cluster.apply_as("their-operator", "deployments", theirs(), APPS)
        return write(client, items, emit, clock)

    monkeypatch.setattr(_apply, "write", late)
    assert IMAGE in problems(cluster, DEPLOYMENT.replace("replicas: 2", "replicas: 3"))
    assert cluster.get("deployments", "web", APPS)["spec"]["replicas"] == 2


def test_an_object_whose_owners_were_lost_is_mended_when_it_is_ours(cluster):
    cluster.rollout(DEPLOYMENT)
    path = cluster.path("deployments", "web", APPS)
    nobody = {"metadata": {"managedFields": [{}]}, "spec": {"replicas": 5}}
    cluster.server.request("PATCH", path, nobody, "application/merge-patch+json")
    assert "managedFields" not in cluster.server.request("GET", path)["metadata"]
    assert changes(cluster.rollout(DEPLOYMENT)) == {"web": "configured"}
    assert cluster.server.request("GET", path)["spec"]["replicas"] == 2
    assert changes(cluster.rollout(DEPLOYMENT)) == {"web": "unchanged"}
    cluster.rollout(DEPLOYMENT.replace(", annotations: {note: ours}", ""))
    assert "note" not in cluster.server.request("GET", path)["metadata"].get("annotations", {})
