# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metric names of both generations of dcgm-exporter, from the counters table of the role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from rules.rendering import load_vars

NEW = "4.9.0"


def table() -> list[dict[str, Any]]:
    """The rows of the counters table."""
    rows: list[dict[str, Any]] = load_vars("dcgm_exporter")["__dcgm_exporter_counters"]
    return rows


def xid_classes() -> dict[str, list[int]]:
    """XID codes by class."""
    classes: dict[str, list[int]] = load_vars("dcgm_exporter")["__dcgm_exporter_xid_classes"]
    return classes


@cache
def successors() -> dict[str, str]:
    """Old name to the new one: the row that begins where the row before it ends."""
    return {old["field"]: new["field"] for old, new in pairwise(table()) if old.get("until") == new.get("since") == NEW}


def _series(series: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for text, values in series.items():
        name = re.match(r"\w+", text)
        assert name, text
        renamed = successors().get(name.group(), name.group()) + text[name.end() :]
        for old, new in [("Hostname=", "hostname="), ("DCGM_FI_DRIVER_VERSION=", "DCGM_FI_SYSTEM_DRIVER_VERSION=")]:
            renamed = renamed.replace(old, new)
        yield renamed, values


def renamed(body: Mapping[str, Any]) -> dict[str, Any]:
    """A case of the old generation as the new one tells it. Only for fields that kept their unit."""
    return {**body, "why": f"{body['why']} (exporter {NEW})", "series": dict(_series(body["series"]))}
