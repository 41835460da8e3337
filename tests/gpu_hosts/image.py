# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems made by debootstrap, kept in the cache under a name that says what is in them."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from gpu_hosts.places import HostsError, cache, run

DAY = 86400
VERSION, TOOLS_VERSION = 2, 1
"""Count up when what follows changes: then images are built anew."""
MIRROR = "http://deb.debian.org/debian"
COMPONENTS = "main contrib non-free non-free-firmware"
INCLUDE = (
    *("systemd", "systemd-sysv", "dbus", "python3", "openssh-server", "ca-certificates", "iproute2", "procps", "kmod"),
    *("initramfs-tools", "linux-image-amd64", "containerd", "ccache"),
)
"""What a node has that nobody prepared for GPUs: a kernel and a container runtime, no headers, no compiler."""
MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "getty.target",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-journald-audit.socket",
    "systemd-modules-load.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
)
"""Units that would reach for the machine's own kernel, devices or time, or run apt beside a test."""


TOOLS = "packages"
"""Not a host: Debian 12 with apt, dnf, rpm and createrepo_c, for transactions with made-up repositories."""
TOOLS_INCLUDE = ("python3", "dnf", "rpm", "createrepo-c", "dnf-plugins-core")


def folder(suite: str) -> Path:
    """Where the image of a suite is or will be."""
    return cache() / f"{suite}-{TOOLS_VERSION if suite == TOOLS else VERSION}"


def ensure(suite: str) -> Path:
    """The image of a suite, or TOOLS; built where the cache has none. Raises HostsError."""
    wanted = folder(suite)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with _locked(wanted.with_suffix(".lock")):
        if not wanted.is_dir():
            _build(suite, wanted)
        if suite != TOOLS:
            _refresh(wanted)
        for old in wanted.parent.glob(f"{suite}-*"):
            if old.is_dir() and old != wanted:
                shutil.rmtree(old)
    return wanted


def _build(suite: str, wanted: Path) -> None:
    building = wanted.with_suffix(".building")
    _remove(building)
    include, release = (TOOLS_INCLUDE, "bookworm") if suite == TOOLS else (INCLUDE, suite)
    arguments = ["--variant=minbase", f"--include={','.join(include)}", release, str(building), MIRROR]
    try:
        run("debootstrap", *arguments, timeout=1800)
    except HostsError as problem:
        raise HostsError(
            f"The image of Debian {suite} can't be built; this needs {MIRROR} (only the first time: it is kept in"
            f" {wanted.parent}). {problem}"
        ) from problem
    if suite != TOOLS:
        _configure(building, suite)
    building.rename(wanted)


def _refresh(root: Path) -> None:
    """Bring an image to the archive's state of today: the driver's packages are installed beside current ones.

    Only a note where the archive can't be reached: the host's own ``apt-get update`` tells better.
    """
    stamp = root / "var/lib/apt/refreshed"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < DAY:
        return
    for arguments in (["update"], ["-y", "dist-upgrade"], ["-y", "--purge", "autoremove"], ["clean"]):
        environment = ("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "chroot", str(root))
        done = run(*environment, "apt-get", "-q", *arguments, check=False, timeout=1800)
        if done.returncode != 0:
            print(f"{root.name} stays as it is, not brought up to date: {done.stderr.strip().splitlines()[-1:]}")
            return
    stamp.touch()


def _configure(root: Path, suite: str) -> None:
    """What differs from a fresh Debian, all of it for the sake of time or of the machine that it runs on."""
    security = f"deb http://deb.debian.org/debian-security {suite}-security {COMPONENTS}"
    (root / "etc/apt/sources.list").write_text(
        f"deb {MIRROR} {suite} {COMPONENTS}\ndeb {MIRROR} {suite}-updates {COMPONENTS}\n{security}\n"
    )
    # apt runs package scripts, and so DKMS, without /usr/local in PATH; ccache stands there.
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    settings = f'Acquire::Languages "none";\nAcquire::Retries "3";\nDPkg::Path "{path}";\n'
    (root / "etc/apt/apt.conf.d/90hosts").write_text(settings)
    # An initial ramdisk with few modules: nobody boots it, and update-initramfs takes 3 seconds instead of 40.
    (root / "etc/initramfs-tools/conf.d/few-modules").write_text("MODULES=list\nCOMPRESS=gzip\n")
    (root / "etc/dpkg/dpkg.cfg.d/fast").write_text(
        "force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n"
    )
    (root / "etc/ssh/sshd_config.d/host.conf").write_text("UsePAM no\nUseDNS no\nPermitRootLogin prohibit-password\n")
    for unit in MASKED:
        place = root / "etc/systemd/system" / unit
        place.unlink(missing_ok=True)
        place.symlink_to("/dev/null")
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    (root / "etc/machine-id").write_text("")


def _remove(building: Path) -> None:
    """What an interrupted build left: debootstrap mounts /proc and /sys there."""
    if building.exists():
        for place in ("proc", "sys", "dev/pts", "dev"):
            run("umount", "-l", str(building / place), check=False)
        shutil.rmtree(building)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
