# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FAKE programs of a GPU host that is a tree of plain files.

rmmod and modprobe change the tree, nvidia-smi tells it, dcgmi finds nothing wrong.
Run with the name of one of them, and with the tree in GPU_OBSERVABILITY_FAKE_ROOT. ``fake/<program>`` in the tree holds
what it fails with.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import gpu_trees


def tree_of(root: Path) -> gpu_trees.Tree:
    """The tree as its makers know it."""
    kernel = (root / "proc/sys/kernel/osrelease").read_text().strip()
    addresses = sorted(path.name for path in (root / "proc/driver/nvidia/gpus").glob("*"))
    return gpu_trees.Tree(root, "debian13", kernel, "x86_64", addresses)


def install(root: Path, version: str) -> None:
    """What the packages of one version leave on the disk."""
    tree = tree_of(root)
    for path in (*root.glob("usr/lib/*/libcuda.so*"), *root.glob("usr/lib/*/libnvidia-ml.so*")):
        path.unlink()
    shutil.rmtree(root / "var/lib/dkms", ignore_errors=True)
    gpu_trees.dkms(tree, version)
    gpu_trees.modules_on_disk(tree, version)
    gpu_trees.userland(tree, version)


def rmmod(root: Path, name: str) -> None:
    """Take a module out of the kernel."""
    shutil.rmtree(root / "sys/module" / name)
    for holder in root.glob(f"sys/module/*/holders/{name}"):
        count = holder.parents[1] / "refcnt"
        holder.unlink()
        count.write_text(str(int(count.read_text()) - 1))


def modprobe(root: Path, name: str) -> None:
    """Load what is on disk; with the first module the whole driver comes."""
    if name != "nvidia":
        return
    content = next(root.glob("lib/modules/*/updates/dkms/nvidia.ko")).read_bytes()
    version = re.search(rb"version=([0-9.]+)", content)
    assert version
    tree = tree_of(root)
    told = "\n".join(path.read_text() for path in sorted(root.glob("etc/modprobe.d/*.conf")))
    ignored = root / "fake/ignored"
    unheard = ignored.read_text().split() if ignored.exists() else []
    options = {name: value for name, value in re.findall(r"NVreg_(\w+)=(\S+)", told) if name not in unheard}
    gpu_trees.loaded(tree, version[1].decode(), **options)
    for address in tree.addresses:
        gpu_trees.bind(tree, address, "nvidia")


def nvidia_smi(root: Path, *arguments: str) -> None:
    """The report in XML, and that MIG is off."""
    addresses = sorted(path.name for path in (root / "proc/driver/nvidia/gpus").glob("*"))
    if "-q" not in arguments:
        print("\n".join(f"{number}, GPU-{number}, [N/A]" for number, _address in enumerate(addresses)))
        return
    version = (root / "sys/module/nvidia/version").read_text().strip()
    gpus = "".join(f'<gpu id="{address}"><persistence_mode>Enabled</persistence_mode></gpu>' for address in addresses)
    print(f"<nvidia_smi_log><driver_version>{version}</driver_version>{gpus}</nvidia_smi_log>")


def dcgmi(root: Path, *arguments: str) -> None:
    """A diagnosis that finds nothing, and remembers that it was asked for."""
    print("Successfully ran diagnostic for group.")
    with open(root / "fake/diagnosed", "a", encoding="utf-8") as stream:
        stream.write(" ".join(arguments) + "\n")


PROGRAMS = {"rmmod": rmmod, "modprobe": modprobe, "nvidia-smi": nvidia_smi, "dcgmi": dcgmi}

if __name__ == "__main__":
    where = Path(os.environ["GPU_OBSERVABILITY_FAKE_ROOT"])
    program = sys.argv[1]
    told = where / "fake" / program
    if told.exists():
        sys.exit(told.read_text())
    PROGRAMS[program](where, *sys.argv[2:])
