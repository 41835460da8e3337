# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Labels that say what a node has: given where they are missing, left alone where another owner set a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _access,
    _live,
    _login_client,
    _parallel,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check, shortened
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import node
from ansible_collections.openhands.gpu_observability.plugins.module_utils._rights import Right
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import name_of

Labels = Mapping[str, str]
Result = Dict[str, Any]
FEW = 3
"""Up to so many nodes are read one by one, more of them as one list."""


@dataclass(frozen=True)
class Gap:
    """A label that a node hasn't got as wanted: what it has instead, None for nothing, and who set that."""

    node: str
    label: str
    wanted: str
    value: Optional[str] = None
    owner: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return "node %s lacks the label %s=%s" % (self.node, self.label, self.wanted)
        by = ", set by %s" % self.owner if self.owner else ""
        return "node %s has the label %s=%s%s, and not %s" % (self.node, self.label, self.value, by, self.wanted)


def gaps(live: Object, wanted: Labels) -> List[Gap]:
    """What is between a node's labels and those wanted."""
    has = _labels(live)
    return [
        Gap(name_of(live), label, value, has.get(label), _owner(live, label) if label in has else "")
        for label, value in sorted(wanted.items())
        if has.get(label) != value
    ]


def run(
    options: Mapping[str, Any],
    check: bool = False,
    *,
    environ: Optional[Mapping[str, str]] = None,
    client: Optional[EngineClient] = None,
) -> Result:
    """Give nodes labels, or look whether they have them. Raises RolloutError that says what is missing."""
    asked, endpoint = _login_client.opened(options, environ, client)
    try:
        return STATES[str(options["state"])](asked, options, check)
    except ApiError as error:
        raise explain(error, endpoint) from error


def _present(client: EngineClient, options: Mapping[str, Any], check: bool) -> Result:
    wanted = _wanted(options)
    names = [str(name) for name in options["nodes"]]
    live = _read(client, names)
    missing = [name for name in names if name not in live]
    if missing:
        raise RolloutError(_no_node(missing))
    found = {name: gaps(live[name], wanted) for name in names}
    lacking = [name for name in names if any(gap.value is None for gap in found[name])]
    if lacking:
        _access.demand(client, [Right("", "", "nodes", "patch", name) for name in lacking])
    if not check:
        _parallel.each(lambda name: node.change(client, name, lambda now: _patch(now, wanted)), lacking)
    after = {name: {**_labels(live[name]), **_added(live[name], wanted)} for name in lacking}
    return {
        "changed": bool(lacking),
        "labelled": lacking,
        "kept": [str(gap) for name in names for gap in found[name] if gap.value is not None],
        "diff": [
            {
                "before_header": "node " + name,
                "before": _shown(live[name], wanted),
                "after": _lines(after[name], wanted),
            }
            for name in lacking
        ],
    }


def _seen(client: EngineClient, options: Mapping[str, Any], _check: bool) -> Result:
    wanted = _wanted(options)
    sure, perhaps = list(options["nodes"]), list(options.get("perhaps") or ())
    live = _read(client, [*sure, *perhaps])
    wrong = {name: [str(gap) for gap in gaps(live[name], wanted)] for name in [*sure, *perhaps] if name in live}
    absent = [name for name in sure if name not in live]
    bad = [text for name in sure for text in wrong.get(name, ())] + ([_no_node(absent)] if absent else [])
    # Which of these have GPUs isn't known: one that is taken is enough.
    taken = [name for name in [*sure, *perhaps] if name in live and not wrong[name]]
    if not bad and not taken:
        bad = [text for name in perhaps for text in wrong.get(name, ())]
        bad += [_no_node([name for name in perhaps if name not in live])] if set(perhaps) - set(live) else []
    detail = shortened(bad, 5) if bad else "%d of the inventory's GPU hosts" % len(taken)
    checks = [Check("nodes", not bad, detail).as_dict()]
    if bad:
        message = "%s doesn't run on every GPU host of the inventory: %s." % (
            options.get("what") or "What needs them",
            detail,
        )
        raise RolloutError(message, {"checks": checks})
    return {"changed": False, "labelled": [], "kept": [], "checks": checks}


STATES = {"present": _present, "seen": _seen}


def _wanted(options: Mapping[str, Any]) -> Dict[str, str]:
    return {str(label): str(value) for label, value in options["labels"].items()}


def _read(client: EngineClient, names: Sequence[str]) -> Dict[str, Object]:
    """The nodes that are there, by name."""
    if len(names) > FEW:
        asked = set(names)
        return {name_of(one): one for one in node.every(client) if name_of(one) in asked}
    found = ((name, _live.get(client, "%s/%s" % (node.NODES, name))) for name in names)
    return {name: one for name, one in found if one is not None}


def _labels(live: Object) -> Dict[str, str]:
    return dict((live.get("metadata") or {}).get("labels") or {})


def _added(live: Object, wanted: Labels) -> Dict[str, str]:
    return {gap.label: gap.wanted for gap in gaps(live, wanted) if gap.value is None}


def _patch(live: Object, wanted: Labels) -> Optional[node.Patch]:
    added = _added(live, wanted)
    return {"metadata": {"labels": added}} if added else None


def _owner(live: Object, label: str) -> str:
    """The field manager that set a label; empty where the server doesn't say."""
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        labels = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels") or {}
        if "f:" + label in labels:
            return str(entry.get("manager") or "")
    return ""


def _no_node(names: Sequence[str]) -> str:
    each = "node" if len(names) == 1 else "nodes"
    return "The cluster has no %s %s. Say by platform_node_name what the host is called there, or register it first" % (
        each,
        shortened(names, 5),
    )


def _shown(live: Object, wanted: Labels) -> str:
    return _lines(_labels(live), wanted)


def _lines(labels: Labels, wanted: Iterable[str]) -> str:
    return "".join("%s=%s\n" % (label, labels[label]) for label in sorted(wanted) if label in labels)
