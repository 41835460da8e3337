# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Kinds that are defined and not listed yet: an API server lists them some time after it accepted the definition."""

from __future__ import annotations

from typing import List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _prepare
from ansible_collections.openhands.gpu_observability.plugins.module_utils._apply import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._registry import Registry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import dig, items, text

PATIENCE, PAUSE = 10.0, 0.2
"""Seconds to wait in all, and between two looks."""

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

Kind = Tuple[str, str]
"""API version and kind."""


def await_served(client: EngineClient, request: Request, clock: Clock) -> None:
    """Wait for the kinds of a set that another one has just defined. What is not defined at all is left to the plan."""
    missing = _missing(client, request)
    if not missing:
        return
    registry = Registry([], request.schemas)
    late = [one for one in missing if _defined(client, one, registry)]
    deadline = clock.now() + PATIENCE
    while late and clock.now() < deadline:
        clock.sleep(PAUSE)
        client.forget_discovery()
        late = [one for one in late if client.resource(*one) is None]


def _missing(client: EngineClient, request: Request) -> List[Kind]:
    """The custom kinds that the server doesn't list and the set doesn't define itself."""
    own = _prepare.definitions(list(request.manifests))
    kinds = {(text(one.body, "apiVersion"), text(one.body, "kind")) for one in request.manifests}
    foreign = [(version, kind) for version, kind in sorted(kinds) if (version.partition("/")[0], kind) not in own]
    return [one for one in foreign if "." in one[0].partition("/")[0] and one[1] and client.resource(*one) is None]


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
