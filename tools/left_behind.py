# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for what a removed lab, or GPU hosts of a test, left here: processes, mounts, interfaces, rules, files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

STATE = os.environ.get("GPU_OBSERVABILITY_LAB_STATE", "/var/lib/openhands-gpu-observability-lab")
HOSTS = (
    os.environ.get("GPU_OBSERVABILITY_HOSTS_STATE", "/var/lib/openhands-gpu-observability-hosts"),
    "/run/openhands-gpu-hosts",
)
"""Where tests/gpu_hosts keeps containers."""
BRIDGE = "lab0"
GROUPS = ("gpu-observability-lab", "openhands-gpu-hosts")
CHAINS = ("KUBE-", "CNI-", "OPENHANDS-", BRIDGE)


def processes() -> Iterator[str]:
    """Processes of the lab and of the containers it ran."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            group = (folder / "cgroup").read_text()
        except OSError:
            continue  # it ended meanwhile
        if any(place in command for place in (STATE, *HOSTS)) and "left_behind" not in command:
            yield f"process {folder.name}: {command[:120]}"
        elif any(name in group for name in GROUPS):
            yield f"process {folder.name} of a container: {command[:120]}"


def mounts() -> Iterator[str]:
    """Mounts below the state folders, and network namespaces of pods."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if point.startswith((STATE, *HOSTS)) or "/netns/cni-" in point:
            yield f"mount {point}"


def interfaces() -> Iterator[str]:
    """The lab's bridge and what hangs on it."""
    for folder in Path("/sys/class/net").iterdir():
        bridge = folder / "master"
        if folder.name == BRIDGE or (bridge.exists() and bridge.resolve().name == BRIDGE):
            yield f"interface {folder.name}"


def rules() -> Iterator[str]:
    """Rules and chains of kube-proxy and the container network."""
    for program in ("iptables-save", "ip6tables-save"):
        try:
            saved = subprocess.run([program], capture_output=True, text=True, check=False).stdout
        except FileNotFoundError:
            continue  # no iptables, no rules
        for line in saved.splitlines():
            if line.startswith((":", "-A")) and any(chain in line for chain in CHAINS):
                yield f"{program.removesuffix('-save')} rule {line}"


def files() -> Iterator[str]:
    """The state folder, the container network's leases, control groups of pods."""
    groups = (found for name in GROUPS for found in Path("/sys/fs/cgroup").glob(f"**/{name}*"))
    places = [Path(STATE), *map(Path, HOSTS), Path("/var/lib/cni/networks") / BRIDGE, *groups]
    yield from (f"file {place}" for place in places if place.exists())


def main() -> int:
    """Print what is left; the exit code is 1 when anything is."""
    left = [line for look in (processes, mounts, interfaces, rules, files) for line in look()]
    for line in left[:60]:
        print(line)
    print(f"{len(left)} things of the lab are left" if left else "nothing of the lab is left")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
