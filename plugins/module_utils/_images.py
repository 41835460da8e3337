# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Image references through a site's mirror and overrides: one pure function for transform, filter and operators."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

DEFAULT_REGISTRY = "docker.io"


class Reference(NamedTuple):
    """An image reference in its three parts; ``suffix`` is the tag and digest with their separators."""

    registry: str
    path: str
    suffix: str


def parse(image: str) -> Reference:
    """Split a reference. A first part without dot, colon or the name localhost is no registry."""
    name, at, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    repository = head + slash + last
    first, _slash, rest = repository.partition("/")
    suffix = colon + tag + at + digest
    if rest and ("." in first or ":" in first or first == "localhost"):
        return Reference(first, rest, suffix)
    return Reference("", repository, suffix)


def resolve(image: str, mirror: str = "", overrides: Optional[Mapping[str, str]] = None) -> str:
    """Return where an image is pulled from.

    An override (repository -> repository) wins and keeps the tag and digest, unless its value names its own.
    Otherwise the mirror takes the registry's place and the path is kept; images already on the mirror stay.
    """
    if not image:
        return image
    overrides = overrides or {}
    registry, path, suffix = parse(image)
    repository = registry + "/" + path if registry else path
    candidates = [repository]
    if registry in ("", DEFAULT_REGISTRY):
        full = path if "/" in path else "library/" + path
        candidates += [path, full, DEFAULT_REGISTRY + "/" + full]
    for candidate in candidates:
        if candidate in overrides:
            replacement = overrides[candidate]
            return replacement if parse(replacement).suffix else replacement + suffix
    prefix = mirror.rstrip("/")
    if not prefix or image.startswith(prefix + "/"):
        return image
    if registry in ("", DEFAULT_REGISTRY) and "/" not in path:
        path = "library/" + path
    return "%s/%s%s" % (prefix, path, suffix)
