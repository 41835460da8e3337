# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One small file from an address. A module of its own: Ansible's HTTP client takes a tenth of a second to import."""

from __future__ import annotations

from typing import Any, Callable

from ansible.module_utils.urls import open_url

SECONDS = 60
_open: Callable[..., Any] = open_url


def fetch(address: str) -> bytes:
    """The content at an address. Raises OSError or ValueError."""
    return bytes(_open(address, timeout=SECONDS).read())
