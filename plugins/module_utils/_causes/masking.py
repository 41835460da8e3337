# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Take secrets out of a container's own words: those that are known, and what looks like one."""

from __future__ import annotations

import re
from typing import Iterable, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils._mask import HIDDEN, scrub

SHORTEST = 4
"""Shorter values are no secrets, and hiding them would mangle any text."""

PATTERNS = (
    re.compile(r"(?i)(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[a-z0-9+/=._~-]{8,}"),
    re.compile(
        r"(?i)(\b[\w.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|routing[_-]?key|credential)[\w.-]*"
        r"[\"']?\s*[:=]\s*)(?!bearer\b|basic\b)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
    ),
    re.compile(r"(https://hooks\.slack\.com/services/)\S+"),
    re.compile(r"(\b)eyJ[\w-]{10,}\.[\w-]+\.[\w-]*"),
)
"""What looks like a secret even if nobody told us; the first group stays."""


def masked(words: str, secrets: Iterable[str] = ()) -> str:
    """The words without the secrets given, whole or line by line, and without what looks like one."""
    known: Set[str] = set()
    for value in secrets:
        known.update(part.strip() for part in (value, *value.splitlines()))
    words = scrub(words, [value for value in known if len(value) >= SHORTEST])
    for pattern in PATTERNS:
        words = pattern.sub(lambda found: found.group(1) + HIDDEN, words)
    return words
