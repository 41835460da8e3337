# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A set as files: one per object, with stable names and a text that kubectl reads as it was meant. No I/O."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Set
from urllib.parse import quote

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _mask,
    _prepare,
    _schema,
    _schema_cel,
    _schema_defaults,
    _scopes,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._order import built_in, stage
from ansible_collections.openhands.gpu_observability.plugins.module_utils._registry import Registry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, ObjectId

try:
    import yaml

    _Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:  # pragma: no cover (the loader says so first)
    yaml = None  # type: ignore[assignment]
    _Dumper = object

SUFFIX = ".yaml"
HIDDEN_SUFFIX = ".yaml.hidden"
"""Not an ending that kubectl or a GitOps tool picks up: a placeholder must never take a real value's place."""

_LONGEST = 200
_FIRST = ("apiVersion", "kind", "metadata")
# What a reader of YAML 1.1 or 1.2 may take for a number or a truth value; go-yaml reads more than PyYAML quotes.
_DOUBTFUL = re.compile(r"[-+.]?[0-9]|[yYnN]$|[-+]?\.(?:inf|nan)$", re.IGNORECASE)


@dataclass
class File:
    """One object as a file of the component's folder."""

    name: str
    text: str = field(repr=False)
    item: Item
    secret: bool = False
    """Whether a value in it is secret, shown or not."""
    hidden: bool = False


def files(request: Request, show_secrets: bool) -> List[File]:
    """The files of a set, in the order of its rollout, without asking a server. Raises InvalidInput."""
    items, problems, registry = _prepare.with_definitions(request, _scopes.find)
    for item in items:
        if item.resource is None:
            problems += _by_definition(item, registry)
    if problems:
        raise InvalidInput(problems, "No file was written.")
    taken: Set[str] = set()
    return [_file(item, taken, show_secrets) for item in sorted(items, key=lambda i: (stage(i.id), i.id))]


def _by_definition(item: Item, registry: Registry) -> List[Problem]:
    """What the definitions of the run say of an object of a kind that isn't built in."""
    definition = registry.find(item.id.group, item.id.kind)
    if definition is None:
        text = "whether %s in %s belongs into a namespace isn't known" % (item.id.kind, item.api_version)
        hint = registry.hint(item.api_version, item.id.kind) or _scopes.hint(item.api_version, item.id.kind)
        return [item.problem("%s; %s" % (text, hint) if hint else text)]
    schema = definition.schema(item.api_version)
    if schema is None:
        text = "its definition has no version %s (it has: %s)"
        return [item.problem(text % (item.api_version, ", ".join(definition.api_versions)), "apiVersion")]
    body = _schema_defaults.filled(schema, item.manifest.body)
    faults = _schema.check(schema, body) or _schema_cel.check(schema, body).faults
    return [item.problem(message, path) for path, message in faults]


def _file(item: Item, taken: Set[str], show_secrets: bool) -> File:
    body = _mask.without_last_applied(item.manifest.body)
    masked = _mask.hidden(body)
    secret = masked is not body
    hidden = secret and not show_secrets
    name = file_name(item.id, taken) + (HIDDEN_SUFFIX if hidden else SUFFIX)
    text = "# %s\n%s" % (item.manifest.source or "inline", dump(masked if hidden else body))
    return File(name, text, item, secret, hidden)


def file_name(identity: ObjectId, taken: Set[str]) -> str:
    """A name without its ending, unlike all that are taken; names that differ in case only stay apart."""
    kind = identity.kind.lower() if built_in(identity.group) else "%s.%s" % (identity.kind.lower(), identity.group)
    parts = ["%02d-%s" % (stage(identity), kind), identity.namespace, identity.name]
    name = "_".join(_safe(part) for part in parts if part)
    if len(name) > _LONGEST or name in taken:
        name = "%s-%s" % (name[:_LONGEST], hashlib.sha256(repr(identity).encode("utf-8")).hexdigest()[:10])
    taken.add(name)
    return name


def _safe(text: str) -> str:
    """Quote what isn't a small letter, a digit, a dot or a dash, so that ``_`` only stands between the parts."""
    quoted = quote(text, safe="").replace("_", "%5F").replace("~", "%7E")
    return re.sub(r"(?<!%)(?<!%[0-9A-F])[A-Z]", lambda match: "%%%02X" % ord(match.group()), quoted)


def dump(body: Object) -> str:
    """YAML as a person would order it: what it is, what it is called, then as the template has it."""
    ordered: Dict[str, Any] = {key: body[key] for key in _FIRST if key in body}
    ordered.update({key: value for key, value in body.items() if key not in _FIRST})
    text: str = yaml.dump(ordered, Dumper=_ManifestDumper, sort_keys=False, default_flow_style=False, width=1000)
    return text


class _ManifestDumper(_Dumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out: a name such as id001 says nothing."""
        return True


def _text(dumper: Any, value: str) -> Any:
    style: Optional[str] = None
    if "\n" in value:
        style = "|"
    elif _DOUBTFUL.match(value):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


if yaml is not None:
    _ManifestDumper.add_representer(str, _text)
