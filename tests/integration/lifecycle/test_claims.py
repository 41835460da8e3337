# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claim templates on a real API server: what is refused, what grows, what a broken run leaves."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _recreate
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from integration.engine.conftest import changes
from integration.ownership.conftest import until

SET = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 2
  podManagementPolicy: Parallel
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "example.org/i:1"}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [%s], storageClassName: %s, resources: {requests: {storage: %s}}}
"""
STATUS = "application/merge-patch+json"


@pytest.fixture
def stateful(cluster):
    """A set whose claims are bound, by hand: no provisioner runs here."""
    for name, grows in (("grows", True), ("fixed", False)):
        body = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "example.org/none",
            "allowVolumeExpansion": grows,
        }
        path = "/apis/storage.k8s.io/v1/storageclasses/%s?fieldManager=test&force=true" % name
        cluster.server.request("PATCH", path, body, "application/apply-patch+yaml")

    def make(storage_class: str) -> None:
        cluster.rollout(SET % ("ReadWriteOnce", storage_class, "1Gi"))
        until(lambda: len(cluster.get("persistentvolumeclaims")["items"]) == 2)
        for claim in cluster.get("persistentvolumeclaims")["items"]:
            path = cluster.path("persistentvolumeclaims", claim["metadata"]["name"])
            cluster.server.request("PATCH", path, {"spec": {"volumeName": "v-" + claim["metadata"]["name"]}}, STATUS)
            status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
            cluster.server.request("PATCH", path + "/status", {"status": status}, STATUS)
        until(lambda: len(cluster.get("pods")["items"]) == 2)

    return make


def pods(cluster):
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.get("pods")["items"]}


def sizes(cluster):
    items = cluster.get("persistentvolumeclaims")["items"]
    return {item["metadata"]["name"]: item["spec"]["resources"]["requests"]["storage"] for item in items}


def owner(cluster):
    """UIDs of the owners of all pods."""
    return {(pod["metadata"].get("ownerReferences") or [{}])[0].get("uid") for pod in cluster.get("pods")["items"]}


def uid(cluster):
    found = cluster.get("statefulsets", "web", "/apis/apps/v1")
    return found and found["metadata"]["uid"]


def test_growth_is_predicted_and_keeps_the_pods(cluster, stateful):
    stateful("grows")
    before, old = pods(cluster), uid(cluster)
    larger = SET % ("ReadWriteOnce", "grows", "2Gi")

    predicted = cluster.rollout(larger, check_mode=True, diff=True)
    assert changes(predicted) == {"data-web-0": "configured", "data-web-1": "configured", "web": "configured"}
    assert set(sizes(cluster).values()) == {"1Gi"}
    assert uid(cluster) == old
    assert any("data grows from 1Gi to 2Gi; pods stay" in warning for warning in predicted["warnings"])

    result = cluster.rollout(larger)
    assert changes(result) == changes(predicted)
    assert set(sizes(cluster).values()) == {"2Gi"}
    assert uid(cluster) not in (None, old)
    until(lambda: owner(cluster) == {uid(cluster)})
    assert pods(cluster) == before
    assert any("data-web-0 has 1Gi of 2Gi: its provisioner's resizer has not begun" in w for w in result["warnings"])
    assert not cluster.rollout(larger)["changed"]


@pytest.mark.parametrize(
    ("storage_class", "wanted", "said"),
    [
        ("grows", ("ReadWriteOnce", "grows", "500Mi"), "can't shrink from 1Gi to 500Mi"),
        ("grows", ("ReadWriteMany", "grows", "1Gi"), "accessModes: can't change from"),
        ("grows", ("ReadWriteOnce", "fixed", "1Gi"), 'storageClassName: can\'t change from "grows" to "fixed"'),
        ("fixed", ("ReadWriteOnce", "fixed", "2Gi"), "StorageClass fixed doesn't allow growth"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_written(cluster, stateful, storage_class, wanted, said):
    stateful(storage_class)
    old = uid(cluster)
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(SET % wanted, recreate=[{"kind": "StatefulSet", "name": "web"}])
    assert said in caught.value.message
    assert "Nothing was written" in caught.value.message
    assert set(sizes(cluster).values()) == {"1Gi"}
    assert uid(cluster) == old


@pytest.mark.parametrize("step", ["_delete", "_await_gone", "create"])
def test_a_run_that_breaks_is_taken_up(cluster, stateful, monkeypatch, step):
    stateful("grows")
    before = pods(cluster)
    larger = SET % ("ReadWriteOnce", "grows", "2Gi")

    class Killed(BaseException):
        pass

    def killed(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(_recreate, step, killed)
        with pytest.raises(Killed):
            cluster.rollout(larger)
    until(
        lambda: (
            not (cluster.get("statefulsets", "web", "/apis/apps/v1") or {"metadata": {}})["metadata"].get(
                "deletionTimestamp"
            )
        )
    )

    assert cluster.rollout(larger)["changed"]

    assert set(sizes(cluster).values()) == {"2Gi"}
    until(lambda: owner(cluster) == {uid(cluster)})
    assert pods(cluster) == before
    assert not cluster.rollout(larger)["changed"]
