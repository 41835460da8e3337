# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on what is shipped, copied to a collection path, without Ansible's own file server.

ansible-test refuses the link by which a checkout resolves, so it gets a copy. Its environments are filled from the
ordinary package index; only its pip bootstrap script would come from elsewhere: a few lines around ensurepip stand in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import yaml
from environment import ROOT, cache_dir

EXCLUDED = {
    "pslint": "there is no PowerShell in this collection",
    "shellcheck": "there is no shell script in what is shipped; .ci/run is four lines",
}
"""Test -> why it is not run."""
BOOTSTRAP = '''\
"""Stands in for the downloaded get-pip: the interpreter's own pip, then the versions that are asked for."""
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", *wanted])
'''


def left_out(name: str) -> bool:
    """Whether a file is not shipped, and so not ansible-test's business (tests/config.yml and tests/sanity are)."""
    if name == "tests/config.yml" or name.startswith("tests/sanity/"):
        return False
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    return any(name == entry or name.startswith(f"{entry}/") or fnmatch(name, entry) for entry in ignored)


def copy_tree(target: Path) -> None:
    """Copy what git knows of the checkout and a build would ship."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if left_out(name) or not source.is_file():
            continue
        goal = target / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, goal, follow_symlinks=False)


def place_bootstrap(home: Path) -> None:
    """Put the stand-in where this ansible-test looks for every bootstrap script it could want."""
    import ansible_test  # noqa: PLC0415 - only the environment with ansible-core has it

    text = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(ansible_test.__path__[0]).glob("_internal/python_requirements.py")
    )
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in set(re.findall(r"['\"](\d+\.\d+(?:\.\d+)?)['\"]", text)):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(BOOTSTRAP, encoding="utf-8")


def main() -> int:
    """Run every sanity test that can run here; the exit code is ansible-test's."""
    for test, reason in EXCLUDED.items():
        print(f"not run: {test}: {reason}", flush=True)
    home = cache_dir() / "sanity"
    place_bootstrap(home)
    tools = Path(sys.executable).parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    # A version manager's stubs look like Pythons and are none: only this environment's Python is offered.
    environment |= {"HOME": str(home), "PATH": f"{tools}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryDirectory(prefix="gpu-observability-sanity-") as folder:
        target = Path(folder) / "ansible_collections" / "openhands" / "gpu_observability"
        copy_tree(target)
        skips = [word for test in EXCLUDED for word in ("--skip-test", test)]
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        command = [
            "ansible-test",
            "sanity",
            "--color",
            "no",
            "--truncate",
            "0",
            "--python",
            python,
            *skips,
            *sys.argv[1:],
        ]
        return subprocess.run(command, cwd=target, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
