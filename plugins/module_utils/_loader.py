# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Manifests from YAML text: strict, fast, and every document knows its line."""

from __future__ import annotations

import re
from typing import Any, Callable, ClassVar, Dict, Iterator, List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    InvalidInput,
    MissingLibrary,
    Problem,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest

try:
    import yaml

    _Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
except ImportError:  # pragma: no cover (ansible-core depends on it)
    yaml = None  # type: ignore[assignment]
    _Base = object

_PREFIX = "tag:yaml.org,2002:"
# 22:22 is a string, not 1342: Kubernetes reads no base 60.
_INT = re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_REPLACED = {_PREFIX + "int": _INT, _PREFIX + "float": _FLOAT}
_DROPPED = (_PREFIX + "timestamp", _PREFIX + "value")
_NOT_JSON = ("timestamp", "binary", "set", "omap", "pairs")


def _resolvers(base: Dict[Any, List[Tuple[str, Any]]]) -> Dict[Any, List[Tuple[str, Any]]]:
    """Drop the resolvers for dates and ``=``; ``- =`` is plain text in a real CRD."""
    return {
        first: [(tag, _REPLACED.get(tag, pattern)) for tag, pattern in rules if tag not in _DROPPED]
        for first, rules in base.items()
    }


class _Fault(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


if yaml is not None:

    class ManifestLoader(_Base):  # type: ignore[misc]
        """Reads only what JSON can hold, and takes no key twice."""

        yaml_implicit_resolvers: ClassVar[Dict[Any, Any]] = _resolvers(_Base.yaml_implicit_resolvers)
        yaml_constructors: ClassVar[Dict[Any, Any]] = {
            tag: construct
            for tag, construct in _Base.yaml_constructors.items()
            if tag not in [_PREFIX + name for name in _NOT_JSON]
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> Dict[str, Any]:
            """Build a mapping; a repeated or non-text key is an error with its line."""
            seen: Dict[str, int] = {}
            for key, _value in node.value:
                if key.tag == _PREFIX + "merge":
                    continue
                line = key.start_mark.line + 1
                if key.tag != _PREFIX + "str":
                    raise _Fault(line, "the key %s is not text: put it in quotes" % getattr(key, "value", ""))
                if key.value in seen:
                    raise _Fault(line, "the key %s is given twice (first on line %d)" % (key.value, seen[key.value]))
                seen[key.value] = line
            result: Dict[str, Any] = _Base.construct_mapping(self, node, deep=deep)
            return result


LineOf = Callable[[int], int]
"""Maps a line of the text to the line to show, where the text was made from something else."""


def _same(line: int) -> int:
    return line


def documents(text: str, source: str, line_of: LineOf = _same) -> Iterator[Tuple[Any, int]]:
    """Yield (document, line) of each document, empty ones too; raise InvalidInput naming source and line."""
    if yaml is None:  # pragma: no cover
        raise MissingLibrary("The Python library PyYAML is needed to read manifests: install it.")
    loader = ManifestLoader(str(text))
    try:
        while loader.check_node():
            node = loader.get_node()
            yield loader.construct_document(node), line_of(node.start_mark.line + 1)
    except _Fault as exc:
        raise InvalidInput([Problem(str(exc), "%s:%d" % (source, line_of(exc.line)))]) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = "%s:%d" % (source, line_of(mark.line + 1)) if mark else source
        reason = " ".join(part for part in (exc.context, exc.problem) if part)
        raise InvalidInput([Problem("not valid YAML: %s" % reason, where)]) from exc
    except yaml.YAMLError as exc:
        raise InvalidInput([Problem("not valid YAML: %s" % exc, source)]) from exc
    finally:
        loader.dispose()


def load(text: str, source: str, line_of: LineOf = _same) -> List[Manifest]:
    """Read all objects of a YAML text; lists are taken apart and empty documents left out."""
    manifests: List[Manifest] = []
    for document, line in documents(text, source, line_of):
        if document is not None:
            manifests.extend(flatten(document, source, line))
    return manifests


def flatten(document: Any, source: str, line: int = 0) -> List[Manifest]:
    """Turn one decoded document, a list of objects or a ``*List`` kind into manifests."""
    if isinstance(document, list):
        return [manifest for item in document for manifest in flatten(item, source, line)]
    if not isinstance(document, dict):
        where = "%s:%d" % (source, line) if line else source
        raise InvalidInput([Problem("expected an object, found %s" % type(document).__name__, where)])
    items = document.get("items")
    if isinstance(items, list) and str(document.get("kind", "")).endswith("List"):
        return [manifest for item in items for manifest in flatten(item, source, line)]
    return [Manifest(document, source, line)]
