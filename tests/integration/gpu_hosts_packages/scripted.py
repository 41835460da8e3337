# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver of three packages, the newest with 8 MB each, whose scripts do to apt and dpkg what a test asks for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from integration.gpu_hosts_packages.debs import packed
from integration.gpu_hosts_packages.roots import Root

OLD, NEW, NEWER = "550.1-1", "580.2-1", "590.3-1"
NAMES = ("libcuda1", "nvidia-kernel-dkms", "nvidia-smi")
SCRIPT = "/checkout/tests/integration/gpu_hosts_packages/host_side.py"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
TRAP = """#!/bin/sh
# What /traps/<script>-<package> says happens once, when that script runs.
trap="/traps/$DPKG_MAINTSCRIPT_NAME-$DPKG_MAINTSCRIPT_PACKAGE"
[ -e "$trap" ] || exit 0
read -r what < "$trap"
case "$what" in always*) ;; *) rm "$trap" ;; esac
module=$$
while [ "$module" -gt 1 ] && ! grep -q host_side.py "/proc/$module/cmdline"; do
    module=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$module/status")
done
session=$(cut -d ' ' -f 6 "/proc/$$/stat")
case "$what" in
    fail | always-fail) exit 1 ;;
    dpkg) kill -KILL "$PPID" ;;
    module) kill -KILL "$module" ;;
    power)
        kill -STOP "$module"
        exec setsid sh -c "kill -KILL -- -$session; kill -KILL $module" ;;
    *) eval "$what" ;;
esac
"""
"""``power``: everything ends in the same moment, as when the power is lost after dpkg has written what it wrote."""


def _control(name: str, version: str) -> str:
    needed = "" if name == "libcuda1" else f"Depends: libcuda1 (= {version})\n"
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Nobody <nobody@example.org>\n"
        f"{needed}Section: restricted/misc\nPriority: optional\nDescription: a package whose scripts do as told\n"
    )


def _deb(name: str, version: str) -> bytes:
    content = version.encode() * (1_000_000 if version == NEWER else 1000)
    return packed(_control(name, version), {f"opt/driver/{name}": content}, dict.fromkeys(SCRIPTS, TRAP.encode()))


def repository(folder: Path) -> None:
    """Write it."""
    folder.mkdir()
    stanzas = []
    for name in NAMES:
        for version in (OLD, NEW, NEWER):
            path, content = folder / f"{name}_{version}_amd64.deb", _deb(name, version)
            path.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            stanzas.append(f"{_control(name, version)}Filename: {path.name}\nSize: {len(content)}\nSHA256: {digest}\n")
    text = "\n".join(stanzas)
    (folder / "Packages").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    head = "Origin: NVIDIA\nLabel: NVIDIA\nDate: Mon, 23 Nov 2026 12:00:00 UTC\nSHA256:\n"
    (folder / "Release").write_text(f"{head} {digest} {len(text)} Packages\n")


def wish(version: str) -> dict[str, Any]:
    """The options that ask for one version of it."""
    asked = [{"name": name, "version": version} for name in NAMES]
    pins = [{"packages": "nvidia-* libcuda1", "pin": f"version {version}", "priority": 1001}]
    return {"packages": {"install": asked, "hold": list(NAMES), "pins": pins}, "allow_downgrade": True}


def ask(root: Root, options: dict[str, Any], *, check: bool = False, first: str = "") -> dict[str, Any]:
    """What driver_packages answers; empty where it didn't live to answer. ``first``: what a shell does before it."""
    given = json.dumps({"options": options, "check": check})
    return answer(root.run("sh", "-c", f"{first}\nexec /usr/bin/python3 {SCRIPT}", given=given, check=False))


def answer(printed: str) -> dict[str, Any]:
    """The last line of what was printed."""
    lines = printed.splitlines()
    return dict(json.loads(lines[-1])) if lines and lines[-1].startswith("{") else {}


def trap(root: Root, script: str, name: str, what: str) -> None:
    """Have a script of a package do something, once."""
    root.write(f"traps/{script}-{name}", what + "\n")


def packages(root: Root) -> dict[str, str]:
    """Every package of the driver that dpkg knows: version and state, with ``hold`` before it where it is held."""
    listed = root.run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Want} ${db:Status-Abbrev}\n")
    rows = (line.split() for line in listed.splitlines())
    return {row[0]: " ".join(row[1:]) for row in rows if row[0] in NAMES}
