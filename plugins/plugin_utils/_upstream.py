# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Upstream files at a pinned address: fetched once, checked against their sum, kept in a cache."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Callable, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic, _loader
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Emit, Manifest

Fetch = Callable[[str], bytes]


def load(
    files: Sequence[Mapping[str, Any]], base: str, cache: Optional[str], emit: Emit, fetch: Optional[Fetch] = None
) -> List[Manifest]:
    """Read all objects of the files. Problems of all files are raised together."""
    manifests: List[Manifest] = []
    problems: List[Problem] = []
    for entry in files:
        path, wanted = str(entry["path"]).lstrip("/"), str(entry["sha256"]).lower()
        try:
            content = read(path, wanted, base, cache, emit=emit, fetch=fetch or _fetch)
            manifests += _loader.load(content.decode("utf-8"), path)
        except InvalidInput as exc:
            problems += exc.problems
        except UnicodeDecodeError:
            problems.append(Problem("isn't UTF-8 text", path))
    if problems:
        raise InvalidInput(problems)
    return manifests


def read(path: str, wanted: str, base: str, cache: Optional[str], *, emit: Emit, fetch: Fetch) -> bytes:
    """One file's content, from the cache where its sum is right, else from its address."""
    kept = os.path.join(os.path.expanduser(cache), path) if cache else None
    if kept and not os.path.abspath(kept).startswith(os.path.abspath(os.path.expanduser(cache or "")) + os.sep):
        raise InvalidInput([Problem("leads out of the cache folder", path)])
    if kept and os.path.isfile(kept):
        with open(kept, "rb") as stream:
            content = stream.read()
        if digest(content) == wanted:
            return content
    address = "%s/%s" % (base.rstrip("/"), path)
    emit("fetching %s" % address)
    content = fetch(address)
    found = digest(content)
    if found != wanted:
        text = "%s has the sha256 %s, but %s is pinned: nothing of it is used" % (address, found, wanted)
        raise InvalidInput([Problem(text, path)])
    if kept:
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        _atomic.write(kept, content)
    return content


def digest(content: bytes) -> str:
    """The sha256 in hex."""
    return hashlib.sha256(content).hexdigest()


def _fetch(address: str) -> bytes:
    from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import (  # noqa: PLC0415 (rarely needed)
        _download,
    )

    return _download.download(address)
