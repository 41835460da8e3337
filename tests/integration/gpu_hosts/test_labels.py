# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of hosts with GPUs get the label by which DaemonSets find them, on a real API server."""

from __future__ import annotations

import pytest
from integration.gpu_hosts.conftest import NODES, node
from integration.gpu_hosts.hosts import NEW

LABEL = "nvidia.com/gpu.present"


def label(plane, number):
    return plane.client.get("/api/v1/nodes/" + node(number))["metadata"].get("labels", {}).get(LABEL)


@pytest.fixture
def labels(nodes):
    """Nodes without labels, whatever a test before this one left."""

    def write(number, value):
        body = {"metadata": {"labels": {LABEL: value}}}
        nodes.patch_node(node(number), body)

    for number in range(NODES):
        write(number, None)
    return write


def test_a_node_gets_its_label_once_and_only_with_gpus_and_a_driver(clustered, plane, labels):
    clustered.cluster["platform_components"] = ["dcgm_exporter"]
    names = {number: {"platform_node_name": node(number)} for number in range(NODES)}
    clustered.host("wanted", NEW, **names[0])
    clustered.host("owned", NEW, **names[1])
    clustered.host("bare", "", **names[2])
    clustered.host("empty", NEW, 0, **names[3])
    clustered.host("foreign", NEW, nvidia_driver_manage=False, **names[4])
    clustered.host("opted-out", NEW, platform_gpu_node_labels={}, **names[5])
    labels(1, "false")

    planned = clustered.run("--check")
    assert planned.code == 0
    assert {name for name, count in planned.changed.items() if count} == {"wanted", "bare", "foreign"}
    assert [label(plane, number) for number in range(NODES)] == [None, "false", None, None, None, None]

    first = clustered.run()
    assert first.code == 0
    assert [label(plane, number) for number in range(NODES)] == ["true", "false", "true", None, "true", None]
    assert f"Left as it is: node {node(1)} has the label {LABEL}=false" in first.output
    again = clustered.run()
    assert sum(again.changed.values()) == 0
    asked = again.output.partition(": Label the node]")[2].partition("TASK [")[0]
    assert "skipping: [wanted]" in asked, "a node that was seen with its label isn't asked for again"
    assert "[owned -> here]" in asked


def test_nobody_is_labelled_where_nothing_looks_for_it(clustered, plane, labels):
    clustered.host("wanted", NEW, platform_node_name=node(0))
    assert clustered.run().code == 0
    assert label(plane, 0) is None


def test_what_can_not_be_labelled_fails_that_host_alone(clustered, plane, labels):
    clustered.cluster["platform_components"] = ["dcgm_exporter"]
    clustered.host("labelled", NEW, platform_node_name=node(0))
    clustered.host("nameless", NEW, platform_node_name="no-such-node", nvidia_driver_manage=False)
    found = clustered.run()
    assert found.code == 2
    assert label(plane, 0) == "true"
    assert found.row("nameless").split()[-1] == "failed"
    assert "The cluster has no node no-such-node. Say by platform_node_name" in found.output
