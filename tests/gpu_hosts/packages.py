# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed repositories of stand-ins for NVIDIA's container toolkit and DCGM: real names, dependencies, places and units.

What is in the packages of the real ones: packaging/debian and deployments/systemd of NVIDIA/nvidia-container-toolkit
(1.20.0), cmake/packaging.cmake of NVIDIA/DCGM, and packages/config-files/systemd of NVIDIA/dcgm-exporter. The programs
are those of files/, and say that they are stand-ins.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from integration.gpu_hosts_packages import debs  # noqa: E402
from integration.gpu_hosts_packages.catalogue import Package  # noqa: E402

from gpu_hosts.places import run  # noqa: E402

FILES = Path(__file__).parent / "files"
TOOLKIT = ("1.19.0", "1.20.0")
DCGM, EXPORTER = ("1:4.5.3-1", "1:4.6.0-1"), ("4.8.2-1", "4.8.3-1")
PLACE = "srv/packages"
"""Where a host has the repositories: the toolkit's in stable/deb/amd64, as NVIDIA's is laid out, DCGM's in cuda."""
NOTE = "# STAND-IN for tests.\n"
CDI = "nvidia-cdi-refresh"
BUILT = "grep -q nvidia-current[.]ko /lib/modules/$(cat /proc/sys/kernel/osrelease)/modules.dep"


def toolkit(version: str) -> Iterator[Package]:
    """The four packages of one release."""
    full = f"{version}-1"
    same = f"(= {full})"
    program = (FILES / "nvidia_ctk.py").read_text()
    yield Package(
        "nvidia-container-toolkit",
        full,
        (f"nvidia-container-toolkit-base {same}", f"libnvidia-container-tools {same}"),
        files={"/usr/bin/nvidia-container-runtime-hook": f"#!/bin/sh\n{NOTE}"},
    )
    yield Package(
        "nvidia-container-toolkit-base",
        full,
        files={
            "/usr/bin/nvidia-ctk": program.replace("(1.20.0)", f"(1.20.0; packaged as {version})", 1),
            "/usr/bin/nvidia-container-runtime": f'#!/bin/sh\n{NOTE}exec runc "$@"\n',
            f"/usr/lib/systemd/system/{CDI}.service": _unit(
                "Write the CDI specification",
                Type="oneshot",
                ExecCondition=f"/bin/sh -c '{BUILT}'",
                ExecStart="/usr/local/bin/nvidia-smi -L\nExecStart=/usr/bin/nvidia-ctk cdi generate",
                Restart="on-failure",
                RestartSec="1s",
            ),
            f"/usr/lib/systemd/system/{CDI}.path": (
                f"{NOTE}[Path]\nPathChanged=/usr/bin/nvidia-ctk\n[Install]\nWantedBy=multi-user.target\n"
            ),
        },
    )
    yield Package("libnvidia-container-tools", full, (f"libnvidia-container1 (>= {full})",))
    yield Package("libnvidia-container1", full)


def dcgm(version: str) -> Iterator[Package]:
    """DCGM of one release; all its packages need the core of theirs."""
    core = "datacenter-gpu-manager-4-core"
    program = (FILES / "dcgm.py").read_text()
    unit = _unit("Host engine", ExecStart="/usr/bin/nv-hostengine -n", Restart="on-abort")
    engine = {"/usr/bin/nv-hostengine": program, "/usr/lib/systemd/system/nvidia-dcgm.service": unit}
    yield Package(core, version, files=engine)
    for end in ("cuda12", "cuda13", "proprietary", "proprietary-cuda12", "proprietary-cuda13"):
        yield Package(f"datacenter-gpu-manager-4-{end}", version, (f"{core} (= {version})",))


def exporter(version: str) -> Package:
    """dcgm-exporter as a package."""
    unit = _unit("Exporter", ExecStart="/usr/bin/dcgm-exporter -f /etc/dcgm-exporter/default-counters.csv")
    return Package(
        "datacenter-gpu-manager-exporter",
        version,
        ("datacenter-gpu-manager-4-core",),
        files={
            "/usr/bin/dcgm-exporter": (FILES / "dcgm.py").read_text(),
            "/etc/dcgm-exporter/default-counters.csv": "DCGM_FI_DEV_GPU_UTIL, gauge, GPU utilization\n",
            "/usr/lib/systemd/system/nvidia-dcgm-exporter.service": unit,
        },
    )


def _unit(about: str, **settings: str) -> str:
    service = "".join(f"{name}={value}\n" for name, value in settings.items())
    return f"{NOTE}[Unit]\nDescription={about}\n[Service]\n{service}[Install]\nWantedBy=multi-user.target\n"


def make(folder: Path) -> None:
    """Write the repositories, signed by a key that is made with them, which lies beside them as ``gpgkey``."""
    contents = {
        folder / "stable/deb/amd64": [package for version in TOOLKIT for package in toolkit(version)],
        folder / "cuda": [*(one for version in DCGM for one in dcgm(version)), *map(exporter, EXPORTER)],
    }
    with tempfile.TemporaryDirectory() as home:
        gpg = ("gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        run(*gpg, "--quick-generate-key", "stand-in <nobody@example.org>", "rsa2048", "sign", "never")
        for tree, content in contents.items():
            tree.mkdir(parents=True)
            debs.flat(tree, content, "NVIDIA")
            run(*gpg, "--clearsign", "--output", str(tree / "InRelease"), str(tree / "Release"))
        run(*gpg, "--armor", "--output", str(folder / "gpgkey"), "--export")
        run("gpgconf", "--homedir", home, "--kill", "all", check=False)


def give(folder: Path, root: Path) -> None:
    """Put what ``make`` wrote on a host, which gets its packages of DCGM from there."""
    shutil.copytree(folder, root / PLACE)
    source = f"deb [signed-by=/{PLACE}/gpgkey] file:/{PLACE}/cuda /\n"
    (root / "etc/apt/sources.list.d/stand-ins.list").write_text(source)
