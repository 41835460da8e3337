# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims of a running StatefulSet grow: pods keep running, ready and themselves.

The lab's provisioner makes folders and can't grow them: the API takes the growth, the capacity stays as it was, and
the run says so. What a resizer does after that is not shown here.
"""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request

from .conftest import KUBECONFIG

pytestmark = pytest.mark.lab
IMAGE = "lab.local/busybox:1"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses/"
SET = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
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
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: sleep
          command: [sleep, "3600"]
          image: %s
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], storageClassName: %s, resources: {requests: {storage: %s}}}
"""


@pytest.fixture
def growing(cluster):
    """A class over the lab's provisioner that allows growth."""
    name = f"verdicts-growing-{cluster.suffix}"
    base = cluster.client.get(CLASSES + "local-path")
    kept = {
        key: base[key] for key in ("provisioner", "parameters", "volumeBindingMode", "reclaimPolicy") if key in base
    }
    body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}, **kept}
    yield cluster.apply({**body, "allowVolumeExpansion": True}).id.name
    cluster.client.send("DELETE", CLASSES + name)


def rollout(namespace, text, **options):
    settings = {"component": "claims", "namespace": namespace, "kubeconfig": KUBECONFIG, "wait_timeout": 60, **options}
    return _engine.run(Request.of(settings, load(text, "web.yaml"), False, False), lambda _line: None, environ={})


def test_pods_stay_ready_and_themselves(cluster, growing):
    namespace = cluster.namespace("claims")
    rollout(namespace, SET % (IMAGE, growing, "16Mi"))
    before, seen, stop = pods(cluster, namespace), [], threading.Event()
    assert len(before) == 2

    def look():
        while not stop.is_set():
            seen.append(pods(cluster, namespace))
            time.sleep(0.05)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        result = rollout(namespace, SET % (IMAGE, growing, "32Mi"))
        time.sleep(2)
    finally:
        stop.set()
        watcher.join()

    changes = {(entry["kind"], entry["name"]): entry["change"] for entry in result["objects"]}
    assert changes == {
        ("Service", "web"): "unchanged",
        ("PersistentVolumeClaim", "data-web-0"): "configured",
        ("PersistentVolumeClaim", "data-web-1"): "configured",
        ("StatefulSet", "web"): "configured",
    }
    assert len(seen) > 20
    assert all(found == before for found in seen)
    found = cluster.client.get(f"/apis/apps/v1/namespaces/{namespace}/statefulsets/web")
    assert found["status"]["readyReplicas"] == 2
    assert any("data-web-0 has 16Mi of 32Mi" in warning for warning in result["warnings"])
    assert not rollout(namespace, SET % (IMAGE, growing, "32Mi"))["changed"]


def pods(cluster, namespace):
    """Name to UID, readiness and restarts."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            [one["status"] for one in pod["status"].get("conditions") or () if one["type"] == "Ready"],
            [one["restartCount"] for one in pod["status"].get("containerStatuses") or ()],
        )
        for pod in cluster.client.get(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": "app=web"})["items"]
    }
