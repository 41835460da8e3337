# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the project's tools live: the cache, one virtual environment per pinned set, the collection link.

Standard library only: this runs on a machine that has nothing but Python.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parent.parent
LINK = ROOT / ".collections" / "ansible_collections" / "openhands" / "gpu_observability"
FIRST = "3.11"
"""Python of the first core (the oldest ansible-core supported)."""
SECOND = "3.13"
"""Python of the second core (the newest stable ansible-core)."""
OLDEST = (3, 11)
BASE = str(getattr(sys, "_base_executable", sys.executable))
"""The running Python itself, also when make was started inside somebody's virtual environment."""


class EnvironmentProblem(Exception):
    """The machine lacks something; the message says what and how to get it."""


def cache_dir() -> Path:
    """The folder that outlives the checkout: environments, binaries, downloads."""
    own = os.environ.get("GPU_OBSERVABILITY_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "openhands-gpu-observability"


def _version(python: str) -> Optional[tuple[int, int]]:
    """Major and minor of a Python, or nothing when it does not run (a version manager's stub)."""
    question = "import sys; print(*sys.version_info[:2])"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def find_python(wanted: str) -> Optional[str]:
    """The path of a Python of this minor: on PATH, or one that pyenv keeps; the running one if it fits."""
    on_path = shutil.which(f"python{wanted}")
    kept = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{wanted}*/bin/python{wanted}"))
    candidates = [BASE, *([on_path] if on_path else []), *map(str, reversed(kept))]
    minor = tuple(int(part) for part in wanted.split("."))
    return next((python for python in candidates if _version(python) == minor), None)


def python_for(name: str) -> Optional[str]:
    """The Python that an environment is made with; None when the machine has none that fits."""
    if name == "second-core":
        return find_python(SECOND)
    if sys.version_info < OLDEST:
        running = ".".join(map(str, sys.version_info[:3]))
        raise EnvironmentProblem(f"Python {running} is too old: run make PYTHON=python3.11 (or newer)")
    return find_python(FIRST) or BASE


@contextmanager
def held(name: str, waiting_for: str) -> Iterator[None]:
    """Hold a lock of this machine; say so once when another run has it."""
    path = cache_dir() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            print(f"waiting for {waiting_for}, in use by process {lock.read().strip() or '?'}", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def link_collection() -> None:
    """Make the link by which a plain checkout resolves under the collection's full name."""
    if LINK.is_symlink() or LINK.exists():
        return
    LINK.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another make was faster: the same link
        LINK.symlink_to(Path("../../.."))


def _make_venv(python: str, target: Path) -> None:
    made = subprocess.run([python, "-m", "venv", "--clear", str(target)], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise EnvironmentProblem(
            f"{python} cannot make a virtual environment: install python3-venv.\n{made.stdout}{made.stderr}"
        )
    print("environment: installing Debian's python3-venv", flush=True)
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "python3-venv"]):
        subprocess.run(["apt-get", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    subprocess.run([python, "-m", "venv", "--clear", str(target)], check=True, stdin=subprocess.DEVNULL)


def venv(name: str) -> Optional[Path]:
    """The virtual environment of a pinned set, made on first use; None when no Python fits.

    Its folder is named by the pins and the Python, so a changed pin is a new folder and never a half-updated one.
    """
    python = python_for(name)
    if python is None:
        return None
    pins = ROOT / "requirements" / f"{name}.txt"
    facts = subprocess.run(
        [python, "-c", "import sys; print(sys.version, sys.base_prefix)"], capture_output=True, text=True, check=True
    )
    digest = hashlib.sha256(pins.read_bytes() + facts.stdout.encode()).hexdigest()[:12]
    target = cache_dir() / "venvs" / f"{name}-{digest}"
    with held(f"venv-{target.name}", f"the environment {name}"):
        ready = target / ".ready"
        if ready.exists():
            return target
        started = time.monotonic()
        print(f"environment: installing requirements/{name}.txt into {target}", flush=True)
        _make_venv(python, target)
        install = [
            str(target / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            str(pins),
        ]
        done = subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EnvironmentProblem(f"pip could not install requirements/{name}.txt:\n{done.stdout}{done.stderr}")
        ready.touch()
        print(f"environment: {name} is ready ({time.monotonic() - started:.0f} s)", flush=True)
    return target


def variables(home: Path) -> dict[str, str]:
    """The environment of a tool that runs in a virtual environment, free of the caller's own."""
    dropped = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH"}
    result = {key: value for key, value in os.environ.items() if key not in dropped}
    result["PATH"] = (
        f"{home / 'bin'}:{result.get('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')}"
    )
    result["VIRTUAL_ENV"] = str(home)
    result["PYTHONPATH"] = str(ROOT / ".collections")
    result["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    result["PYTHONUNBUFFERED"] = "1"
    result.setdefault("LC_ALL", "C.UTF-8")
    return result
