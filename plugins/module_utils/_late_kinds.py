# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Kinds that are defined and not listed yet: an API server lists them some time after it accepted the definition."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._registry import Registry, custom
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import dig, items, text

PATIENCE, PAUSE = 10.0, 0.2
"""Seconds to wait in all, and between two looks."""

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

Kind = Tuple[str, str]
"""API version and kind."""


def await_served(client: EngineClient, items: Sequence[Item], registry: Registry, clock: Clock) -> bool:
    """Wait for the kinds of a set that another one has just defined; whether one of them is listed now.

    What is not defined at all is left to the plan.
    """
    missing = _missing(items, registry)
    late = {one for one in missing if _defined(client, one, registry)}
    waited, deadline = bool(late), clock.now() + PATIENCE
    while late and clock.now() < deadline:
        clock.sleep(PAUSE)
        client.forget_discovery()
        late = {one for one in late if client.resource(*one) is None}
    return waited


def _missing(items: Sequence[Item], registry: Registry) -> List[Kind]:
    """The custom kinds that the server doesn't list and the set doesn't define itself."""
    unlisted = [item for item in items if item.resource is None and custom(item.id.group)]
    foreign = [item for item in unlisted if registry.own(item.id.group, item.id.kind) is None]
    return sorted({(text(item.manifest.body, "apiVersion"), item.id.kind) for item in foreign})


def _defined(client: EngineClient, wanted: Kind, registry: Registry) -> bool:
    """Whether the server has a definition that will serve it."""
    (group, _slash, version), kind = wanted[0].partition("/"), wanted[1]
    known = registry.find(group, kind)
    try:
        found = client.get("%s%s.%s" % (DEFINITIONS, known.plural if known else _plural(kind), group))
    except ApiError:
        return False
    served = [text(one, "name") for one in items(found, "spec", "versions") if one.get("served")]
    going = dig(found, "metadata", "deletionTimestamp")
    return version in served and text(found, "spec", "names", "kind") == kind and not going


def _plural(kind: str) -> str:
    """The plural that most definitions have; a wrong guess only means that nothing is waited for."""
    name = kind.lower()
    if name.endswith("s"):
        return name + "es"
    return name[:-1] + "ies" if name.endswith("y") else name + "s"
