# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Fields that controllers are meant to write: while one holds such a field, it is left out of what we apply.

A row of the table says whose word counts more than the manifest's. Nothing else yields: another program that sets a
field of ours is a conflict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _autoscaler, _fieldpath, _fieldset
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import FIELD_MANAGER
from ansible_collections.openhands.gpu_observability.plugins.module_utils._fieldset import Location
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._quantity import amount
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

Applies = Callable[[Any, Any], bool]
"""(live value, wanted value): whether the row holds for these."""


def _always(live: Any, wanted: Any) -> bool:
    return True


def _grown(live: Any, wanted: Any) -> bool:
    larger, smaller = amount(live), amount(wanted)
    return larger is not None and smaller is not None and larger > smaller


@dataclass(frozen=True)
class Row:
    """One field that yields: (group, kind), where it is, which managers may hold it, and who that is in words."""

    kinds: Tuple[Tuple[str, str], ...]
    field: Tuple[str, ...]
    managers: re.Pattern[str]
    who: str
    applies: Applies = _always


_WEBHOOKS = tuple(
    ("admissionregistration.k8s.io", kind)
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
)
_INJECTORS = re.compile(
    r"^(cainjector|cert-manager-cainjector|service-ca-operator|kube-webhook-certgen|cert-controller|olm|catalog)$"
)
_CA = "the injector of CA bundles"
SCALED = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "ReplicaSet"))

ROWS: Tuple[Row, ...] = (
    Row(_WEBHOOKS, ("webhooks", "*", "clientConfig", "caBundle"), _INJECTORS, _CA),
    Row(
        (("apiextensions.k8s.io", "CustomResourceDefinition"),),
        ("spec", "conversion", "webhook", "clientConfig", "caBundle"),
        _INJECTORS,
        _CA,
    ),
    Row((("apiregistration.k8s.io", "APIService"),), ("spec", "caBundle"), _INJECTORS, _CA),
    Row((("", "ConfigMap"),), ("data", "service-ca.crt"), re.compile(r"^service-ca-operator$"), _CA),
    Row((("", "ConfigMap"),), ("data", "ca-bundle.crt"), re.compile(r"^cluster-network-operator$"), _CA),
    # A claim can only grow. Whoever made it larger, an autoresizer or a person, must not stop every later run.
    Row(
        (("", "PersistentVolumeClaim"),),
        ("spec", "resources", "requests", "storage"),
        re.compile(r""),
        "whoever made it larger, as a claim can't shrink",
        _grown,
    ),
    # The controller fills in the rules of a role that is made of others.
    Row(
        (("rbac.authorization.k8s.io", "ClusterRole"),),
        ("rules",),
        re.compile(r"^clusterrole-aggregation-controller$|^kube-controller-manager$"),
        "the aggregation of cluster roles",
    ),
)
"""An autoscaler's replicas are in _autoscaler: whether they yield hangs on an autoscaler being there."""


def consider(client: EngineClient, item: Item) -> None:
    """Leave out of an item what its live object's controllers hold; say so in its note."""
    item.body = None
    if item.live is None:
        return
    body = item.manifest.body
    given_up = {place: row.who for place, row in _held(item.live, body, (item.id.group, item.id.kind))}
    wanted = _fieldset.without(body, given_up)
    if (item.id.group, item.id.kind) in SCALED:
        wanted = _autoscaler.consider(client, item, wanted)
    for who in sorted(set(given_up.values())):
        names = ", ".join(_written(place) for place, whose in given_up.items() if whose == who)
        item.say("left %s to %s" % (names, who))
    if wanted is not body:
        item.body = wanted


def _written(place: Location) -> str:
    return "".join("[%d]" % step if isinstance(step, int) else "." + step for step in place).lstrip(".")


def _held(live: Object, body: Object, kind: Tuple[str, str]) -> Iterator[Tuple[Location, Row]]:
    """Places of a body whose live values a controller of the table holds."""
    rows = [row for row in ROWS if kind in row.kinds]
    for entry in _fieldset.entries(live) if rows else ():
        manager = str(entry.get("manager") or "")
        mine = [row for row in rows if manager != FIELD_MANAGER and row.managers.search(manager)]
        for path in _fieldset.paths(entry.get("fieldsV1") or {}) if mine else ():
            place, there = _fieldset.locate(body, path), _fieldset.locate(live, path)
            if place is None or there is None:
                continue
            values = _fieldset.value(live, there), _fieldset.value(body, place)
            yield from ((place, row) for row in mine if _fieldpath.fits(place, row.field) and row.applies(*values))
