# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few lines of a log that a person needs."""

from __future__ import annotations

import re
from pathlib import Path

CLOSING = re.compile(r"^=*\s*(\d+ (?:passed|failed|skipped|error).*?)\s*(?:in [\d.:]+s.*)?=*$")
"""pytest's last line, without its frame."""


def closing_counts(log: Path) -> str:
    """What a test runner counted; empty when the log ends in no such line."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in reversed(lines[-30:]):
        found = CLOSING.match(line.strip())
        if found:
            return f"({found.group(1).rstrip('= ')})"
    return ""


def tail(log: Path, lines: int = 120) -> str:
    """The end of a log, and how much was left out."""
    content = log.read_text(encoding="utf-8", errors="replace").splitlines()
    left_out = len(content) - lines
    head = [f"... {left_out} lines before these are in {log}"] if left_out > 0 else []
    return "\n".join([*head, *content[-lines:]])
