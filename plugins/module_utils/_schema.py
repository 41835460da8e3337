# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""An object against a structural schema, with the API server's verdict.

The rules are those of Kubernetes' structural schemas (CustomResourceDefinition, openAPIV3Schema). Defaults have to be
in the object already (_schema_defaults). General JSON schema libraries know neither unknown fields, list maps,
int-or-string nor embedded resources.
"""

from __future__ import annotations

import difflib
from typing import Any, Dict, Iterable, List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _schema_values
from ansible_collections.openhands.gpu_observability.plugins.module_utils._schema_metadata import metadata_faults
from ansible_collections.openhands.gpu_observability.plugins.module_utils._schema_values import Fault, shown

_OF_EVERY_OBJECT = ("apiVersion", "kind", "metadata")
_MISSING = "is required, but missing"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"

Schema = Mapping[str, Any]


def check(schema: Schema, body: Mapping[str, Any]) -> List[Fault]:
    """All faults of a whole object; its apiVersion and kind are taken as known."""
    found: List[Fault] = metadata_faults(body.get("metadata"), "metadata")
    _walk(schema, dict(body), "", found, structural=True, resource=True)
    return found


def _walk(
    schema: Schema,
    value: Any,
    path: str,
    found: List[Fault],
    *,
    structural: bool,
    strict: bool = True,
    resource: bool = False,
) -> None:
    """Collect the faults of one value and all below it.

    structural: the schema says which fields there are; below allOf and the like it only says more of them.
    strict: no field may be unknown; below a place that preserves unknown fields the server doesn't complain.
    """
    if not _typed(schema, value, path, found):
        return
    found += [(path, complaint) for complaint in _schema_values.complaints(schema, value)]
    _junctors(schema, value, path, found)
    strict = strict and structural and not schema.get(_PRESERVE)
    if isinstance(value, dict):
        if structural and schema.get("x-kubernetes-embedded-resource"):
            resource = True
            _embedded(schema, value, path, found)
        _fields(schema, value, path, found, structural=structural, strict=strict, resource=resource)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, entry in enumerate(value):
                _walk(items, entry, "%s[%d]" % (path, index), found, structural=structural, strict=strict)
        if structural:
            _listed(schema, value, path, found)


def _typed(schema: Schema, value: Any, path: str, found: List[Fault]) -> bool:
    """Whether the value is of a kind that the rest of the schema can be held against."""
    wanted = schema.get("type")
    if value is None:
        if wanted and not schema.get("nullable"):
            found.append((path, "must not be empty: it has to be %s" % _schema_values.type_name(str(wanted))))
        return False
    if schema.get("x-kubernetes-int-or-string"):
        if _schema_values.has_type(value, "integer") or isinstance(value, str):
            return True
        found.append((path, "must be an integer or text, not %s" % shown(value)))
        return False
    if wanted and not _schema_values.has_type(value, str(wanted)):
        found.append((path, "must be %s, not %s" % (_schema_values.type_name(str(wanted)), shown(value))))
        return False
    return True


def _junctors(schema: Schema, value: Any, path: str, found: List[Fault]) -> None:
    for part in schema.get("allOf") or ():
        _walk(part, value, path, found, structural=False)
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        if not parts:
            continue
        results = [_faults_of(part, value, path) for part in parts]
        fitting = sum(1 for result in results if not result)
        if fitting == 0:
            found.append((path, "fits none of the %d allowed forms: %s" % (len(parts), _nearest(results))))
        elif fitting > 1 and keyword == "oneOf":
            found.append((path, "fits %d of the allowed forms, only one may be meant" % fitting))
    if schema.get("not") is not None and not _faults_of(schema["not"], value, path):
        found.append((path, "has a form that is ruled out"))


def _faults_of(schema: Schema, value: Any, path: str) -> List[Fault]:
    found: List[Fault] = []
    _walk(schema, value, path, found, structural=False)
    return found


def _nearest(results: Iterable[List[Fault]]) -> str:
    """What is wrong by the form that fits best."""
    field, message = min(results, key=len)[0]
    return "%s %s" % (field, message) if field else message


def _fields(
    schema: Schema,
    value: Dict[str, Any],
    path: str,
    found: List[Fault],
    *,
    structural: bool,
    strict: bool,
    resource: bool,
) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    prefix = path + "." if path else ""
    found += [(prefix + name, _MISSING) for name in schema.get("required") or () if name not in value]
    for name, item in value.items():
        if name in properties:
            # The fields of metadata are the server's own: a schema may only narrow name and generateName.
            meta = resource and name == "metadata"
            _walk(properties[name], item, prefix + name, found, structural=structural and not meta, strict=strict)
        elif isinstance(additional, dict):
            _walk(additional, item, prefix + name, found, structural=structural, strict=strict)
        elif strict and properties and not additional and not (resource and name in _OF_EVERY_OBJECT):
            # Where nothing is declared the server drops what it gets, and doesn't say so.
            found.append((prefix + name, unknown(name, properties)))


def _embedded(schema: Schema, value: Dict[str, Any], path: str, found: List[Fault]) -> None:
    """An object within the object has a kind and metadata of its own."""
    wanted = set(schema.get("required") or ())
    found += [
        (path + "." + name, _MISSING) for name in ("apiVersion", "kind") if name not in value and name not in wanted
    ]
    found += metadata_faults(value.get("metadata"), path + ".metadata")


def unknown(name: str, known: Iterable[str]) -> str:
    """The sentence for a field that isn't there."""
    text = "is not a field of this kind"
    near = difflib.get_close_matches(name, list(known), n=1)
    lower = [one for one in known if one.lower() == name.lower()]
    if lower or near:
        return "%s; did you mean %s?" % (text, (lower or near)[0])
    return text


def _listed(schema: Schema, value: List[Any], path: str, found: List[Fault]) -> None:
    """Lists that are sets, or maps by some of their entries' fields."""
    sort = schema.get("x-kubernetes-list-type")
    if sort == "set":
        twice = _schema_values.duplicate(value)
        if twice is not None:
            found.append(("%s[%d]" % (path, twice), "%s stands there twice" % shown(value[twice])))
    if sort != "map":
        return
    keys = [str(key) for key in schema.get("x-kubernetes-list-map-keys") or ()]
    marks = [{key: entry.get(key) for key in keys} if isinstance(entry, dict) else entry for entry in value]
    twice = _schema_values.duplicate(marks)
    if twice is not None:
        text = "a second entry with %s" % ", ".join("%s %s" % (k, shown(v)) for k, v in marks[twice].items())
        found.append(("%s[%d]" % (path, twice), text))
