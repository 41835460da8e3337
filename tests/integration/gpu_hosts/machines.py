# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FAKE machines: what the hardware, the kernel and the kubelet of a host do that is a tree of plain files.

One that was switched off (see connection/simulated.py) boots after a moment: another boot id, no process of before, and
the driver that is on its disk. Its node isn't ready meanwhile. With the file ``fake/dies`` it stays off. The rest of a
real node isn't there: no node controller taints it, and its pods stay.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from integration.gpu_hosts import fakes
from integration.gpu_hosts.connection.simulated import power
from integration.nodes.plane import NodePlane

BOOT = 0.5
"""Seconds."""
BOOT_ID = "proc/sys/kernel/random/boot_id"


def why_not() -> str:
    """Why there can be no such machines here; empty where there can."""
    probe = "mount --bind /etc/hostname /etc/machine-id && mount --bind /etc/hostname /" + BOOT_ID
    done = subprocess.run(["unshare", "--mount", "/bin/sh", "-c", probe], capture_output=True, text=True, check=False)
    return f"needs root and mount namespaces: {done.stderr.strip()}" if done.returncode else ""


@dataclass
class Machine:
    """One of them."""

    root: Path
    node: str
    off_since: float = 0

    def make(self) -> None:
        """What every machine has."""
        for path, content in (("etc/machine-id", uuid.uuid4().hex), (BOOT_ID, "first")):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content + "\n")
        program = self.root / "fake/sbin/shutdown"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\necho 'FAKE: the machine that a test runs on is never shut down' >&2\nexit 1\n")
        program.chmod(0o755)

    def boot(self) -> str:
        """Come up with what is on the disk; returns the new boot id."""
        for name in self.root.glob("sys/module/nvidia*"):
            shutil.rmtree(name)
        for path in self.root.glob("proc/[0-9]*/fd/*"):
            path.unlink()
        fakes.modprobe(self.root, "nvidia")
        boot = str(uuid.uuid4())
        (self.root / BOOT_ID).write_text(boot + "\n")
        (self.root / "fake/power").unlink()
        return boot


class Machines(threading.Thread):
    """All machines of a session."""

    def __init__(self, plane: NodePlane) -> None:
        super().__init__(daemon=True)
        self._plane = plane
        self._machines: list[Machine] = []
        self._stopped = threading.Event()

    def add(self, root: Path, node: str) -> None:
        """One more, with its node."""
        machine = Machine(root, node)
        machine.make()
        self._machines.append(machine)

    def forget(self) -> None:
        """Have none any more."""
        self._machines = []

    def run(self) -> None:
        """Watch their power until the end."""
        while not self._stopped.wait(0.1):
            for machine in list(self._machines):
                self._look(machine)

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self.join()

    def _look(self, machine: Machine) -> None:
        if power(str(machine.root)) == "on":
            return
        if not machine.off_since:
            machine.off_since = time.monotonic()
            self._plane.kubelet_says(machine.node, (machine.root / BOOT_ID).read_text().strip(), False)
        elif time.monotonic() - machine.off_since > BOOT and not (machine.root / "fake/dies").exists():
            machine.off_since = 0
            self._plane.kubelet_says(machine.node, machine.boot(), True)
