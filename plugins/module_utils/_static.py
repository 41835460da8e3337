# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Faults that the server refuses without naming the field, found here with their field."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Iterator, List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _mask, _quantity
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._normalise import quantities_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest, Object

Fault = Tuple[str, str]
"""(field, message)"""


def check(manifest: Manifest) -> List[Problem]:
    """Look at one manifest as it was written, before it is normalised."""
    where = "%s:%d" % (manifest.source, manifest.line) if manifest.line else manifest.source
    return [Problem(message, where, str(manifest.id), field) for field, message in _faults(manifest.body)]


def _faults(body: Object) -> Iterator[Fault]:
    if _mask.is_secret(body):
        yield from _secret(body)
    if body.get("kind") == "ConfigMap" and body.get("apiVersion") == "v1":
        yield from _texts(body, "data")
    for field, value in quantities_of(body):
        if not _quantity.readable(value):
            yield field, "%s isn't a quantity such as 500m, 2 or 1Gi" % value


def _secret(body: Object) -> Iterator[Fault]:
    yield from _texts(body, "stringData")
    yield from _texts(body, "data")
    data = body.get("data")
    for key, value in (data if isinstance(data, dict) else {}).items():
        if isinstance(value, str):
            try:
                base64.b64decode("".join(value.split()), validate=True)
            except (binascii.Error, ValueError):
                yield "data." + key, "isn't base64: encode it, or put the plain text into stringData"


def _texts(body: Object, field: str) -> Iterator[Fault]:
    values: Any = body.get(field)
    if values is None:
        return
    if not isinstance(values, dict):
        yield field, "must be a mapping of names to text"
        return
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            yield "%s.%s" % (field, key), "must be text, not %s: put it in quotes" % _NAMES.get(type(value), "that")


_NAMES = {bool: "true or false", int: "a number", float: "a number", dict: "a mapping", list: "a list"}
