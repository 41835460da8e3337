# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of its own for each test: a copy-on-write view of an image, entered in a mount namespace of its own.

Nothing of it is mounted where this machine sees it, so nothing can be left behind.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
ENTER = """
set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mkdir -p "$2/root/checkout" "$2/root/repositories"
mount --bind "$4" "$2/root/checkout"
mount --bind "$3" "$2/root/repositories"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
root="$2/root"
shift 4
exec chroot "$root" "$@"
"""


class Root:
    """One host."""

    def __init__(self, image: Path, folder: Path, repositories: Path) -> None:
        self.image, self.folder, self.repositories = image, folder, repositories
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)

    def run(self, *command: str, given: str = "", check: bool = True) -> str:
        """Run a command as root of the host and answer what it printed."""
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
        places = [str(self.image), str(self.folder), str(self.repositories), str(CHECKOUT)]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C",
            "DEBIAN_FRONTEND": "noninteractive",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": "/checkout/.collections",
        }
        done = subprocess.run(
            [*argv, *places, *command], input=given, capture_output=True, text=True, check=False, env=environment
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file of the host."""
        target = self.folder / "upper" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def read(self, path: str) -> str:
        """Read a file that the host has of its own; empty where there is none."""
        target = self.folder / "upper" / path.lstrip("/")
        return target.read_text() if target.is_file() else ""

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
