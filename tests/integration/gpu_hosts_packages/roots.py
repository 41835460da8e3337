# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of its own for each test: a copy-on-write view of an image, entered in a mount namespace of its own.

Nothing of it is mounted where this machine sees it, so nothing can be left behind. All that a test runs on a host sees
the same mount: a lock that one program holds is a lock for the next.
"""

from __future__ import annotations

import json
import subprocess
import weakref
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
MOUNT = """
set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mkdir -p "$2/root/checkout" "$2/root/repositories"
mount --bind "$4" "$2/root/checkout"
mount --bind "$3" "$2/root/repositories"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
echo mounted
exec cat
"""
"""Ends with the pipe on its standard input, so with the test's process at the latest."""


def _end(holder: subprocess.Popen[str]) -> None:
    holder.communicate()


class Root:
    """One host."""

    def __init__(self, image: Path, folder: Path, repositories: Path) -> None:
        self.folder = folder
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh"]
        places = [str(image), str(folder), str(repositories), str(CHECKOUT)]
        pipe = subprocess.PIPE
        holder = subprocess.Popen([*argv, *places], stdin=pipe, stdout=pipe, text=True)
        assert holder.stdout is not None
        if holder.stdout.readline() != "mounted\n":
            raise AssertionError(f"the host {folder} could not be mounted: see standard error")
        self._pid = holder.pid
        weakref.finalize(self, _end, holder)

    def run(self, *command: str, given: str = "", check: bool = True) -> str:
        """Run a command as root of the host and answer what it printed; what it mounts goes with it."""
        enter = ["nsenter", f"--mount=/proc/{self._pid}/ns/mnt", "unshare", "--mount", "--propagation", "private"]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C",
            "DEBIAN_FRONTEND": "noninteractive",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": "/checkout/.collections",
        }
        argv = [*enter, "chroot", str(self.folder / "root"), *command]
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, env=environment)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file of the host, in the place of a link too."""
        script = 'mkdir -p "${1%/*}"; rm -f "$1"; cat > "$1"'
        self.run("sh", "-ec", script, "sh", "/" + path.lstrip("/"), given=text)

    def read(self, path: str) -> str:
        """Read a file of the host; empty where there is none."""
        return self.run("sh", "-c", 'if [ -f "$1" ]; then cat "$1"; fi', "sh", "/" + path.lstrip("/"))

    def packages(self, plan: dict[str, Any], *, state: str = "present", check: bool = False, **more: Any) -> Any:
        """What driver_packages answers for a plan; a failure has ``failed`` with its message."""
        options = {
            "state": state,
            "packages": plan["packages"],
            "repository": plan["repository"] or {},
            "components": plan["components"],
            "wanted": plan["wanted"],
            "now": plan["now"],
            **more,
        }
        asked = json.dumps({"options": options, "check": check})
        script = "/checkout/tests/integration/gpu_hosts_packages/host_side.py"
        return json.loads(self.run("/usr/bin/python3", script, given=asked).splitlines()[-1])
