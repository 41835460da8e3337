# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What keeps a node from being taken out of service now: its pods, their budgets, the fleet, Ceph."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _pages
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import drain, fleet, node, record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import pods as pods_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import name_of

CLUSTERS = "/apis/ceph.rook.io/v1/cephclusters"
SHOWN = 5


@dataclass(frozen=True)
class Limits:
    """budget: how many nodes may be out of service, empty for any; selector: the nodes it counts, by their labels.

    ceph: whether Ceph is asked; domain: node label of its failure domain; settle: seconds it gets to become clean.
    """

    budget: str = ""
    selector: str = ""
    ceph: bool = True
    domain: str = "topology.kubernetes.io/zone"
    settle: float = 600.0


@dataclass(frozen=True)
class Look:
    """A node, its pods and what speaks against draining it: nothing, or one reason a line.

    daemons: those of Ceph. settling: nothing but Ceph speaks against it, and nobody keeps Ceph from becoming clean.
    """

    node: Object
    pods: pods_of.Sorted
    busy: Tuple[str, ...] = ()
    leaving: List[str] = field(default_factory=list)
    daemons: Tuple[str, ...] = ()
    settling: bool = False


def look(client: EngineClient, name: str, choice: pods_of.Choice, limits: Limits, now: dt.datetime) -> Look:
    """Look at a node and all that its leaving would touch; writes nothing. Raises RolloutError, ApiError."""
    found = node.get(client, name)
    present = drain.pods_on(client, name)
    sorted_pods = pods_of.sort(present, choice)
    busy = [] if _ours(found) or record.ready(found) else ["it isn't ready: mend it first"]
    busy += _pods(client, sorted_pods)
    others = node.every(client, limits.selector) if limits.budget or limits.ceph else []
    # One that is out already takes nothing more out of the budget by going on.
    over = "" if _ours(found) else fleet.over_budget(name, others, limits.budget)
    busy += [over] if over else []
    daemons = fleet.ceph_on(present) if limits.ceph else []
    unclean, blind = _ceph(client, now) if daemons else ([], [])
    far = [why for why in [fleet.other_domain(found, others, limits.domain)] if why and daemons]
    alone = not any(record.of(one) for one in others if name_of(one) != name)
    ceph = ["%s (it carries %s)" % (why, ", ".join(daemons)) for why in [*unclean, *blind, *far]]
    leaving = [pods_of.identity(pod) for pod in sorted_pods.leaving]
    settling = bool(unclean) and alone and not busy and not blind
    return Look(found, sorted_pods, (*busy, *ceph), leaving, tuple(daemons), settling)


def meanwhile(client: EngineClient, seen: Look, limits: Limits) -> str:
    """Why a node that was cordoned must be given back: others of its batch went at the same moment. Raises ApiError."""
    if not limits.budget and not seen.daemons:
        return ""
    others = node.every(client, limits.selector)
    over = fleet.over_budget(name_of(seen.node), others, limits.budget)
    return over or (fleet.other_domain(seen.node, others, limits.domain) if seen.daemons else "")


def _ours(found: Object) -> bool:
    return record.of(found) is not None


def _pods(client: EngineClient, sorted_pods: pods_of.Sorted) -> List[str]:
    busy = ["pod %s: %s" % (pods_of.identity(pod), why) for pod, why in sorted_pods.refused]
    if sorted_pods.waited_for:
        busy.append("asks to be waited for: pod %s" % _some(sorted_pods.waited_for))
    if sorted_pods.leaving:
        busy += pods_of.blocking(sorted_pods.leaving, drain.budgets(client))
    return busy


def _ceph(client: EngineClient, now: dt.datetime) -> Tuple[List[str], List[str]]:
    """What Ceph says against it, and why it can't be asked."""
    try:
        return fleet.ceph_unclean(list(_pages.objects(client, CLUSTERS)), now), []
    except ApiError as error:
        if classify(error) not in (Answer.FORBIDDEN, Answer.NOT_FOUND):
            raise
        return [], ["its CephCluster can't be read: %s" % error.message]


def _some(pods: Sequence[Object]) -> str:
    names = [pods_of.identity(pod) for pod in pods[:SHOWN]]
    return ", ".join(names) + (" and %d more" % (len(pods) - SHOWN) if len(pods) > SHOWN else "")
