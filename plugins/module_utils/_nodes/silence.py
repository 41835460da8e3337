# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Silences that end by themselves: Alertmanager's API (v2), reached through the API server's port-forward."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import (
    Transport,
    ask_any,
    pod_transport,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import place

AUTHOR = "openhands.gpu_observability"
_TIME = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Plan:
    """What has to be sent: silences to make or extend, and ids to end."""

    post: Sequence[Mapping[str, Any]] = ()
    end: Sequence[str] = ()


def run(
    options: Mapping[str, Any],
    check: bool = False,
    transport: Optional[Transport] = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.timezone.utc),
) -> Dict[str, Any]:
    """Bring the silences of a name to a state. Raises RolloutError where they can't be set, and are required."""
    try:
        asked = transport or pod_transport(options)
        where = place({**options, "pod": ""})
        plan = planned(options, _read(asked, where, options), now())
        if not check:
            for body in plan.post:
                _send(asked, where, options, Request("POST", "/api/v2/silences", _JSON, json.dumps(body).encode()))
            for silence in plan.end:
                _send(asked, where, options, Request("DELETE", "/api/v2/silence/" + silence))
    except (RolloutError, Unreachable) as error:
        said = "The alerts of %s are not silenced: %s" % (options["name"], error)
        if options.get("required"):
            raise RolloutError(said) from error
        return {"changed": False, "silences": 0, "warnings": [said]}
    return {"changed": bool(plan.post or plan.end), "silences": len(options["matchers"]) if _wanted(options) else 0}


_JSON = {"Content-Type": "application/json"}


def _wanted(options: Mapping[str, Any]) -> bool:
    return options.get("state") != "absent"


def planned(options: Mapping[str, Any], found: Sequence[Mapping[str, Any]], now: dt.datetime) -> Plan:
    """Compare what is there with what is wanted. A silence with less than half its time left is extended."""
    author = "%s: %s" % (AUTHOR, options["name"])
    ours = [one for one in found if one.get("createdBy") == author and _state(one) in ("active", "pending")]
    if not _wanted(options):
        return Plan(end=[str(one["id"]) for one in ours])
    length = dt.timedelta(minutes=int(options["minutes"]))
    post = []
    for wish in options["matchers"]:
        matchers = [_matcher(wish)]
        same = next((one for one in ours if _plain(one.get("matchers")) == matchers), None)
        if same is not None and _ends(same) - now >= length / 2:
            continue
        body: Dict[str, Any] = {
            "matchers": matchers,
            "startsAt": _stamp(now),
            "endsAt": _stamp(now + length),
            "createdBy": author,
            "comment": str(options.get("comment") or options["name"]),
        }
        post.append({**body, "id": same["id"], "startsAt": same["startsAt"]} if same is not None else body)
    return Plan(post=post)


def _matcher(wish: Mapping[str, Any]) -> Dict[str, Any]:
    return {"name": wish["label"], "value": wish["value"], "isRegex": bool(wish.get("regex")), "isEqual": True}


def _plain(found: Any) -> List[Dict[str, Any]]:
    keys = ("name", "value", "isRegex")
    return [{**{key: one.get(key) for key in keys}, "isEqual": one.get("isEqual", True)} for one in found or ()]


def _state(silence: Mapping[str, Any]) -> str:
    return str((silence.get("status") or {}).get("state"))


def _ends(silence: Mapping[str, Any]) -> dt.datetime:
    return dt.datetime.strptime(str(silence["endsAt"])[:19], _TIME).replace(tzinfo=dt.timezone.utc)


def _stamp(moment: dt.datetime) -> str:
    return moment.strftime(_TIME + ".000Z")


def _read(transport: Transport, where: Place, options: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    found = _send(transport, where, options, Request("GET", "/api/v2/silences")).json()
    if not isinstance(found, list):
        raise RolloutError("%s doesn't answer as an Alertmanager does." % where)
    return found


def _send(transport: Transport, where: Place, options: Mapping[str, Any], request: Request) -> Response:
    path = str(options.get("path_prefix") or "").rstrip("/") + request.path
    response = ask_any(transport, where, Request(request.method, path, request.headers, request.body))
    if response.status != 200:
        text = response.text.strip()[:200]
        raise RolloutError("%s answers %s %s with HTTP %d: %s" % (where, request.method, path, response.status, text))
    return response
