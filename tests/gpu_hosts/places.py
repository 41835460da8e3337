# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hosts and what they are made from live, and the programs that make them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STATE = Path(os.environ.get("GPU_OBSERVABILITY_HOSTS_STATE", "/var/lib/openhands-gpu-observability-hosts"))
"""All that a run leaves on the machine but the cache; destroy removes it."""
RUN = Path("/run/openhands-gpu-hosts")
"""What podman keeps while containers run: it takes no path above 50 characters there."""
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "mount": "mount",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "gpg": "gnupg",
}
"""Program -> the Debian package that has it."""


class HostsError(Exception):
    """What a person has to put right."""


@dataclass(frozen=True)
class Host:
    """One container.

    Attributes:
        name: Its name in the inventory and of its container.
        suite: The Debian release it is.
        port: Where its ssh listens on the loopback address.
    """

    name: str
    suite: str
    port: int

    @property
    def folder(self) -> Path:
        """Its part of the state."""
        return STATE / self.name

    @property
    def root(self) -> Path:
        """Its file system, as this machine sees it."""
        return self.folder / "root"

    @property
    def container(self) -> str:
        """The name by which podman knows it."""
        return f"gpu-host-{self.name}"


def cache() -> Path:
    """The lab's cache folder (roles/lab, lab_cache_dir), where images and downloads outlive a run."""
    chosen = os.environ.get("GPU_OBSERVABILITY_CACHE")
    if chosen:
        return Path(chosen) / "gpu-hosts"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "openhands-gpu-observability" / "gpu-hosts"


def run(*argv: str, check: bool = True, quiet: bool = False, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """Run a program. Raises HostsError with its last lines where it fails and ``check`` is set."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        said = "; ".join((done.stdout + done.stderr).strip().splitlines()[-6:])
        raise HostsError(f"{' '.join(argv[:6])} failed with {done.returncode}: {said}")
    return done


def missing(programs: Sequence[str] = tuple(PACKAGES)) -> list[str]:
    """The Debian packages that this machine lacks."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return sorted({PACKAGES[program] for program in programs if not shutil.which(program, path=path)})
