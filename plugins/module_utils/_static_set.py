# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Faults between the objects of a set that no dry run can see: equal node ports, sums against a quota."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _quotas
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item


def check(client: EngineClient, items: Sequence[Item]) -> List[Problem]:
    """Look at the whole set at once."""
    return _node_ports(items) + _quotas.check(client, items)


def _node_ports(items: Sequence[Item]) -> List[Problem]:
    """A port that two Services of the set ask for; one that the cluster has given away is found by the dry run."""
    taken: Dict[int, Item] = {}
    problems = []
    for item in items:
        for field, port in node_ports(item.manifest.body):
            first = taken.setdefault(port, item)
            if first is not item:
                text = "%d is also asked for by %s (%s): a node port belongs to one Service, in every protocol"
                problems.append(item.problem(text % (port, first.id, first.source), field))
    return problems


def node_ports(body: Mapping[str, Any]) -> Iterator[Tuple[str, int]]:
    """(field, port) of every node port that a Service names."""
    spec = body.get("spec")
    if body.get("kind") != "Service" or body.get("apiVersion") != "v1" or not isinstance(spec, dict):
        return
    for index, entry in enumerate(spec.get("ports") or ()):
        if isinstance(entry, dict) and isinstance(entry.get("nodePort"), int) and entry["nodePort"]:
            yield "spec.ports[%d].nodePort" % index, entry["nodePort"]
