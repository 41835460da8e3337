# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Replicas that an autoscaler sets: as long as one targets a workload, its word counts and not the manifest's."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _drift, _fieldset
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

REPLICAS = ("spec", "replicas")
_PATH = ("f:spec", "f:replicas")
_SCALERS = re.compile(r"^(kube-controller-manager|keda(-operator)?)$")
"""The horizontal pod autoscaler writes through the subresource scale as kube-controller-manager, KEDA as itself when it
scales to and from zero (for the rest it makes an autoscaler)."""


def consider(client: EngineClient, item: Item, wanted: Object) -> Object:
    """Return what to apply. Without an autoscaler, or where nothing differs, that is what was wanted."""
    live = item.live or {}
    replicas = (wanted.get("spec") or {}).get("replicas")
    if replicas is None:
        return wanted
    now = (live.get("spec") or {}).get("replicas")
    holders = _holders(live)
    by_scaler = [name for name in holders if _SCALERS.match(name)]
    if now is None or (now == replicas and not by_scaler):
        return wanted
    name = _target(client, item)
    if name is None:
        # Nobody may look: whoever holds the field is taken at their word.
        name = by_scaler[0] if by_scaler else ""
    if not name:
        if by_scaler:
            item.take_over += ("spec.replicas",)
            item.say("took spec.replicas back: no autoscaler targets it any more")
        return wanted
    item.say("left spec.replicas to %s" % name)
    if holders:
        return dict(_fieldset.without(wanted, [REPLICAS]))
    # Ours alone, or nobody's: leaving it out would make it the default, 1.
    return dict(_fieldset.replaced(wanted, REPLICAS, now))


def _holders(live: Mapping[str, Any]) -> List[str]:
    """Managers that own the live object's replicas, other than ourselves."""
    found = []
    for entry in _fieldset.entries(live):
        name = str(entry.get("manager") or "")
        ours = name == _drift.FIELD_MANAGER and not entry.get("subresource")
        if not ours and _PATH in _fieldset.paths({"f:spec": (entry.get("fieldsV1") or {}).get("f:spec") or {}}):
            found.append(name)
    return found


def _target(client: EngineClient, item: Item) -> Optional[str]:
    """The autoscaler that targets a workload; empty where there is none, None where nobody may look."""
    path = "/apis/autoscaling/v2/namespaces/%s/horizontalpodautoscalers" % item.id.namespace
    try:
        found = client.get(path).get("items") or []
    except ApiError as error:
        if classify(error) in (Answer.FORBIDDEN, Answer.NOT_FOUND):
            return None
        raise
    for scaler in found:
        target = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
        group = str(target.get("apiVersion") or "").rpartition("/")[0]
        if (group, target.get("kind"), target.get("name")) == (item.id.group, item.id.kind, item.id.name):
            return "HorizontalPodAutoscaler %s" % scaler["metadata"]["name"]
    return ""
