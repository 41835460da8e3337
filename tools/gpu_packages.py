# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/gpu_hosts_packages.md from the tables that plan a GPU host's driver; only its words are written by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (  # noqa: E402
    branches,
    distros,
    known_bad,
    lockstep,
    repository,
    table,
)

PAGE = ROOT / "docs" / "gpu_hosts_packages.md"
FAMILIES = {"ubuntu": "Ubuntu 22.04, 24.04", "debian": "Debian 12, 13", "el": "RHEL and rebuilds 9, 10"}
SOURCES = {"vendor": "NVIDIA's repository", "archive": "its own archive"}
PINS = {
    table.PACKAGE: "`nvidia-driver-pinning-*` and preferences",
    table.NAME: "the name, and preferences",
    table.PREFERENCES: "preferences",
    table.STREAM: "the module stream",
    table.VERSIONLOCK: "the version, then versionlock",
}
NEEDED = {
    "_switched": "NVSwitch or NVLink5",
    "_nvswitch": "NVSwitch",
    "_nvlink5": "NVLink5 (switches managed through ConnectX)",
    "_imex": "GB200 and GB300",
}
INTRODUCTION = """
# Packages of GPU hosts

Written by `make docs` from the tables in `plugins/module_utils/_driver`; change those, not this page.

What `nvidia_driver_source`, `nvidia_driver_branch`, `nvidia_driver_flavour` and `nvidia_driver_kind` come to on each
operating system, what goes along with the driver, and what is known not to work. `{branch}` is the branch and
`{kernel}` a kernel release: one package for the running kernel and one for the next.

The names were checked where they could be: Debian's in its archives (both architectures), Ubuntu's and NVIDIA's in
their documentation and in NVIDIA's own install scripts. NVIDIA's repositories themselves, and hardware, were not at
hand: the first run on such a host is worth a look at `--check`.
"""
PINNED = """
## How a source and a branch are kept

apt preferences deny the other source first, allow the branch or version with priority 1001 (also as a downgrade), and
deny every other version: nothing comes from the wrong place, and a branch that isn't there is an error instead of
another branch. The distribution's own archive is allowed as a whole, also as a downgrade from NVIDIA's. Everything
that has the driver's version is held besides, against unattended upgrades. NVIDIA's container toolkit, DCGM and `nvlsm`
have versions of their own and are in none of this.

Packages of another source, flavour or branch go in the same transaction. They are named so that nothing is meant
that the wanted packages depend on.

Headers are installed for the running kernel, for the one the next boot takes, and by a package that follows new kernels
(`linux-headers-<flavour>`, on EL `kernel-devel-matched`). Ubuntu's archive needs none: its modules are built.
"""
REFUSED = """
## What is refused

All reasons are told at once, each with a way out, before anything changes.

- open modules on Volta and older, proprietary ones on Blackwell and Grace Hopper, both sorts of GPU in one host
- a branch that doesn't know the GPU, the operating system, or the flavour; a version of another branch
- Secure Boot with modules nobody signed: take Ubuntu's archive (x86_64), or enrol a machine owner key for DKMS and say
  so with `nvidia_driver_machine_owner_key`. A module built by DKMS and loaded under Secure Boot proves the key.
- a vGPU guest; a driver that a container brings (GPU operator); a driver on the host that came from no package
- a custom kernel without headers; in Ubuntu's archive a kernel without prebuilt modules
- an archive that lacks the fabric manager on a host with NVSwitches
- another number of GPUs than `nvidia_driver_expected_gpus`
- a module option that another file of `modprobe.d`, or the kernel's command line, sets otherwise and later
- a driver known not to work (below); this, and a branch a source isn't known to have, can be accepted with
  `nvidia_driver_accept`

A host that gives its GPUs to guests (vfio-pci, NVIDIA's vGPU manager), or has none of NVIDIA's, is left alone.
"""


def tabled(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def code(names: Iterable[str]) -> str:
    """Names as code."""
    return " ".join(f"`{name}`" for name in names)


def span(row: table.Row) -> str:
    """The branches of a row."""
    if row.first and row.first == row.last:
        return str(row.first)
    if row.last != table.ANY:
        return f"{row.first} to {row.last}" if row.first else f"up to {row.last}"
    return f"{row.first} and newer" if row.first else "any"


def packages() -> str:
    """The package table."""
    rows = []
    for row in table.TABLE:
        system = FAMILIES[row.family] if not row.majors else f"{FAMILIES[row.family].partition(' ')[0]} {row.majors[0]}"
        names = code((*row.module, *row.userland, *row.beside, *row.moving))
        rows.append((system, SOURCES[row.source], span(row), f"{row.flavour}, {row.kind}", names, PINS[row.pin]))
    return tabled(("system", "source", "branch", "choice", "packages", "branch kept by"), rows)


def parts() -> str:
    """The lock-step packages."""
    rows = []
    for part in lockstep.PARTS:
        old = f"`{part.old}`" + (f" (EL: `{part.old_el}`)" if part.old_el else "")
        rows.append(
            (
                f"`{part.plain}`",
                old if part.old != part.plain else "the same",
                NEEDED[part.needed.__name__],
                f"{part.first} and newer" if part.first else "any",
                "x86_64" if len(part.architectures) == 1 else "both",
                "yes" if part.versioned else "no",
                "yes" if part.in_archive else "no",
            )
        )
    headings = ("from 580", "before", "hosts", "branch", "architecture", "driver's version", "in Ubuntu's archive")
    return tabled(headings, rows)


def systems() -> str:
    """Repositories and branches by system."""
    rows = []
    for (name, major), distro in sorted(distros.DISTROS.items()):
        archive = ", ".join(map(str, distro.archive)) or "none"
        key = repository.KEYS[distro.vendor]
        seen = ", ".join(f"{first} on {architecture}" for architecture, first in distro.seen.items())
        first = f"{distro.vendor_first} and newer" + (f" (seen from {seen})" if seen else "")
        rows.append((f"{name} {major}", f"`{distro.vendor}`", first, archive, f"`{key.file}`"))
    return tabled(("system", "in NVIDIA's repositories", "branches there", "branches in its archive", "key"), rows)


def support() -> str:
    """What is known of branches."""
    rows = []
    for number, branch in sorted(branches.BRANCHES.items()):
        generations = [name for name in ("volta", "ampere", "hopper", "blackwell") if branches.drives(number, name)]
        flavours = "open" if number > branches.LAST_PROPRIETARY else "both"
        cuda = str(branches.cuda_major(number))
        rows.append((str(number), branch.kind or "-", branch.end or "-", cuda, flavours, ", ".join(generations)))
    return tabled(("branch", "kind", "kept until", "CUDA", "flavours", "of Volta, Ampere, Hopper, Blackwell"), rows)


def bad() -> str:
    """Drivers that fail."""
    rows = [
        (bad.reason.format(kernel=f"from {bad.kernel} on" if bad.kernel else ""), bad.fix, bad.source_of_fact)
        for bad in known_bad.KNOWN_BAD
    ]
    return tabled(("what", "way out", "known from"), rows)


def page() -> str:
    """The whole page."""
    sections = [
        INTRODUCTION,
        "## Driver",
        packages(),
        "## Beside the driver",
        parts(),
        PINNED,
        "## Systems",
        systems(),
        "## Branches",
        support(),
        REFUSED,
        "## Known not to work",
        bad(),
    ]
    return "\n\n".join(section.strip("\n") for section in sections) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
