# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a lab changes on its machine beside its own folder, so that it can be put back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import (
    read_or_none,
    write_atomically,
)

NOTE = "before.json"

SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
)
"""Kernel settings that kubelet and kube-proxy write."""

SHARED_FOLDERS = (
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
    "/var/lib/cni/results",
    "/var/lib/cni",
    "/run/containerd/s",
    "/run/containerd",
    "/var/log/containers",
    "/run/xtables.lock",
    "/run/cdi",
)
"""Places whose paths are fixed in kubelet, containerd, the CNI plugins and what mounts them. Inner ones first."""


@dataclass(frozen=True)
class Before:
    """How the machine was before its first start."""

    sysctls: Mapping[str, str]
    propagation: str
    """Of the root mount: shared or private."""
    existed: Sequence[str]
    """Those of SHARED_FOLDERS that were there."""

    def to_bytes(self) -> bytes:
        content = {"sysctls": dict(self.sysctls), "propagation": self.propagation, "existed": list(self.existed)}
        return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: Optional[bytes]) -> Optional[Before]:
        try:
            fields = json.loads(content or b"")
            return cls(dict(fields["sysctls"]), str(fields["propagation"]), list(fields["existed"]))
        except (ValueError, KeyError, TypeError):
            return None


def note_path(state_dir: str) -> str:
    """Where the record lies; its presence also marks a folder as a lab's own."""
    return os.path.join(state_dir, NOTE)


def load(state_dir: str) -> Optional[Before]:
    return Before.from_bytes(read_or_none(note_path(state_dir)))


def save(state_dir: str, before: Before) -> None:
    write_atomically(note_path(state_dir), before.to_bytes(), 0o600)


def survey(root: str = "/") -> Before:
    """The machine as it is now."""
    mounts = (read_or_none(os.path.join(root, "proc/self/mountinfo")) or b"").decode(errors="replace")
    sysctls = {}
    for name in SYSCTLS:
        content = read_or_none(os.path.join(root, "proc/sys", name))
        if content is not None:
            sysctls[name] = content.decode().strip()
    existed = [path for path in SHARED_FOLDERS if os.path.lexists(os.path.join(root, path.lstrip("/")))]
    return Before(sysctls, root_propagation(mounts), existed)


def root_propagation(mountinfo: str) -> str:
    """Whether the last mount on / is shared."""
    found = "private"
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) > 6 and fields[4] == "/":
            optional = fields[6 : fields.index("-")]
            found = "shared" if any(item.startswith("shared:") for item in optional) else "private"
    return found


def mounts_below(mountinfo: str, folder: str) -> List[str]:
    """Mount points in or below ``folder``, in the order in which they can be unmounted."""
    found = []
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) > 4:
            point = _unescape(fields[4])
            if point == folder or point.startswith(folder.rstrip("/") + "/"):
                found.append(point)
    return found[::-1]


def to_restore(before: Before, now: Before) -> List[Tuple[str, str]]:
    """Kernel settings (name, value) that differ from what they were."""
    return [(name, value) for name, value in before.sysctls.items() if now.sysctls.get(name, value) != value]


def cgroup_folders(mounts: str, name: str) -> List[str]:
    """Where a cgroup called ``name`` lies in every mounted hierarchy, from /proc/mounts."""
    found: Dict[str, None] = {}
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[2] in ("cgroup", "cgroup2"):
            found[os.path.join(_unescape(fields[1]), name)] = None
    return list(found)


def _unescape(path: str) -> str:
    return path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
