# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a component away, and what is kept."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from integration.engine.conftest import Cluster, changes

SET = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


def absent(cluster: Cluster, text: str = "", **options: object) -> dict:
    return cluster.rollout(text, state="absent", wait=True, wait_timeout=5, **options)


def test_what_is_on_record_goes_and_data_stays(cluster):
    cluster.rollout(SET)

    result = absent(cluster)

    assert changes(result) == {"settings": "deleted", "login": "deleted", "data": "skipped"}
    (warning,) = result["warnings"]
    assert (
        "PersistentVolumeClaim %s/data (kept: deleting a PersistentVolumeClaim deletes data;" % cluster.namespace
        in warning
    )
    assert cluster.get("configmaps", "settings") is None
    assert cluster.get("persistentvolumeclaims", "data") is not None
    assert cluster.inventory() == [("PersistentVolumeClaim", "data")]


def test_a_second_run_changes_nothing(cluster):
    cluster.rollout(SET)
    absent(cluster, SET)
    result = absent(cluster, SET)
    assert not result["changed"]
    assert changes(result) == {"settings": "unchanged", "login": "unchanged", "data": "skipped"}


def test_what_others_made_stays(cluster):
    cluster.server.request("POST", cluster.path("configmaps"), {"metadata": {"name": "settings"}})
    result = absent(cluster, SET)
    assert changes(result)["settings"] == "skipped"
    assert cluster.get("configmaps", "settings") is not None


def test_check_mode_deletes_nothing(cluster):
    cluster.rollout(SET)
    result = absent(cluster, check_mode=True, diff=True)
    assert result["changed"]
    assert cluster.get("configmaps", "settings") is not None
    assert {entry["after"] for entry in result["diff"]} == {""}


def test_an_object_held_by_a_finalizer_is_named(cluster):
    cluster.rollout(SET)
    patch = {"metadata": {"finalizers": ["example.org/hold"]}}
    cluster.server.request("PATCH", cluster.path("configmaps", "settings"), patch, "application/merge-patch+json")
    with pytest.raises(RolloutError) as caught:
        cluster.rollout("", state="absent", wait=True, wait_timeout=1)
    assert "example.org/hold" in caught.value.message
    assert "did not become gone within 1 s" in caught.value.message
    assert cluster.inventory() is not None


def test_nothing_is_deleted_that_was_replaced_by_another_object(cluster):
    cluster.rollout(SET)
    cluster.server.request("DELETE", cluster.path("secrets", "login"))
    cluster.server.request("POST", cluster.path("secrets"), {"metadata": {"name": "login"}})
    result = absent(cluster)
    assert changes(result)["login"] == "skipped"
    assert cluster.get("secrets", "login") is not None
