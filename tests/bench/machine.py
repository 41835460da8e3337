# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures were made on."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from importlib import metadata
from typing import Any

from integration.engine.apiserver import ApiServer


def describe(server: ApiServer) -> dict[str, Any]:
    """Machine and versions, as the page shows them."""
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "processor": _line("/proc/cpuinfo", "model name"),
        "memory_gb": round(int(_line("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "kubernetes": server.request("GET", "/version")["gitVersion"],
        "etcd": _first_line([str(server.etcd), "--version"]),
        "ansible-core": metadata.version("ansible-core"),
        "kubernetes.core": _collection("kubernetes.core"),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def _line(path: str, key: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return next((line.partition(":")[2].strip() for line in stream if line.startswith(key)), "unknown")


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].rpartition(" ")[2] if done.stdout else "unknown"


def _collection(name: str) -> str:
    done = subprocess.run(["ansible-galaxy", "collection", "list", name], capture_output=True, text=True, check=False)
    return next((line.split()[1] for line in done.stdout.splitlines() if line.startswith(name)), "unknown")
