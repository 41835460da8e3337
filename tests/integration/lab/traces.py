# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab can leave on a machine, as sets that can be compared before and after."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

SHARED = ("/var/lib/cni/results", "/run/containerd/s", "/var/log/containers", "/var/lib/kubelet/device-plugins")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def processes():
    """Command lines of everything that runs, but for kernel threads and the test itself."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if command:
            found.add(command)
    return found


def mounts():
    """Every mount point with its propagation."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        found.add((fields[4], " ".join(word.partition(":")[0] for word in fields[6 : fields.index("-")])))
    return found


def interfaces():
    return {link["ifname"] for link in json.loads(output("ip", "-json", "link"))}


def rules():
    """Rules and user-made chains of both families; a built-in table that was only touched is none."""
    found = set()
    for program in ("iptables-save", "ip6tables-save"):
        for line in output(program).splitlines():
            if line.startswith("-A") or (line.startswith(":") and " - " in line):
                found.add(f"{program}: {line.partition(' [')[0]}")
    return found


def cgroups():
    return {str(path) for path in Path("/sys/fs/cgroup").rglob("gpu-observability-*")}


def files(state_dir):
    """The state folder itself and what lies at paths that are fixed in kubelet, containerd and the CNI plugins."""
    found = {str(path) for folder in SHARED for path in Path(folder).glob("*")}
    return found | {path for path in (state_dir, "/run/cdi") if Path(path).exists()}


def settings():
    """Kernel settings that kubelet and kube-proxy write."""
    names = ("net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet", "vm/overcommit_memory", "kernel/panic_on_oops")
    return {(name, Path("/proc/sys", name).read_text().strip()) for name in names}


def everything(state_dir):
    """All of it by name."""
    return {
        "processes": processes(),
        "mounts": mounts(),
        "interfaces": interfaces(),
        "rules": rules(),
        "cgroups": cgroups(),
        "files": files(state_dir),
        "settings": settings(),
    }


if __name__ == "__main__":
    import sys

    print(json.dumps({name: sorted(map(str, found)) for name, found in everything(sys.argv[1]).items()}))
