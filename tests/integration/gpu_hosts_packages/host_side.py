# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the host of a test: driver_packages below its Ansible, options and answer as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError


def no_network(address: str) -> bytes:
    """Keys are not fetched: the repositories are configured already."""
    raise OSError(f"{address} was asked for")


def main() -> None:
    """Fill in the defaults as Ansible would, run, and answer on the last line."""
    asked = json.load(sys.stdin)
    defaults = {name: option.get("default") for name, option in _entry.ARGSPEC.items()}
    answer: dict[str, Any]
    try:
        answer = _entry.run({**defaults, **asked["options"]}, check=asked["check"], fetch=no_network)
    except PackageError as error:
        answer = {**error.result, "failed": error.message}
    print(json.dumps(answer))


main()
