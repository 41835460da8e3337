# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A manifest in the form that the API server stores, so that equal content compares equal."""

from __future__ import annotations

import base64
from typing import Any, Callable, Dict, Iterator, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _podspec
from ansible_collections.openhands.gpu_observability.plugins.module_utils._order import built_in
from ansible_collections.openhands.gpu_observability.plugins.module_utils._quantity import canonical
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

_SERVER_OWNED = ("creationTimestamp", "resourceVersion", "uid", "generation", "managedFields", "selfLink")
_QUANTITY_MAPS = frozenset({"limits", "requests", "hard", "capacity", "overhead", "max", "min", "default"})
_QUANTITIES = frozenset({"sizeLimit", "averageValue"})


def normalise(body: Object) -> Object:
    """Return a clean copy: no nulls, no status, nothing that only a server sets; quantities canonical."""
    clean: Object = _without_nulls(body)
    clean.pop("status", None)
    metadata = clean.get("metadata")
    if isinstance(metadata, dict):
        for key in _SERVER_OWNED:
            metadata.pop(key, None)
    kind = str(clean.get("kind", ""))
    if kind == "Secret":
        _encode_string_data(clean)
    if _has_quantities(clean):
        clean["spec"] = _quantities(clean["spec"])
        spec = _podspec.pod_spec(clean)
        if spec is not None:
            _drop_empty_env(spec)
    return clean


def _has_quantities(body: Object) -> bool:
    """Built-in kinds only: a custom kind may name anything ``limits``, and its server keeps what was written."""
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return built_in(group) and group != "apiextensions.k8s.io" and isinstance(body.get("spec"), dict)


def quantities_of(body: Object) -> Iterator[Tuple[str, Any]]:
    """(field, value) of every quantity in a built-in kind."""
    if _has_quantities(body):
        yield from _found(body["spec"], "spec")


def _found(value: Any, path: str) -> Iterator[Tuple[str, Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _found(item, "%s[%d]" % (path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            here = "%s.%s" % (path, key)
            if key in _QUANTITY_MAPS and isinstance(item, dict):
                plain = {name: part for name, part in item.items() if not isinstance(part, (dict, list))}
                yield from (("%s.%s" % (here, name), part) for name, part in plain.items() if part is not None)
            elif key in _QUANTITIES and item is not None:
                yield here, item
            else:
                yield from _found(item, here)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _encode_string_data(secret: Object) -> None:
    plain = secret.pop("stringData", None)
    if not isinstance(plain, dict):
        return
    encoded = {key: base64.b64encode(str(text).encode("utf-8")).decode("ascii") for key, text in plain.items()}
    secret["data"] = {**(secret.get("data") or {}), **encoded}


def _quantities(value: Any) -> Any:
    if isinstance(value, list):
        return [_quantities(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _quantity_member(key, item) for key, item in value.items()}


def _quantity_member(key: str, item: Any) -> Any:
    if key in _QUANTITY_MAPS and isinstance(item, dict):
        change: Callable[[Any], Any] = lambda part: part if isinstance(part, (dict, list)) else canonical(part)  # noqa: E731
        mapped: Dict[str, Any] = {name: change(part) for name, part in item.items()}
        return mapped
    if key in _QUANTITIES:
        return canonical(item)
    return _quantities(item)


def _drop_empty_env(spec: Dict[str, Any]) -> None:
    for container in _podspec.containers(spec):
        for variable in container.get("env") or ():
            if isinstance(variable, dict) and variable.get("value") == "":
                del variable["value"]
