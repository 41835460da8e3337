# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Ansible's tagged and lazy values as plain data that any library can take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A deep copy of built-in types; a vaulted string is decrypted by being read as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {_text(key) if isinstance(key, str) else key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return _text(str(value))


def _text(value: str) -> str:
    # str() of a subclass may return the subclass; str's own method never does.
    return str.__str__(value)
