# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolve requirements/NAME.in to requirements/NAME.txt: every package, one exact version (make pins)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from environment import FIRST, SECOND, find_python

SETS = {"run": FIRST, "dev": FIRST, "bench": FIRST, "second-core": SECOND}
"""Pinned set -> the Python it is resolved for."""


def resolve(source: Path, python: str) -> list[str]:
    """Ask pip which versions it would install, without installing any."""
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--ignore-installed",
        "--report",
        "-",
        "-r",
        str(source),
    ]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found = (item["metadata"] for item in report["install"])
    return sorted((f"{item['name']}=={item['version']}" for item in found), key=str.lower)


def main() -> int:
    """Rewrite every pinned set."""
    folder = Path(__file__).resolve().parent.parent / "requirements"
    for name, wanted in SETS.items():
        python = find_python(wanted)
        if python is None:
            print(f"pins: no Python {wanted} here, {name}.txt is left as it is")
            continue
        lines = resolve(folder / f"{name}.in", python)
        header = f"# Made by `make pins` from {name}.in for Python {wanted}: change that file, not this one."
        (folder / f"{name}.txt").write_text("\n".join([header, *lines]) + "\n")
        print(f"pins: {name}.txt has {len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
