# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Rules of a definition (x-kubernetes-validations), evaluated where a CEL library is installed.

Two are spoken to: common-expression-language (imported as ``cel``) and cel-python (``celpy``). Neither has Kubernetes'
own functions (quantity, isURL, find, ...), so a rule that can't be evaluated is counted, never guessed.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import importlib
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._schema_values import Fault

Schema = Mapping[str, Any]
Program = Callable[[Any], Any]
"""``self`` to the rule's answer; raises whatever its library raises."""

_RESERVED = frozenset(
    {
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass
class Outcome:
    """What the rules said of one object. ``unchecked``: rules that apply to it and couldn't be evaluated."""

    faults: List[Fault] = field(default_factory=list)
    unchecked: List[str] = field(default_factory=list)


def library() -> str:
    """Name of the library in use; empty where none is installed."""
    return _NAMES[0] if _load("cel", "compile") else _NAMES[1] if _load("celpy", "Environment") else ""


_NAMES = ("common-expression-language", "cel-python")


@functools.cache
def _load(module: str, member: str) -> Any:
    """Import at the first rule: one of them takes 0.4 s. Another package may have the name and lack the member."""
    try:
        found = importlib.import_module(module)
    except ImportError:
        return None
    return found if hasattr(found, member) else None


def check(schema: Schema, body: Mapping[str, Any]) -> Outcome:
    """Evaluate every rule that applies to an object with its defaults filled in."""
    outcome = Outcome()
    _walk(schema, dict(body), "", outcome)
    return outcome


def _walk(schema: Schema, value: Any, path: str, outcome: Outcome) -> None:
    if value is None:
        return
    for rule in schema.get("x-kubernetes-validations") or ():
        _judge(rule, schema, value, path, outcome)
    if isinstance(value, dict):
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, item in value.items():
            below = properties.get(name, additional)
            if isinstance(below, dict):
                _walk(below, item, "%s.%s" % (path, name) if path else str(name), outcome)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            _walk(schema["items"], item, "%s[%d]" % (path, index), outcome)


def _judge(rule: Mapping[str, Any], schema: Schema, value: Any, path: str, outcome: Outcome) -> None:
    text = str(rule.get("rule") or "")
    if re.search(r"\boldSelf\b", text):
        return  # about a change of a stored object, which the server knows
    program = _program(text)
    try:
        holds = program(cel_value(schema, value, root=not path)) if program is not None else None
    except Exception:  # noqa: BLE001 (each library has errors of its own, and all mean the same)
        holds = None
    if holds is None:
        outcome.unchecked.append(text)
    elif not holds:
        where = path + str(rule.get("fieldPath") or "")
        outcome.faults.append((where.lstrip("."), str(rule.get("message") or "violates the rule: %s" % text)))


@functools.cache
def _program(text: str) -> Optional[Program]:
    make = {_NAMES[0]: _with_cel, _NAMES[1]: _with_celpy}.get(library())
    try:
        return make(text) if make is not None else None
    except Exception:  # noqa: BLE001 (likewise: what it can't read, it can't say)
        return None


def _with_cel(text: str) -> Program:
    compiled = _load("cel", "compile").compile(text)

    def run(value: Any) -> Any:
        answer = compiled.execute({"self": value})
        return answer if isinstance(answer, bool) else None

    return run


def _with_celpy(text: str) -> Program:
    celpy = _load("celpy", "Environment")
    environment = celpy.Environment()
    compiled = environment.program(environment.compile(text))

    def run(value: Any) -> Any:
        answer = compiled.evaluate({"self": celpy.json_to_cel(value)})
        return bool(answer) if isinstance(answer, (bool, celpy.celtypes.BoolType)) else None

    return run


def cel_value(schema: Schema, value: Any, root: bool = False) -> Any:
    """A value as rules see it: declared fields only, under names that CEL can spell, in the schema's types."""
    if isinstance(value, dict):
        return _mapping(schema, value, root)
    if isinstance(value, list):
        items = schema.get("items")
        return [cel_value(items if isinstance(items, dict) else {}, item) for item in value]
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    convert = _FORMATS.get(str(schema.get("format") or ""))
    if convert is not None and isinstance(value, str):
        try:
            return convert(value)
        except ValueError:
            return value
    return value


def _mapping(schema: Schema, value: Mapping[str, Any], root: bool) -> Any:
    properties = schema.get("properties")
    additional = schema.get("additionalProperties")
    if not isinstance(properties, dict) or not properties:
        below = additional if isinstance(additional, dict) else {}
        return {key: cel_value(below, item) for key, item in value.items()}
    seen = {name: below for name, below in properties.items() if name not in ("apiVersion", "kind", "metadata")}
    result = {
        escaped(name): cel_value(below, value[name]) for name, below in seen.items() if value.get(name) is not None
    }
    if root or schema.get("x-kubernetes-embedded-resource"):
        result.update({name: value[name] for name in ("apiVersion", "kind") if name in value})
        names = {key: item for key, item in (value.get("metadata") or {}).items() if key in ("name", "generateName")}
        result["metadata"] = names
    else:
        plain = {name: properties[name] for name in properties if name not in seen and value.get(name) is not None}
        result.update({name: cel_value(below, value[name]) for name, below in plain.items()})
    return result


def escaped(name: str) -> str:
    """A field's name as rules write it (Kubernetes' escaping of names that CEL can't spell)."""
    if name in _RESERVED:
        return "__%s__" % name
    for plain, written in _ESCAPES:
        name = name.replace(plain, written)
    return name


def _time(value: str) -> Any:
    return dt.datetime.fromisoformat(value.replace("Z", "+00:00"))


def _duration(value: str) -> Any:
    parts = list(_DURATION.finditer(value))
    if not parts or "".join(part.group(0) for part in parts) != value.lstrip("+-"):
        raise ValueError(value)
    seconds = sum(float(part.group("number")) * _SECONDS[part.group("unit")] for part in parts)
    return dt.timedelta(seconds=-seconds if value.startswith("-") else seconds)


_FORMATS: Dict[str, Callable[[str], Any]] = {
    "date-time": _time,
    "duration": _duration,
    "byte": lambda value: base64.b64decode(value, validate=True),
}
