# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run systemd on a copy-on-write view of an image. podman and runc do the work."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import gpu_trees

from gpu_hosts import image, packages
from gpu_hosts.places import RUN, STATE, Host, HostsError, cache, run

SETTINGS = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
# The other kind stays in /dev/shm.
lock_type = "file"
[containers]
# More than the machine's own limits can't be had without CAP_SYS_RESOURCE.
default_ulimits = ["nofile=1024:20000", "nproc=10000:10000"]
log_driver = "none"
pids_limit = 0
"""
ARCHIVES = "var/lib/openhands-gpu-observability/archives"
"""Where the collection's module downloads packages to."""
READY = ("running", "degraded")
COMPILERS = {"bookworm": "12", "trixie": "14"}
"""The gcc that each release's kernel is built with."""
CCACHE = "cache_dir = /var/cache/ccache\nmax_size = 2G\ncompiler_check = content\n"
FILES = Path(__file__).parent / "files"
PERSISTENCED = "usr/local/libexec/nvidia-persistenced"
GROUP = "/openhands-gpu-hosts"
"""The control group of all hosts: what is left of them is found by it, whatever podman knows."""


def podman(*arguments: str, check: bool = True) -> str:
    """podman with a storage of its own."""
    os.environ["CONTAINERS_CONF"] = str(STATE / "containers.conf")
    own = ["--root", str(STATE / "podman"), "--runroot", str(RUN), "--storage-driver", "vfs"]
    return run("podman", *own, "--tmpdir", str(RUN / "tmp"), *arguments, check=check).stdout


def start(host: Host, public_key: str, repositories: Path) -> None:
    """Boot a host with what packages.make wrote. Raises HostsError where its systemd or ssh doesn't come up."""
    lower = image.ensure(host.suite)
    _mount(host, lower)
    _personalise(host, public_key)
    packages.give(repositories, host.root)
    sysfs = _sysfs(host)
    shared = cache() / "ccache" / host.suite
    shared.mkdir(parents=True, exist_ok=True)
    podman(
        *("run", "--detach", "--name", host.container, "--hostname", host.name),
        *(
            "--cgroup-parent",
            GROUP,
            "--network=host",
            "--privileged",
            "--systemd=always",
            "--security-opt=seccomp=unconfined",
        ),
        *("--volume", f"{sysfs}:/sys:rw", "--volume", f"{shared}:/var/cache/ccache:rw"),
        # A reboot ends the container.
        *("--restart", "always"),
        *("--rootfs", str(host.root), "/usr/local/sbin/boot"),
    )
    _wait(host)


def weigh(hosts: int) -> None:
    """Let the hosts together have the processor as often as that many other programs, not as one."""
    for path, one in ((f"cpu{GROUP}/cpu.shares", 1024), (f"{GROUP.strip('/')}/cpu.weight", 100)):
        setting = Path("/sys/fs/cgroup") / path
        if setting.exists():
            setting.write_text(str(one * hosts))


def execute(host: Host, *command: str, check: bool = True) -> str:
    """A command in a host, beside ssh."""
    return podman("exec", host.container, *command, check=check)


def stop(host: Host) -> None:
    """End a host and remove all that is its own; a host that isn't there is no error."""
    if (STATE / "containers.conf").exists():
        podman("rm", "--force", "--time", "2", host.container, check=False)
    for place in sorted(_mounted_below(host.folder), reverse=True):
        run("umount", "-l", place, check=False)
    if host.folder.exists():
        shutil.rmtree(host.folder)


def existing() -> list[Host]:
    """The hosts that an earlier call made, running or not."""
    found = []
    for path in sorted(STATE.glob("*/host")):
        # The leftovers may be those of another version of this file.
        name, suite, port = (*path.read_text().split(":"), "", "0")[:3]
        found.append(Host(name, suite, int(port)))
    return found


def prepare() -> None:
    """The state folder with podman's settings."""
    STATE.mkdir(parents=True, exist_ok=True)
    (STATE / "containers.conf").write_text(SETTINGS)


def remove_state() -> None:
    """What podman keeps, and the folders themselves; containers whose host isn't known end too."""
    if (STATE / "containers.conf").exists():
        podman("rm", "--force", "--all", "--time", "2", check=False)
    _end_strays()
    for folder in (RUN, STATE):
        for place in sorted(_mounted_below(folder), reverse=True):
            run("umount", "-l", place, check=False)
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise HostsError(f"{folder} can't be removed: see what uses it (fuser -vm {folder})")


def _mount(host: Host, lower: Path) -> None:
    upper, work = host.folder / "upper", host.folder / "work"
    for place in (upper, work, host.root):
        place.mkdir(parents=True)
    (host.folder / "host").write_text(f"{host.name}:{host.suite}:{host.port}")
    downloads = cache() / "archives" / host.suite
    if downloads.is_dir():
        shutil.copytree(downloads, upper / ARCHIVES, copy_function=_link_or_copy)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    run("mount", "-t", "overlay", "overlay", "-o", options, str(host.root))


def _end_strays() -> None:
    """End processes of containers that podman lost, and remove their control groups, deepest first."""
    groups = [path for path in Path("/sys/fs/cgroup").glob(f"**{GROUP}") if path.is_dir()]
    for _attempt in range(50):
        pids = {pid for group in groups for path in group.rglob("cgroup.procs") for pid in path.read_text().split()}
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.1)
    for group in groups:
        for folder in sorted((path for path in [group, *group.rglob("*")] if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)
    return target


def _personalise(host: Host, public_key: str) -> None:
    keys = host.root / "root/.ssh"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    (keys / "authorized_keys").write_text(public_key)
    listen = f"ListenAddress 127.0.0.1:{host.port}\n"
    (host.root / "etc/ssh/sshd_config.d/port.conf").write_text(listen)
    for name in ("resolv.conf", "hosts"):
        (host.root / "etc" / name).unlink(missing_ok=True)
        shutil.copy(f"/etc/{name}", host.root / "etc" / name)
    (host.root / "etc/hostname").write_text(f"{host.name}\n")
    _stand_ins(host)


def _stand_ins(host: Host) -> None:
    """What the host has of this folder: a boot without a kernel, a compiler that remembers, a GPU's programs."""
    named = f"gcc-{COMPILERS[host.suite]}"
    # dpkg, DKMS and make look for compilers in PATH, where /usr/local/bin comes first.
    for name in ("cc", "gcc", named, "x86_64-linux-gnu-gcc", f"x86_64-linux-gnu-{named}"):
        shutil.copy(FILES / "compiler.sh", host.root / "usr/local/bin" / name)
    (host.root / "etc/ccache.conf").write_text(CCACHE)
    (host.root / PERSISTENCED).parent.mkdir(parents=True, exist_ok=True)
    for source, target in (
        ("boot.sh", "usr/local/sbin/boot"),
        ("nvidia-smi.sh", "usr/local/bin/nvidia-smi"),
        ("nvidia-persistenced.sh", PERSISTENCED),
    ):
        shutil.copy(FILES / source, host.root / target)
    unit = host.root / "etc/systemd/system/nvidia-persistenced.service.d/00-stand-in.conf"
    unit.parent.mkdir(parents=True)
    # The real daemon ends where it finds no GPU; its unit and the role's settings of it stay as they are.
    unit.write_text(f"[Service]\nBindReadOnlyPaths=/{PERSISTENCED}:/usr/bin/nvidia-persistenced\n")


def _sysfs(host: Host) -> Path:
    """A sysfs of plain files with a Tesla T4; the real control groups are mounted into it."""
    machine = gpu_trees.host(host.folder / "tree")
    gpu_trees.gpu(machine, "0000:3b:00.0", "0x1eb8", "0x12a2", driver="")
    tree = machine.root / "sys"
    for name in ("fs/cgroup", "kernel/security", "module", "class", "block", "devices/system/cpu"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    return tree


def keep_downloads(hosts: Iterable[Host]) -> int:
    """Put downloaded packages into the cache for the next run; answers how many are new."""
    new = 0
    for host in hosts:
        kept = cache() / "archives" / host.suite
        kept.mkdir(parents=True, exist_ok=True)
        found = {path.name: path for path in (host.root / ARCHIVES).glob("*.deb")}
        for name, path in found.items():
            if not (kept / name).exists():
                shutil.copy(path, kept / f"{name}.part")
                (kept / f"{name}.part").rename(kept / name)
                new += 1
        if found:
            for old in kept.glob("*.deb"):
                if old.name not in found:
                    old.unlink()
    return new


def _wait(host: Host, timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    state = ""
    while time.monotonic() < end:
        state = execute(host, "systemctl", "is-system-running", check=False).strip()
        listening = execute(host, "systemctl", "is-active", "ssh", check=False).strip()
        if state in READY and listening == "active":
            return
        time.sleep(0.3)
    failed = execute(host, "systemctl", "--failed", "--no-legend", "--plain", check=False).strip()
    said = f"systemd says {state or 'nothing'}; failed: {failed or 'no unit'}"
    raise HostsError(f"{host.name} didn't boot within {timeout:.0f} s: {said}")


def _mounted_below(folder: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point == str(folder) or point.startswith(f"{folder}/")]
