# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Take secrets out of a line before it is shown."""

from __future__ import annotations

import base64
import re
from typing import Any, Iterable, List, Mapping, Set

MASK = "********"
SHORTEST = 4
"""Shorter values are no secrets, and masking them would mangle any text."""

PATTERNS = (
    re.compile(r"(?i)(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
    re.compile(r"(?i)((?:bearer|basic)\s+)[a-z0-9+/=._~-]{8,}"),
    re.compile(
        r"(?i)(\b[\w.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|routing[_-]?key|credential)[\w.-]*"
        r"[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
    ),
    re.compile(r"(https://hooks\.slack\.com/services/)\S+"),
    re.compile(r"\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*"),
)
"""What looks like a secret even if nobody told us."""


def spellings(values: Iterable[str]) -> Set[str]:
    """Each value, its lines, and its base64 form."""
    found: Set[str] = set()
    for value in values:
        parts: List[str] = [value.strip(), *(line.strip() for line in value.splitlines())]
        parts.append(base64.b64encode(value.encode("utf-8", "surrogateescape")).decode("ascii"))
        found.update(part for part in parts if len(part) >= SHORTEST)
    return found


def values_of(secret: Mapping[str, Any]) -> List[str]:
    """The decoded values of a Secret."""
    data = secret.get("data")
    values: List[str] = []
    for encoded in data.values() if isinstance(data, Mapping) else ():
        try:
            values.append(base64.b64decode(str(encoded)).decode("utf-8", "surrogateescape"))
        except ValueError:
            values.append(str(encoded))
    return values


def masked(line: str, secrets: Iterable[str] = ()) -> str:
    """The line without the secrets given and without what looks like one."""
    for value in sorted(spellings(secrets), key=len, reverse=True):
        line = line.replace(value, MASK)
    for pattern in PATTERNS:
        line = pattern.sub(lambda found: (found.group(1) if found.re.groups else "") + MASK, line)
    return line
