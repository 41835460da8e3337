# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short cut by fingerprints saves dry runs and hides nothing: each way to change an object is tried behind it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _dry_run
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from integration.engine.conftest import changes

APPS = "/apis/apps/v1"
MERGE = "application/merge-patch+json"
TEXT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {tier: ours}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: example.org/web:1}]}}
"""
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.NS.example.org}
spec:
  group: NS.example.org
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {spec: SPEC}}}
    - name: v2
      served: true
      storage: false
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {spec: SPEC}}}
"""
THING = "apiVersion: NS.example.org/v1\nkind: Thing\nmetadata: {name: one}\nspec: {size: 1}\n"


@pytest.fixture
def asked(monkeypatch):
    """Names of the objects that were dry-run."""
    names = []
    check = _dry_run.check

    def noted(client, item, coming):
        names.append(item.id.name)
        return check(client, item, coming)

    monkeypatch.setattr(_dry_run, "check", noted)
    return names


def by(cluster, manager, change, subresource=""):
    """Somebody's change; a person's is undone, a program's stops the run."""
    path = cluster.path("deployments", "web", APPS) + subresource + "?fieldManager=" + manager
    cluster.server.request("PATCH", path, change, MERGE)


def test_nothing_is_asked_when_nothing_was_done(cluster, asked):
    cluster.rollout(TEXT)
    asked.clear()
    assert changes(cluster.rollout(TEXT)) == {"web": "unchanged"}
    assert asked == []


CHANGES = {
    "a value of ours": ({"spec": {"replicas": 5}}, ""),
    "a value of ours through a subresource": ({"spec": {"replicas": 5}}, "/scale"),
    "a label of ours": ({"metadata": {"labels": {"tier": "theirs"}}}, ""),
    "a label of ours away": ({"metadata": {"labels": {"tier": None}}}, ""),
    "the component's label away": ({"metadata": {"labels": {"gpu-observability.openhands.dev/component": None}}}, ""),
}


@pytest.mark.parametrize(("change", "subresource"), CHANGES.values(), ids=CHANGES)
def test_a_persons_change_is_seen_and_undone(cluster, asked, change, subresource):
    cluster.rollout(TEXT)
    before = cluster.get("deployments", "web", APPS)
    asked.clear()
    by(cluster, "kubectl-edit", change, subresource)
    assert changes(cluster.rollout(TEXT)) == {"web": "configured"}
    assert asked == ["web"]
    after = cluster.get("deployments", "web", APPS)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert changes(cluster.rollout(TEXT)) == {"web": "unchanged"}


@pytest.mark.parametrize("subresource", ["", "/scale"])
def test_a_programs_change_is_seen_and_stops(cluster, subresource):
    cluster.rollout(TEXT)
    by(cluster, "their-operator", {"spec": {"replicas": 5}}, subresource)
    with pytest.raises(InvalidInput, match="their-operator"):
        cluster.rollout(TEXT)


def test_a_change_there_and_back_is_no_change_but_of_the_owner(cluster, asked):
    """The content is ours again, the field is not: who takes it next would not meet us. No generation tells here."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: ours}\n"
    cluster.rollout(text)
    path = cluster.path("configmaps", "one") + "?fieldManager=their-operator"
    for value in ("theirs", "ours"):
        cluster.server.request("PATCH", path, {"data": {"a": value}}, MERGE)
    asked.clear()
    assert changes(cluster.rollout(text)) == {"one": "configured"}
    assert asked == ["one"]


def test_a_take_over_by_force_is_seen(cluster):
    cluster.rollout(TEXT)
    theirs = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"tier": "theirs"}}}
    cluster.apply_as("their-operator", "deployments", theirs, APPS)
    with pytest.raises(InvalidInput, match="their-operator"):
        cluster.rollout(TEXT)


def test_our_entry_taken_away_is_seen(cluster):
    cluster.rollout(TEXT)
    path = cluster.path("deployments", "web", APPS)
    cluster.server.request("PATCH", path, {"metadata": {"managedFields": [{}]}}, MERGE)
    assert changes(cluster.rollout(TEXT)) == {"web": "configured"}


def test_an_object_made_anew_is_seen(cluster):
    cluster.rollout(TEXT)
    path = cluster.path("deployments", "web", APPS)
    body = cluster.server.request("GET", path)
    cluster.server.request("DELETE", path)
    assert changes(cluster.rollout(TEXT)) == {"web": "created"}
    assert cluster.server.request("GET", path)["metadata"]["uid"] != body["metadata"]["uid"]


def test_another_default_of_the_api_is_seen(cluster, asked):
    """A definition's new default shows in every object that is read; the next look asks the server once more."""
    old, new = (
        "{type: object}",
        "{type: object, properties: {size: {type: integer}, limit: {type: integer, default: 3}}}",
    )
    text = (DEFINITION + "---\n" + THING).replace("NS", cluster.namespace)
    cluster.rollout(text.replace("SPEC", old.replace("}", ", properties: {size: {type: integer}}}", 1)))
    cluster.rollout(text.replace("SPEC", new))
    asked.clear()
    result = changes(cluster.rollout(text.replace("SPEC", new)))
    assert result["one"] == "unchanged"
    assert "one" in asked
    thing = cluster.get("things", "one", "/apis/%s.example.org/v1" % cluster.namespace)
    assert thing["spec"] == {"size": 1, "limit": 3}


def test_another_version_in_the_template_is_seen(cluster, asked):
    spec = "{type: object, properties: {size: {type: integer}}}"
    text = (DEFINITION + "---\n" + THING).replace("NS", cluster.namespace).replace("SPEC", spec)
    cluster.rollout(text)
    asked.clear()
    newer = text.replace("example.org/v1\nkind: Thing", "example.org/v2\nkind: Thing")
    assert changes(cluster.rollout(newer))["one"] == "configured"
    assert "one" in asked
    assert changes(cluster.rollout(newer))["one"] == "unchanged"


def test_a_wrong_record_is_not_believed(cluster, asked):
    """Fingerprints of another object, or of another time, match nothing."""
    cluster.rollout(TEXT)
    path = cluster.path("configmaps", "rollout-inventory-demo")
    record = cluster.server.request("GET", path)
    (entry,) = json.loads(record["data"]["objects.json"])
    for key in ("desired", "owned", "uid"):
        wrong = json.dumps([{**entry, key: "0" * 32}])
        cluster.server.request("PATCH", path, {"data": {"objects.json": wrong}}, MERGE)
        asked.clear()
        assert changes(cluster.rollout(TEXT)) == {"web": "unchanged"}, key
        assert asked == ["web"], key


def test_a_change_to_a_secret_is_seen_though_it_has_no_fingerprint(cluster, asked):
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {a: one}\n"
    cluster.rollout(text)
    record = cluster.get("configmaps", "rollout-inventory-demo")["data"]["objects.json"]
    assert "desired" not in record
    cluster.server.request(
        "PATCH", cluster.path("secrets", "login") + "?fieldManager=k9s", {"data": {"a": "eA=="}}, MERGE
    )
    assert changes(cluster.rollout(text)) == {"login": "configured"}
