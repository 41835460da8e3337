# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian host in memory: dpkg's database, a repository, and the commands that driver_packages runs against them.

It keeps what matters to a transaction: versions, states, holds, and a build that fails and leaves its package
half-configured, as dpkg does. What the real tools print is tested with recordings.
"""

from __future__ import annotations

import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _apt
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt_tools import AptTools
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Done
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._versions import newest_first

KERNEL = "6.12.117+deb13-amd64"
DEB = b"!<arch>\n" + (b" " * 48 + b"0" + b" " * 9 + b"`\n") * 3
"""A package file of three empty members."""

SPEC = re.compile(r"^(?P<name>[a-z0-9.+:-]+?)(?:=(?P<version>.+)|(?P<gone>-))?$")


def link(path: Path, target: str) -> None:
    """Make or replace a symbolic link, as DKMS does in its tree."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)


class Debian:
    """Answers commands. ``repository``: name -> versions; ``bad``: (name, version) whose build fails."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository: dict[str, list[str]] = {}
        self.installed: dict[str, str] = {}
        self.status: dict[str, str] = {}
        self.held: set[str] = set()
        self.automatic: set[str] = set()
        self.lies = False
        self.bad: set[tuple[str, str]] = set()
        self.needs: dict[str, list[str]] = {}
        self.calls: list[list[str]] = []
        self.broken_apt = self.dead_repository = False
        self.brings: dict[str, dict[str, str]] = {}
        for path in ("usr/bin/apt-get", f"lib/modules/{KERNEL}/build/Makefile", "var/lib/apt/lists/x_Packages"):
            self.put(path)
        self.archives = root / "state/archives"
        self.archives.mkdir(parents=True)

    def put(self, path: str, text: str = "") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def family(self) -> _apt.Apt:
        return _apt.Apt(AptTools(self, str(self.root), str(self.archives), 60, 0), list)

    def has(self, name: str, version: str, status: str = "installed") -> None:
        self._unsource(name)
        self.installed[name], self.status[name] = version, status
        self._source(name, version)

    def __call__(self, argv, timeout=0, cwd="/", env=None):
        self.calls.append(list(argv))
        rc, out = getattr(self, "_" + Path(argv[0]).name.replace("-", "_"))(list(argv[1:]), Path(cwd))
        return Done(tuple(argv), rc, out, "")

    def ran(self, *words: str) -> list[list[str]]:
        return [call for call in self.calls if all(word in call for word in words) and "-s" not in call]

    def _dpkg_query(self, argv, cwd):
        lines = [
            "\t".join([name, "amd64", version, "hold" if name in self.held else "install", "ok", self.status[name]])
            for name, version in sorted(self.installed.items())
        ]
        return 0, "\n".join(lines) + "\n"

    def _dpkg(self, argv, cwd):
        words = [word for word in argv if not word.startswith("--force")]
        if words[0] == "--print-architecture":
            return 0, "amd64\n"
        if words[0] == "-L":
            return 0, f"/usr/src/nvidia-{self._upstream(words[1])}/dkms.conf\n"
        if words[0] == "--remove":
            for name in words[1:]:
                self._remove(name)
        if words[0] == "--unpack":
            for path in words[1:]:
                name, version, _rest = Path(path).name.split("_")
                self.has(name, version.replace("%3a", ":"), "unpacked")
        if words[0] == "--configure":
            return self._configure([name for name, status in self.status.items() if status != "installed"])
        return 0, ""

    def _dpkg_deb(self, argv, cwd):
        return 0, ""

    def _apt_mark(self, argv, cwd):
        if argv[0] == "hold":
            self.held |= set(argv[1:])
        if argv[0] == "auto":
            self.automatic |= set(argv[1:])
        if argv[0] == "unhold":
            self.held -= set(argv[1:])
        return 0, ""

    def _apt_cache(self, argv, cwd):
        if "pkgnames" in argv:
            return 0, "\n".join(self.repository)
        names = argv[argv.index("policy") + 1 :]
        if not names:
            return 0, " 500 http://mirror/debian trixie/main amd64 Packages\n"
        return 0, "".join(self._policy(name) for name in names if name in self.repository or name in self.installed)

    def _policy(self, name):
        versions = newest_first([*self.repository.get(name, []), *filter(None, [self.installed.get(name)])])
        table = "".join(f"     {version} 500\n" for version in versions)
        return f"{name}:\n  Installed: x\n  Candidate: {versions[0]}\n  Version table:\n{table}"

    def _apt_get(self, argv, cwd):
        words = [word for index, word in enumerate(argv) if not word.startswith("-") and argv[index - 1] != "-o"]
        verb, rest = words[0], words[1:]
        if verb == "download":
            return self._download(rest[0])
        if verb not in ("install", "remove"):
            dead = verb == "update" and self.dead_repository
            return (100, "E: Failed to fetch http://elsewhere/InRelease") if dead else (0, "")
        return self._transaction(argv, verb, rest)

    def _transaction(self, argv, verb, rest):
        new, gone = self._asked(verb, rest)
        if "-s" in argv:
            steps = [f"Remv {name} [{self.installed[name]}]" for name in gone if name in self.installed]
            steps += [f"Inst {name} ({version} Debian:13/stable [amd64])" for name, version in new.items()]
            return 0, "\n".join(steps) + "\n"
        if self.broken_apt:
            return 100, "E: Unmet dependencies"
        if self._moves_held(argv, new, rest):
            return 100, "E: Unable to correct problems, you have held broken packages."
        for name, version in new.items():
            if not self._at_hand(name, version):
                return 100, f"E: Version '{version}' for '{name}' was not found"
            (self.archives / f"{name}_{version}_amd64.deb").write_bytes(DEB)
        if "--download-only" in argv:
            return 0, ""
        if self.lies:
            return 0, "0 upgraded"
        for name in gone:
            self._remove(name)
        for name, version in new.items():
            self.has(name, version, "unpacked")
        return self._configure(list(new))

    def _moves_held(self, argv, new, rest):
        """Apt moves a held package where it is named, never as a dependency."""
        named = {word.partition("=")[0] for word in rest}
        return [name for name in new if name in self.held and name not in named and not name.endswith(".deb")]

    def _asked(self, verb, rest):
        new, gone = {}, []
        for word in rest:
            if word.endswith(".deb"):
                name, version, _rest = Path(word).name.split("_")
                new[name] = version
                continue
            found = SPEC.match(word).groupdict()
            if found["gone"] or verb == "remove":
                gone += [found["name"], *self._dependants(found["name"])]
            elif self.installed.get(found["name"]) != found["version"] or self.status[found["name"]] != "installed":
                new.update({found["name"]: found["version"], **self.brings.get(found["name"], {})})
        return new, gone

    def _dependants(self, name):
        return [other for other, needed in self.needs.items() if name in needed and other in self.installed]

    def _at_hand(self, name, version):
        return version in self.repository.get(name, []) or (self.archives / f"{name}_{version}_amd64.deb").exists()

    def _download(self, spec):
        name, _equals, version = spec.partition("=")
        if version not in self.repository.get(name, []):
            return 100, "E: Can't find a source"
        (self.archives / f"{name}_{version}_amd64.deb").write_bytes(DEB)
        return 0, ""

    def _configure(self, names):
        """Configure packages; of a DKMS package this builds its module."""
        failed = False
        for name in names:
            bad = (name, self.installed[name]) in self.bad
            self.status[name] = "half-configured" if bad else "installed"
            failed |= bad
            if fnmatchcase(name, "*dkms*") and name != "dkms":
                self._build(name, bad=bad)
        return (100, "E: Sub-process /usr/bin/dpkg returned an error code (1)") if failed else (0, "")

    def _build(self, name, *, bad):
        tree = f"var/lib/dkms/nvidia/{self._upstream(name)}"
        if bad:
            head = f"DKMS (dkms-3.2.2) make.log for nvidia/{self._upstream(name)} for kernel {KERNEL} (x86_64)\n"
            self.put(f"{tree}/build/make.log", head + "/var/lib/dkms/a/build/nv.c:7:1: error: too few arguments\n")
            return
        self.put(f"{tree}/{KERNEL}/x86_64/module/nvidia.ko")
        link(self.root / tree / "source", f"/usr/src/nvidia-{self._upstream(name)}")
        link(self.root / f"var/lib/dkms/nvidia/kernel-{KERNEL}-x86_64", f"{self._upstream(name)}/{KERNEL}/x86_64")
        self.put(f"lib/modules/{KERNEL}/updates/dkms/nvidia.ko")

    def _dkms(self, argv, cwd):
        for name in self.installed:
            if "dkms" in name and name != "dkms":
                self._build(name, bad=(name, self.installed[name]) in self.bad)
        return 0, ""

    def _source(self, name, version):
        if "dkms" in name and name != "dkms":
            plain = version.partition("-")[0]
            conf = f'PACKAGE_NAME="nvidia"\nPACKAGE_VERSION="{plain}"\nBUILT_MODULE_NAME[0]="nvidia"\n'
            self.put(f"usr/src/nvidia-{plain}/dkms.conf", conf)

    def _unsource(self, name):
        if "dkms" in name and name in self.installed:
            shutil.rmtree(self.root / f"usr/src/nvidia-{self._upstream(name)}", ignore_errors=True)

    def _upstream(self, name):
        return self.installed[name].partition("-")[0]

    def _remove(self, name):
        if name not in self.installed:
            return
        self._unsource(name)
        if "dkms" in name:
            for path in (self.root / "lib/modules").glob("*/updates/dkms/*.ko"):
                path.unlink()
        del self.installed[name], self.status[name]
        self.held.discard(name)
