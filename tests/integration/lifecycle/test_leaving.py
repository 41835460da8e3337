# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that leave a set or go away with it, beside the real controllers."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from integration.engine.conftest import changes

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n"
WAIT = {"wait": True, "wait_timeout": 20}


def hold(cluster, name, finalizer, manager="some-operator"):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "finalizers": finalizer}}
    cluster.apply_as(manager, "configmaps", body)


def test_an_object_that_moved_to_another_component_stays(cluster):
    cluster.rollout(CONFIG % "one" + "---\n" + CONFIG % "two", component="first")
    cluster.rollout(CONFIG % "two", component="second", existing="adopt")
    result = cluster.rollout(CONFIG % "one", component="first", **WAIT)
    assert changes(result) == {"one": "unchanged", "two": "skipped"}
    assert "it belongs to the component second now" in result["warnings"][0]
    assert cluster.get("configmaps", "two") is not None
    assert cluster.inventory("first") == [("ConfigMap", "one")]


def test_a_finalizer_that_hangs_is_explained_and_a_rerun_goes_on(cluster):
    cluster.rollout(CONFIG % "one" + "---\n" + CONFIG % "two")
    hold(cluster, "two", ["example.org/hold"])
    with pytest.raises(RolloutError) as caught:
        cluster.rollout(CONFIG % "one", wait=True, wait_timeout=2)
    assert "the new set is current, but 1 objects that left it are not gone" in caught.value.message
    assert "finalizer example.org/hold: some-operator set it and has to remove it" in caught.value.message
    assert ("ConfigMap", "two") in cluster.inventory()
    hold(cluster, "two", [])
    cluster.rollout(CONFIG % "one", **WAIT)
    assert cluster.inventory() == [("ConfigMap", "one")]


def test_an_operator_that_is_gone_is_explained(cluster):
    cluster.rollout(CONFIG % "one")
    hold(cluster, "one", ["cephcluster.ceph.rook.io/test"])
    with pytest.raises(RolloutError, match="there is no pod of it: roll rook-ceph-operator out again"):
        cluster.rollout("", state="absent", wait=True, wait_timeout=1)
    hold(cluster, "one", [])
    result = cluster.rollout("", state="absent", **WAIT)
    assert cluster.inventory() is None
    assert not cluster.rollout("", state="absent", **WAIT)["changed"]
    assert result["component"] == "demo"


def test_a_namespace_stays_until_it_is_named_and_takes_the_record_along(cluster):
    own = cluster.namespace + "-own"
    text = NAMESPACE % own + "---\n" + CONFIG % "one"
    options = {"namespace": own, "inventory_namespace": own}
    cluster.rollout(text, **options)
    kept = cluster.rollout("", state="absent", **options, **WAIT)
    assert changes(kept) == {"one": "deleted", own: "skipped"}
    again = cluster.rollout("", state="absent", **options, **WAIT)
    assert not again["changed"]
    gone = cluster.rollout("", state="absent", delete_data=[{"kind": "Namespace", "name": own}], **options, **WAIT)
    assert changes(gone) == {own: "deleted"}
    assert not cluster.rollout("", state="absent", **options, **WAIT)["changed"]
