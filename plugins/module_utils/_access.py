# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether the person who runs this may do all that the plan needs, asked before the first write.

A cluster administrator costs one question. A run that writes nothing asks none. What a dry run went through is proven.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _parallel, _prepare, _rights
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._rights import Grant, Right
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
NOT_ALLOWED = "not allowed: "
"""How a problem begins that the server's refusal of rights became."""
_UNKNOWN = frozenset({Answer.FORBIDDEN, Answer.NOT_FOUND, Answer.INVALID, Answer.OTHER})


def check(client: EngineClient, request: Request, items: Sequence[Item]) -> None:
    """Raise InvalidInput that lists every right that is missing."""
    rights = _rights.needed(items, request)
    if rights:
        demand(client, rights, _rights.grants(items, unproven=False))


def explain(client: EngineClient, request: Request, error: Exception) -> None:
    """Where a plan failed for want of a right, raise InvalidInput that lists all that are missing."""
    if not _about_rights(error):
        return
    items, _problems = _prepare.prepare(request, client.resource)
    demand(client, _rights.whole(items, request), _rights.grants(items, unproven=True))


def _about_rights(error: Exception) -> bool:
    if isinstance(error, ApiError):
        return classify(error) is Answer.FORBIDDEN
    return isinstance(error, InvalidInput) and any(p.message.startswith(NOT_ALLOWED) for p in error.problems)


def demand(client: EngineClient, rights: Sequence[Right], grants: Sequence[Grant] = ()) -> None:
    """Raise InvalidInput that lists those of the rights that are missing."""
    if _may(client, _rights.EVERYTHING):
        return
    missing = set(_missing(client, rights))
    either = set(_missing(client, [grant.either for grant in grants]))
    doubtful = [grant for grant in grants if grant.either in either]
    lacking = set(_missing(client, [right for grant in doubtful for right in grant.handed_out]))
    for grant in doubtful:
        if not grant.handed_out or lacking.intersection(grant.handed_out):
            missing.add(grant.either)
    if missing:
        raise _refusal(client, sorted(missing))


def _missing(client: EngineClient, rights: Iterable[Right]) -> List[Right]:
    """What isn't granted. A kind is asked for once; only where that is refused, name by name."""
    wanted = sorted(set(rights))
    kinds = sorted({right.any_name for right in wanted})
    granted: Dict[Right, bool] = dict(zip(kinds, _parallel.each(lambda right: _may(client, right), kinds)))
    named = [right for right in wanted if not granted[right.any_name]]
    answers = _parallel.each(lambda right: bool(right.name) and _may(client, right), named)
    return [right for right, may in zip(named, answers) if not may]


def _may(client: EngineClient, right: Right) -> bool:
    """Ask; a server that doesn't answer such questions will say no at the write itself."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": right.attributes()},
    }
    try:
        answer = client.send("POST", _REVIEW, review)
    except ApiError as error:
        if classify(error) in _UNKNOWN:
            return True
        raise
    return bool((answer.get("status") or {}).get("allowed"))


def _who(client: EngineClient) -> str:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = client.send("POST", _WHO, body)
    except ApiError:
        return "this login"
    return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "this login")


def _refusal(client: EngineClient, missing: Sequence[Right]) -> InvalidInput:
    who = _who(client)
    problems = []
    for right in missing:
        where = " in the namespace %s" % right.namespace if right.namespace else ""
        problems.append(Problem("%s may not %s%s" % (who, right, where)))
    refusal = InvalidInput(problems)
    refusal.message += "\nRules that would allow it:\n" + _rights.rules(missing)
    refusal.args = (refusal.message,)
    refusal.result["missing_rules"] = _rights.rules(missing)
    return refusal
