# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of nodes need rights that a site without GPU hosts doesn't: the page says which, and the refusal does too."""

from __future__ import annotations

import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import labels
from integration.rights.conftest import RBAC

NODES = "/api/v1/nodes"
LABEL = {"nvidia.com/gpu.present": "true"}


def label(server, person, *nodes):
    options = {"state": "present", "nodes": list(nodes), "labels": LABEL, "kubeconfig": str(server.kubeconfig)}
    return labels.run({**options, "impersonate_user": person.name}, environ={})


def grant(server, person, *verbs):
    name = "nodes-" + person.name + "-" + verbs[-1]
    rules = [{"apiGroups": [""], "resources": ["nodes"], "verbs": list(verbs)}]
    server.request("POST", RBAC + "/clusterroles", {"metadata": {"name": name}, "rules": rules})
    group = RBAC.split("/")[2]
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": person.name}],
    }
    server.request("POST", RBAC + "/clusterrolebindings", binding)
    deadline = time.monotonic() + 10
    while not person.may(verbs[-1], "nodes", "") and time.monotonic() < deadline:
        time.sleep(0.05)


def test_rights_on_nodes_are_asked_for_before_one_is_labelled(server, hire):
    for name in ("gpu-1", "gpu-2"):
        server.request("POST", NODES, {"metadata": {"name": name}})
    person = hire()
    grant(server, person, "get", "list")
    with pytest.raises(RolloutError) as caught:
        label(server, person, "gpu-1", "gpu-2")
    assert "%s may not patch nodes gpu-2" % person.name in caught.value.message
    assert '- apiGroups: [""]\n  resources: [nodes]\n  verbs: [patch]' in caught.value.message
    assert not any(server.request("GET", f"{NODES}/{name}")["metadata"].get("labels") for name in ("gpu-1", "gpu-2"))
    grant(server, person, "patch")
    assert label(server, person, "gpu-1", "gpu-2")["labelled"] == ["gpu-1", "gpu-2"]
    live = server.request("GET", NODES + "/gpu-2")["metadata"]
    assert live["labels"] == LABEL
    assert not label(server, person, "gpu-1", "gpu-2")["changed"]
