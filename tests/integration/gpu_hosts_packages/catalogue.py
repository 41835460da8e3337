# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the repositories of NVIDIA, Ubuntu, RHEL and Debian hold of the driver: names, versions, dependencies. Data.

Sources, read on 2026-11-23:

* Ubuntu, shape of the dependencies (which depend on the exact version, which conflict through virtual packages):
  NVIDIA/ubuntu-packaging-nvidia-driver, debian/templates/control.in. Renamed packages from 590 on and the pinning
  packages: driver-installation-guide, "Recent updates" and version-locking.html; a pinning package exists from 580 on.
* Ubuntu's archive: packages.ubuntu.com (nvidia-headless-no-dkms-580, nvidia-graphics-drivers-580-server,
  linux-modules-nvidia-580-server-open-generic: the meta package needs the one of its kernel and nvidia-kernel-common
  of at least the driver's version). 580.95.05-0ubuntu0.24.04.3 and 580.173.02 are versions seen there.
* Debian, NVIDIA's repository: the names of kernel-modules.html and compute-only-and-desktop-installation.html.
* RHEL: nvidia-driver.spec of NVIDIA/yum-packaging-nvidia-driver (epoch 3; cuda needs its libraries of the same version
  and, not on Arm, nvidia-persistenced; nvidia-kmod-common is needed by nvidia-driver) and the solver's messages of an
  el9 host quoted in public (nvidia-kmod-common needs nvidia-kmod of its version; the kmod packages conflict).
  Streams: guide-rhel8.md there, and kernel-modules.html.

A dependency on ``=`` is on the very version. What a desktop needs is left out but for one library, so that "full"
differs from "compute".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Package:
    """A package, empty but for ``files`` (path to text; those in a bin folder can be run).

    ``depends`` and ``conflicts`` are in the words of its package manager.
    """

    name: str
    version: str
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, hash=False)


def _exact(version: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{name} (= {version})" for name in names)


def _virtual(*names: str) -> dict[str, tuple[str, ...]]:
    """Only one package that provides a name may be there."""
    return {"provides": names, "conflicts": names}


def _ubuntu_driver(full: str, end: str) -> Iterator[Package]:
    """One driver as Ubuntu packages it; ``end`` is what names end in: -580, -580-server, or nothing."""
    compute, common = f"libnvidia-compute{end}", f"nvidia-kernel-common{end}"
    yield Package(f"libnvidia-cfg1{end}", full, **_virtual("libnvidia-cfg1-any"))
    yield Package(f"libnvidia-gpucomp{end}", full, **_virtual("libnvidia-gpucomp-any"))
    needs = _exact(full, f"libnvidia-cfg1{end}", f"libnvidia-gpucomp{end}")
    yield Package(compute, full, needs, **_virtual("nvidia-opencl-icd"))
    yield Package(f"libnvidia-gl{end}", full, _exact(full, f"libnvidia-gpucomp{end}"), **_virtual("libnvidia-gl-any"))
    yield Package(common, full, **_virtual("nvidia-kernel-common-any"))
    yield Package(f"nvidia-utils{end}", full, (compute,), **_virtual("nvidia-smi-any"))
    yield Package(f"nvidia-compute-utils{end}", full, (compute,), **_virtual("nvidia-persistenced-any"))
    for suffix in ("", "-open"):
        source = f"nvidia-kernel-source{end}{suffix}"
        yield Package(source, full, **_virtual("nvidia-kernel-source-any"))
        needs = ("dkms", *_exact(full, source, common))
        yield Package(f"nvidia-dkms{end}{suffix}", full, needs, **_virtual("nvidia-dkms-kernel"))
        everything = (f"libnvidia-gl{end}", compute, f"nvidia-utils{end}", f"nvidia-compute-utils{end}")
        either = f"nvidia-dkms{end}{suffix} (= {full}) | nvidia-no-dkms{end}{suffix}"
        yield Package(f"nvidia-driver{end}{suffix}", full, (*_exact(full, *everything, source), either))
        headless = _exact(full, f"libnvidia-cfg1{end}", compute, source, f"nvidia-compute-utils{end}")
        yield Package(f"nvidia-headless-no-dkms{end}{suffix}", full, headless)


def _parts(version: str, end: str) -> Iterator[Package]:
    """What must have the driver's version, in NVIDIA's apt repositories."""
    for name in ("nvidia-fabricmanager", "libnvidia-nscq", "libnvsdm", "nvidia-imex"):
        yield Package(f"{name}{end}", f"{version}-1")


def _pinning(version: str, system: str) -> Iterator[Package]:
    branch = version.partition(".")[0]
    for name in (branch, version):
        yield Package(f"nvidia-driver-pinning-{name}", f"{name}-1{system}", **_virtual("nvidia-driver-pinning"))


def _ubuntu_vendor_branched(version: str) -> Iterator[Package]:
    branch, full = version.partition(".")[0], f"{version}-0ubuntu1"
    yield from _ubuntu_driver(full, f"-{branch}")
    yield Package(f"cuda-drivers-{branch}", f"{version}-1", (f"nvidia-driver-{branch} (>= {version})",))
    if int(branch) >= 560:
        yield Package(f"nvidia-open-{branch}", f"{version}-1", (f"nvidia-driver-{branch}-open (>= {version})",))
    if int(branch) >= 580:
        yield Package("nvidia-persistenced", full, _exact(full, f"libnvidia-cfg1-{branch}"))
        yield from _pinning(version, "ubuntu1")
        yield from _parts(version, "")
    else:
        yield from _parts(version, f"-{branch}")


def _ubuntu_vendor_plain(version: str) -> Iterator[Package]:
    full = f"{version}-1ubuntu1"
    yield from (one for one in _ubuntu_driver(full, "") if not one.name.startswith("nvidia-headless"))
    yield Package("cuda-drivers", f"{version}-1ubuntu1", _exact(full, "nvidia-driver"))
    yield Package("nvidia-open", f"{version}-1ubuntu1", _exact(full, "nvidia-driver-open"))
    yield Package("nvidia-modprobe", full)
    yield Package("nvidia-persistenced", full, _exact(full, "libnvidia-cfg1"))
    yield from _pinning(version, "ubuntu1")
    yield from _parts(version, "")


def ubuntu_vendor() -> list[Package]:
    """NVIDIA's repository for Ubuntu: old names beside new ones, several versions of a branch."""
    versions = ("550.163.01", "570.195.03", "580.95.05", "580.126.20")
    found = [one for version in versions for one in _ubuntu_vendor_branched(version)]
    found += [one for version in ("590.48.01", "595.71.05", "595.91.07") for one in _ubuntu_vendor_plain(version)]
    return [*found, Package("nvlsm", "2025.06.11-1"), Package("nvidia-modprobe", "580.126.20-0ubuntu1")]


def ubuntu_archive(release: str, kernel: str) -> list[Package]:
    """Ubuntu's own: drivers with and without -server, prebuilt modules, headers; a newer 580 under the same names."""
    found: list[Package] = []
    for version in ("535.274.02", "580.173.02", "595.71.05"):
        branch, full = version.partition(".")[0], f"{version}-0ubuntu0.{release}.1"
        found += _ubuntu_driver(full, f"-{branch}-server")
        found += _ubuntu_driver(full, f"-{branch}") if branch != "595" else []
        found += [
            Package(f"nvidia-fabricmanager-{branch}", full),
            Package(f"libnvidia-nscq-{branch}", full),
            Package(f"nvidia-imex-{branch}", full),
        ]
        for flavour in ("", "-open"):
            stem = f"linux-modules-nvidia-{branch}-server{flavour}"
            built = f"{kernel.removesuffix('-generic').replace('-', '.')}+1"
            common = f"nvidia-kernel-common-{branch}-server (>= {version})"
            found.append(Package(f"{stem}-{kernel}", built, (common,)))
            found.append(Package(f"{stem}-generic", built, (f"{stem}-{kernel} (= {built})", common)))
    return [*found, *_machine(f"linux-headers-{kernel}", "linux-headers-generic")]


def _machine(*headers: str) -> list[Package]:
    names = ("dkms", "infiniband-diags", "unattended-upgrades", "libgl1", *headers)
    return [Package(name, "1.0-1") for name in names]


def debian_vendor() -> list[Package]:
    """NVIDIA's repository for Debian: names that are Debian's own, too."""
    found: list[Package] = []
    for version in ("570.195.03", "580.95.05", "580.126.20", "595.91.07"):
        full = f"{version}-1"
        libraries = ("libcuda1", "libnvidia-ml1", "libnvidia-cfg1", "libnvidia-ptxjitcompiler1")
        found += [Package(name, full) for name in (*libraries, "nvidia-modprobe", "nvidia-settings")]
        found += [
            Package("nvidia-persistenced", full, _exact(full, "libnvidia-cfg1")),
            Package("firmware-nvidia-gsp", full),
            Package("nvidia-kernel-support", full, _exact(full, "nvidia-modprobe")),
            Package(
                "nvidia-driver-cuda",
                full,
                _exact(full, *libraries, "nvidia-persistenced"),
                conflicts=("nvidia-smi",),
            ),
            Package("nvidia-driver", full, (*_exact(full, "nvidia-driver-cuda"), "libgl1")),
        ]
        for name, meta in (("nvidia-kernel-dkms", "cuda-drivers"), ("nvidia-kernel-open-dkms", "nvidia-open")):
            needs = ("dkms", *_exact(full, "nvidia-kernel-support", "firmware-nvidia-gsp"))
            found.append(Package(name, full, needs, **_virtual("nvidia-kernel-any")))
            found.append(Package(meta, full, _exact(full, name, "nvidia-driver")))
        branched = int(version.partition(".")[0]) < 580
        found += _parts(version, f"-{version.partition('.')[0]}" if branched else "")
        found += [] if branched else _pinning(version, "")
    return [*found, Package("nvlsm", "2025.06.11-1")]


def debian_archive(version: str, kernel: str) -> list[Package]:
    """What of Debian's own stands in the way: the same names, another version."""
    libraries = [Package(name, version) for name in ("libcuda1", "libnvidia-ml1", "libnvidia-cfg1", "nvidia-modprobe")]
    return [
        *libraries,
        Package("nvidia-smi", version, _exact(version, "libnvidia-ml1")),
        Package("nvidia-persistenced", version, ("libnvidia-cfg1",)),
        Package("nvidia-kernel-dkms", version, ("dkms",), **_virtual("nvidia-kernel-any")),
        Package("nvidia-open-kernel-dkms", version, ("dkms",), **_virtual("nvidia-kernel-any")),
        Package("nvidia-driver", version, (*_exact(version, "libcuda1", "nvidia-smi"), "libgl1")),
        *_machine(f"linux-headers-{kernel}", "linux-headers-amd64"),
    ]


EPOCH = "3:"
EL_VERSIONS = ("570.195.03", "580.95.05", "580.126.20", "595.71.05", "595.91.07")


def el_vendor(release: int, versions: Iterable[str] = EL_VERSIONS) -> list[Package]:
    """NVIDIA's repository for RHEL ``release``. Versions are with epoch and release, as rpm writes them."""
    found: list[Package] = []
    for version in versions:
        full = f"{EPOCH}{version}-1.el{release}"
        same = f"{EPOCH}{version}"
        branch = int(version.partition(".")[0])
        for name, meta, kind in (
            ("kmod-nvidia-open-dkms", "nvidia-open", "open"),
            ("kmod-nvidia-latest-dkms", "cuda-drivers", "latest"),
        ):
            other = "kmod-nvidia-latest-dkms" if kind == "open" else "kmod-nvidia-open-dkms"
            found.append(
                Package(
                    name, full, ("dkms", f"nvidia-kmod-common = {same}"), (f"nvidia-kmod = {same}",), conflicts=(other,)
                )
            )
            found.append(
                Package(meta, full, (f"{name} = {same}", f"nvidia-driver = {same}", f"nvidia-driver-cuda = {same}"))
            )
        found += [
            Package("nvidia-kmod-common", full, (f"nvidia-kmod = {same}",)),
            Package("nvidia-driver-libs", full),
            Package("nvidia-driver", full, (f"nvidia-driver-libs = {same}", f"nvidia-kmod-common = {same}")),
            Package("nvidia-driver-cuda-libs", full),
            Package(
                "nvidia-driver-cuda",
                full,
                (f"nvidia-driver-cuda-libs = {same}", f"nvidia-kmod-common = {same}", f"nvidia-persistenced = {same}"),
            ),
            Package("nvidia-persistenced", full),
            Package("nvidia-modprobe", full),
            Package("libnvidia-nscq" if branch >= 580 else f"libnvidia-nscq-{branch}", full),
            Package("nvidia-fabricmanager" if branch >= 580 else "nvidia-fabric-manager", full),
            Package("nvidia-imex" if branch >= 580 else f"nvidia-imex-{branch}", full),
            Package("libnvsdm" if branch >= 580 else f"libnvsdm-{branch}", full),
        ]
    return [*found, Package("nvlsm", f"2025.06.11-1.el{release}")]


def el_base(kernel: str) -> list[Package]:
    """The distribution's own and EPEL's: kernels, headers, dkms, dnf's plugin."""
    plain = kernel.removesuffix(".x86_64")
    return [
        Package("kernel-devel", plain),
        Package("kernel-devel-matched", plain, (f"kernel-devel = {plain}",)),
        Package("kernel-headers", plain),
        Package("dkms", "3.2.1-1"),
        Package("infiniband-diags", "57.0-1"),
        Package("python3-dnf-plugin-versionlock", "4.3.0-20"),
    ]
