# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU hosts as trees of plain files: what a module sees of sysfs, procfs and the disk below its C(root).

``TREES[name](folder)`` writes a whole host and returns its Tree; change it afterwards with the functions below.
Every host that has a driver has the same version everywhere unless it says otherwise.
"""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"

OPERATING_SYSTEMS = {
    "ubuntu22.04": ("ubuntu", "22.04", "jammy", "Ubuntu 22.04.5 LTS", "debian"),
    "ubuntu24.04": ("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS", "debian"),
    "debian12": ("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)", ""),
    "debian13": ("debian", "13", "trixie", "Debian GNU/Linux 13 (trixie)", ""),
    "rocky9": ("rocky", "9.6", "", "Rocky Linux 9.6 (Blue Onyx)", "rhel centos fedora"),
    "rocky10": ("rocky", "10.0", "", "Rocky Linux 10.0 (Red Quartz)", "rhel centos fedora"),
    "rhel9": ("rhel", "9.6", "", "Red Hat Enterprise Linux 9.6 (Plow)", "fedora"),
}
KERNELS = {
    "ubuntu22.04": "5.15.0-157-generic",
    "ubuntu24.04": "6.8.0-84-generic",
    "debian12": "6.1.0-40-amd64",
    "debian13": "6.12.107+deb13-amd64",
    "rocky9": "5.14.0-570.42.2.el9_6.x86_64",
    "rocky10": "6.12.0-55.32.1.el10_0.x86_64",
    "rhel9": "5.14.0-570.42.2.el9_6.x86_64",
}
"""A kernel release as each of them ships it."""

DRIVER_MODULES = ("nvidia", "nvidia-modeset", "nvidia-drm", "nvidia-uvm")
LICENCES = {"open": "Dual MIT/GPL", "proprietary": "NVIDIA"}


@dataclass
class Tree:
    """One host below ``root``."""

    root: Path
    system: str = "debian13"
    kernel: str = ""
    architecture: str = "x86_64"
    addresses: list[str] = field(default_factory=list)

    def write(self, path: str, content: str | bytes = "") -> Path:
        """Write a file; text gets the newline that sysfs ends with."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = f"{content}\n".encode() if content and not content.endswith("\n") else content.encode()
        target.write_bytes(content)
        return target

    def link(self, path: str, target: str) -> Path:
        """Make a symbolic link, in place of what is there."""
        where = self.root / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.unlink(missing_ok=True)
        where.symlink_to(target)
        return where

    def folder(self, path: str) -> Path:
        """Make a folder."""
        where = self.root / path.lstrip("/")
        where.mkdir(parents=True, exist_ok=True)
        return where

    def unlink(self, path: str) -> None:
        """Remove a file or link."""
        (self.root / path.lstrip("/")).unlink()


def host(folder: Path, system: str = "debian13", architecture: str = "x86_64") -> Tree:
    """A machine with an operating system, one kernel with headers, and no NVIDIA device."""
    tree = Tree(folder, system, KERNELS[system], architecture)
    if architecture == "aarch64":
        tree.kernel = tree.kernel.replace("x86_64", "aarch64").replace("amd64", "arm64")
    os_release(tree, system)
    tree.write("/proc/sys/kernel/osrelease", tree.kernel)
    tree.write("/proc/sys/kernel/arch", architecture)
    tree.write("/proc/cmdline", f"BOOT_IMAGE=/boot/vmlinuz-{tree.kernel} root=/dev/sda1 ro quiet")
    kernel(tree, tree.kernel)
    device(tree, "0000:00:00.0", vendor="0x8086", device="0x09a2", class_="0x088000")
    device(tree, "0000:01:00.0", vendor="0x15b3", device="0x1021", class_="0x020700", driver="mlx5_core")
    for pid, command in ((1, "systemd"), (2, "kthreadd"), (812, "sshd")):
        process(tree, pid, command)
    return tree


def os_release(tree: Tree, system: str) -> None:
    """Write /etc/os-release as a link, the way distributions ship it."""
    identity, version, codename, name, like = OPERATING_SYSTEMS[system]
    lines = [f'PRETTY_NAME="{name}"', f"ID={identity}", f'VERSION_ID="{version}"']
    lines += [f"VERSION_CODENAME={codename}"] if codename else []
    lines += [f'ID_LIKE="{like}"'] if like else []
    tree.write("/usr/lib/os-release", "\n".join(lines))
    tree.link("/etc/os-release", "../usr/lib/os-release")


def kernel(tree: Tree, release: str, *, headers: bool = True, image: bool = True) -> None:
    """Install a kernel."""
    modules = f"/lib/modules/{release}"
    if image:
        tree.write(f"/boot/vmlinuz-{release}", "kernel")
        tree.write(f"{modules}/modules.builtin", "kernel/fs/ext4/ext4.ko")
        tree.write(f"{modules}/modules.dep", "kernel/drivers/net/veth.ko:")
    if headers:
        sources = f"/usr/src/{'kernels/' if '.el' in release else 'linux-headers-'}{release}"
        tree.write(f"{sources}/Makefile", "# kernel headers")
        tree.folder(modules)
        tree.link(f"{modules}/build", sources)


def grub(tree: Tree, *releases: str, default: str = "0", saved: str = "", next_entry: str = "") -> None:
    """A grub.cfg as Debian writes it: the newest kernel, then a submenu with each kernel and its recovery entry."""
    lines = [
        'if [ "${next_entry}" ] ; then',
        '   set default="${next_entry}"',
        "else",
        f'   set default="{default}"',
        "fi",
        "menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-uuid' {",
        f"	linux	/boot/vmlinuz-{releases[0]} root=UUID=1 ro quiet",
        "}",
        "submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-uuid' {",
    ]
    for release in releases:
        for kind, suffix in (("advanced", ""), ("recovery", " (recovery mode)")):
            title = f"Debian GNU/Linux, with Linux {release}{suffix}"
            lines += [
                f"	menuentry '{title}' --class debian $menuentry_id_option 'gnulinux-{release}-{kind}-uuid' {{",
                f"		linux	/boot/vmlinuz-{release} root=UUID=1 ro",
                "	}",
            ]
    tree.write("/boot/grub/grub.cfg", "\n".join([*lines, "}"]))
    environment(tree, "/boot/grub/grubenv", saved_entry=saved, next_entry=next_entry)


def environment(tree: Tree, path: str, **values: str) -> None:
    """A GRUB environment block: 1024 bytes padded with #."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in values.items() if value)
    tree.write(path, text.ljust(1024, "#").encode())


def boot_loader_entries(tree: Tree, *releases: str, saved: str = "") -> None:
    """The entries of /boot/loader that EL boots from; ``saved`` is the release grubby made the default."""
    machine = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    for release in releases:
        tree.write(
            f"/boot/loader/entries/{machine}-{release}.conf",
            f"title Rocky Linux ({release}) 9.6\nversion {release}\nlinux /vmlinuz-{release}",
        )
    environment(tree, "/boot/grub2/grubenv", saved_entry=f"{machine}-{saved}" if saved else "")


def device(
    tree: Tree,
    address: str,
    *,
    device: str,
    vendor: str = "0x10de",
    class_: str = "0x030200",
    subsystem: tuple[str, str] = ("0x10de", "0x0000"),
    driver: str = "",
    numa: int = 0,
    iommu_group: int | None = None,
    physical_function: str = "",
    config: bytes | None = None,
) -> None:
    """A PCI device, with the links of sysfs."""
    folder = f"/sys/devices/pci0000:00/{address}"
    for name, value in {
        "vendor": vendor,
        "device": device,
        "class": class_,
        "subsystem_vendor": subsystem[0],
        "subsystem_device": subsystem[1],
        "numa_node": str(numa),
    }.items():
        tree.write(f"{folder}/{name}", value)
    tree.write(f"{folder}/config", pci_config(vendor, device) if config is None else config)
    if driver:
        bind(tree, address, driver)
    if iommu_group is not None:
        tree.folder(f"/sys/kernel/iommu_groups/{iommu_group}")
        tree.link(f"{folder}/iommu_group", f"../../../kernel/iommu_groups/{iommu_group}")
    if physical_function:
        tree.link(f"{folder}/physfn", f"../{physical_function}")
    tree.folder("/sys/bus/pci/devices")
    tree.link(f"/sys/bus/pci/devices/{address}", f"../../../devices/pci0000:00/{address}")


def bind(tree: Tree, address: str, driver: str) -> None:
    """Bind a device to a kernel driver."""
    tree.folder(f"/sys/bus/pci/drivers/{driver}")
    tree.link(f"/sys/devices/pci0000:00/{address}/driver", f"../../../bus/pci/drivers/{driver}")


def pci_config(vendor: str, device: str, *capabilities: tuple[int, bytes]) -> bytes:
    """256 bytes of configuration space with a chain of capabilities (id, bytes after id and next pointer)."""
    space = bytearray(256)
    struct.pack_into("<HH", space, 0, int(vendor, 16), int(device, 16))
    pointer, place = 0x34, 0x60
    for identity, body in capabilities:
        space[6] |= 0x10
        space[pointer] = place
        space[place] = identity
        space[place + 2 : place + 2 + len(body)] = body
        pointer, place = place + 1, place + ((len(body) + 5) & ~3)
    return bytes(space)


def gpu(tree: Tree, address: str, device_id: str, subsystem: str = "0x0000", **more: Any) -> None:
    """A GPU of NVIDIA's, one IOMMU group for itself."""
    options = {"iommu_group": 20 + len(tree.addresses), "driver": "nvidia", **more}
    device(tree, address, device=device_id, subsystem=("0x10de", subsystem), **options)
    if not more.get("physical_function"):
        tree.addresses.append(address)


def nvswitch(tree: Tree, address: str, device_id: str = "0x22a3") -> None:
    """An NVSwitch."""
    device(tree, address, device=device_id, class_="0x068000", driver="nvidia-nvswitch")
    tree.folder(f"/proc/driver/nvidia-nvswitch/devices/{address}")


def infiniband(tree: Tree, name: str, address: str, marker: str = "") -> None:
    """A ConnectX; ``marker`` stands in its vital product data."""
    device(tree, address, vendor="0x15b3", device="0x1021", class_="0x020700", driver="mlx5_core")
    tree.write(f"/sys/devices/pci0000:00/{address}/vpd", b"\x82\x0f\x00ConnectX-7\x00" + marker.encode() + b"\x78")
    tree.write(f"/sys/devices/pci0000:00/{address}/infiniband/{name}/node_type", "1: CA")
    tree.link(f"/sys/devices/pci0000:00/{address}/infiniband/{name}/device", f"../../../{address}")
    tree.folder("/sys/class/infiniband")
    tree.link(f"/sys/class/infiniband/{name}", f"../../devices/pci0000:00/{address}/infiniband/{name}")


def module_file(version: str, flavour: str, name: str = "nvidia") -> bytes:
    """A small 64-bit ELF file with the one section of a kernel module that is read."""
    fields = {"license": LICENCES[flavour], "version": version, "srcversion": "0123456789ABCDEF0123456", "name": name}
    info = b"\0".join(f"{key}={value}".encode() for key, value in fields.items()) + b"\0"
    names = b"\0.text\0.modinfo\0.shstrtab\0"
    text = b"\x90" * 64
    starts = [0, 64, 64 + len(text), 64 + len(text) + len(info)]
    table = (starts[3] + len(names) + 7) & ~7
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 4, 3)
    sections = bytes(64)
    for offset, place, size in ((1, starts[1], len(text)), (7, starts[2], len(info)), (16, starts[3], len(names))):
        sections += struct.pack("<IIQQQQIIQQ", offset, 1, 0, 0, place, size, 0, 0, 1, 0)
    return (header + text + info + names).ljust(table, b"\0") + sections


PACKERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".xz": lzma.compress, ".gz": gzip.compress}


def modules_on_disk(
    tree: Tree,
    version: str,
    flavour: str = "open",
    *,
    release: str = "",
    folder: str = "updates/dkms",
    compression: str = "",
    prefix: str = "nvidia",
) -> None:
    """The driver's modules below /lib/modules; ``prefix`` is nvidia-current in Debian's own packages."""
    release = release or tree.kernel
    listed = []
    for name in DRIVER_MODULES:
        path = f"{folder}/{name.replace('nvidia', prefix, 1)}.ko{compression}"
        content = PACKERS[compression](module_file(version, flavour, name.replace("-", "_")))
        tree.write(f"/lib/modules/{release}/{path}", content)
        listed.append(f"{path}:")
    depends = tree.root / f"lib/modules/{release}/modules.dep"
    kept = [line for line in depends.read_text().splitlines() if "/nvidia" not in line] if depends.exists() else []
    tree.write(f"/lib/modules/{release}/modules.dep", "\n".join([*kept, *listed]))


def dkms(
    tree: Tree,
    version: str,
    flavour: str = "open",
    *,
    module: str = "nvidia",
    release: str = "",
    state: str = "installed",
    prefix: str = "nvidia",
) -> None:
    """An entry of DKMS's tree: added, built, installed, or broken (its sources are gone)."""
    release = release or tree.kernel
    top = f"/var/lib/dkms/{module}"
    tree.folder(f"{top}/{version}")
    tree.link(f"{top}/{version}/source", f"/usr/src/{module}-{version}")
    if state != "broken":
        tree.write(f"/usr/src/{module}-{version}/dkms.conf", f'PACKAGE_NAME="{module}"\nPACKAGE_VERSION="{version}"')
        tree.write(f"/usr/src/{module}-{version}/nvidia/nv.c", f'MODULE_LICENSE("{LICENCES[flavour]}");')
    if state in {"built", "installed"}:
        built = f"{top}/{version}/{release}/{tree.architecture}"
        for name in DRIVER_MODULES:
            content = module_file(version, flavour, name.replace("-", "_"))
            tree.write(f"{built}/module/{name.replace('nvidia', prefix, 1)}.ko", content)
        tree.write(f"{built}/log/make.log", "make: done")
    if state == "installed":
        link = f"{top}/kernel-{release}-{tree.architecture}"
        tree.link(link, f"{version}/{release}/{tree.architecture}")


def debian_alternatives(tree: Tree, variant: str = "current", module: str = "nvidia-current") -> None:
    """Debian's chain of alternatives: modprobe loads ``module`` for nvidia, and nouveau stays away."""
    for name, alternative, lines in (
        ("nvidia.conf", "glx--nvidia-modprobe.conf", f"install nvidia modprobe -i {module} $CMDLINE_OPTS"),
        ("nvidia-blacklists-nouveau.conf", "glx--nvidia-blacklists-nouveau.conf", "# see #580894\nblacklist nouveau"),
    ):
        tree.write(f"/etc/nvidia/{variant}/{name}", lines)
        tree.link(f"/etc/alternatives/{alternative}", f"/etc/nvidia/{variant}/{name}")
        tree.link(f"/etc/modprobe.d/{name}", f"/etc/alternatives/{alternative}")


def library_folder(tree: Tree) -> str:
    """Where this system keeps its libraries."""
    return "/usr/lib64" if ".el" in tree.kernel else f"/usr/lib/{tree.architecture}-linux-gnu"


def userland(tree: Tree, version: str, folder: str = "") -> None:
    """The driver's libraries, with the links that programs load."""
    folder = folder or library_folder(tree)
    for name in ("libcuda", "libnvidia-ml"):
        tree.write(f"{folder}/{name}.so.{version}", "library")
        tree.link(f"{folder}/{name}.so.1", f"{name}.so.{version}")
        if folder != library_folder(tree):
            tree.link(f"{library_folder(tree)}/{name}.so.1", f"/etc/alternatives/glx--{name}.so.1")
            tree.link(f"/etc/alternatives/glx--{name}.so.1", f"{folder}/{name}.so.1")
    tree.write(f"/lib/firmware/nvidia/{version}/gsp_ga10x.bin", "firmware")


def loaded(tree: Tree, version: str, flavour: str = "open", references: int = 0, **options: str) -> None:
    """The modules in the kernel, ``references`` open handles on nvidia, and what procfs says of the GPUs.

    options: of nvidia as it was loaded, without NVreg_.
    """
    words = {"open": f"Open Kernel Module for {tree.architecture}", "proprietary": f"{tree.architecture} Kernel Module"}
    tree.write(
        "/proc/driver/nvidia/version",
        f"NVRM version: NVIDIA UNIX {words[flavour]}  {version}  Release Build  (dvs-builder@U22)\n"
        "GCC version:  gcc version 14.2.0 (Debian 14.2.0-19)",
    )
    tree.write("/sys/module/nvidia/version", version)
    tree.write("/sys/module/nvidia/taint", "OE" if flavour == "open" else "POE")
    holders = {"nvidia": ["nvidia_uvm", "nvidia_modeset"], "nvidia_modeset": ["nvidia_drm"]}
    for name in ("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm"):
        held = holders.get(name, [])
        module_in_kernel(tree, name, len(held) + (references if name == "nvidia" else 0), *held)
    texts = {"RegistryDwords": '""', "CoherentGPUMemoryMode": '""'}
    shown = {"ModifyDeviceFiles": "1", "EnableResizableBar": "0", **texts, **options}
    tree.write("/proc/driver/nvidia/params", "\n".join(f"{name}: {value}" for name, value in shown.items()))
    tree.write("/sys/module/nvidia_drm/parameters/modeset", "N")
    for minor, address in enumerate(tree.addresses):
        tree.write(
            f"/proc/driver/nvidia/gpus/{address}/information",
            f"Model: 		 NVIDIA GPU\nIRQ:   		 0\nBus Location: 	 {address}\nDevice Minor: 	 {minor}",
        )


def module_in_kernel(tree: Tree, name: str, references: int, *holders: str) -> None:
    """A loaded module with its reference count, and the modules that hold it."""
    tree.write(f"/sys/module/{name}/refcnt", str(references))
    tree.write(f"/sys/module/{name}/initstate", "live")
    tree.folder(f"/sys/module/{name}/holders")
    for holder in holders:
        tree.folder(f"/sys/module/{holder}")
        tree.link(f"/sys/module/{name}/holders/{holder}", f"../../{holder}")


def mig(tree: Tree, minor: int, instances: int) -> None:
    """MIG as procfs shows it: one folder for each GPU instance."""
    tree.write("/proc/driver/nvidia/capabilities/mig/config", "DeviceFileMinor: 1")
    tree.folder(f"/proc/driver/nvidia/capabilities/gpu{minor}/mig")
    for number in range(instances):
        tree.write(f"/proc/driver/nvidia/capabilities/gpu{minor}/mig/gi{number}/access", "DeviceFileMinor: 12")


def driver(
    tree: Tree, version: str, flavour: str = "open", *, prefix: str = "nvidia", references: int = 0, **options: str
) -> None:
    """A whole driver of one version: built by DKMS, on disk, loaded (with options), userland."""
    folder = "extra" if ".el" in tree.kernel else "updates/dkms"
    dkms(tree, version, flavour, module=prefix, prefix=prefix)
    modules_on_disk(tree, version, flavour, folder=folder, prefix=prefix)
    userland(tree, version, f"{library_folder(tree)}/nvidia/current" if prefix.startswith("nvidia-current") else "")
    loaded(tree, version, flavour, references, **options)


def process(tree: Tree, pid: int, command: str, *handles: str, unit: str = "") -> None:
    """A process and its open files."""
    tree.write(f"/proc/{pid}/comm", command[:15])
    tree.write(f"/proc/{pid}/cgroup", f"0::/system.slice/{unit or command + '.service'}")
    tree.folder(f"/proc/{pid}/fd")
    tree.link(f"/proc/{pid}/exe", f"/usr/bin/{command}")
    for number, handle in enumerate(("/dev/null", "socket:[4711]", *handles)):
        tree.link(f"/proc/{pid}/fd/{number}", handle)


def user(tree: Tree, pid: int, command: str, *devices: str, unit: str = "") -> None:
    """A process that holds devices (``/dev/nvidia0``); the driver's reference count grows by as many."""
    process(tree, pid, command, *devices, unit=unit)
    count = tree.root / "sys/module/nvidia/refcnt"
    before = int(count.read_text()) if count.exists() else 0
    tree.write("/sys/module/nvidia/refcnt", str(before + len(devices)))


def users(tree: Tree) -> None:
    """What usually holds a node's GPUs: persistence daemon, DCGM's host engine and a pod's process."""
    user(tree, 901, "nvidia-persistenced", "/dev/nvidiactl", "/dev/nvidia0", unit="nvidia-persistenced.service")
    user(tree, 902, "nv-hostengine", "/dev/nvidiactl", "/dev/nvidia0", unit="nvidia-dcgm.service")
    user(tree, 4242, "python3.12", "/dev/nvidia0", "/dev/nvidia-uvm", unit="cri-containerd-abc.scope")
    tree.write(
        "/proc/4242/cgroup",
        "0::/kubepods.slice/kubepods-pod0f3e1c2d_1111_2222_3333_444455556666.slice/cri-containerd-abc.scope",
    )


def secure_boot(tree: Tree, value: int, *, shim_validates: bool = True) -> None:
    """The firmware's variable: four bytes of attributes, then the value."""
    tree.write(f"/sys/firmware/efi/efivars/SecureBoot-{EFI_GLOBAL}", b"\x06\0\0\0" + bytes([value]))
    if not shim_validates:
        tree.write(f"/sys/firmware/efi/efivars/MokSBStateRT-{SHIM}", b"\x06\0\0\0\x01")


def none(folder: Path) -> Tree:
    """No GPU: a storage node."""
    return host(folder, "debian12")


def t4(folder: Path) -> Tree:
    """One Tesla T4, Ubuntu 24.04, driver 580 open."""
    tree = host(folder, "ubuntu24.04")
    gpu(tree, "0000:3b:00.0", "0x1eb8", "0x12a2", numa=0)
    driver(tree, "580.95.05")
    return tree


def t4_bare(folder: Path) -> Tree:
    """One Tesla T4 and nothing installed: nouveau has it."""
    tree = host(folder, "debian13")
    gpu(tree, "0000:3b:00.0", "0x1eb8", "0x12a2", driver="nouveau")
    module_in_kernel(tree, "nouveau", 1)
    return tree


def hgx_h100(folder: Path, version: str = "580.95.05") -> Tree:
    """Eight H100 SXM5 and four NVSwitches."""
    tree = host(folder, "ubuntu24.04")
    for number, bus in enumerate((0x1B, 0x43, 0x52, 0x61, 0x9D, 0xC3, 0xD1, 0xDF)):
        gpu(tree, f"0000:{bus:02x}:00.0", "0x2330", "0x16c1", numa=number // 4)
    for bus in (0x07, 0x08, 0x09, 0x0A):
        nvswitch(tree, f"0000:{bus:02x}:00.0")
    secure_boot(tree, 0)
    driver(tree, version)
    for minor in range(8):
        mig(tree, minor, 0)
    return tree


def hgx_b200(folder: Path) -> Tree:
    """Eight B200; the switches are behind ConnectX devices that carry the mark SW_MNG."""
    tree = host(folder, "ubuntu24.04")
    for number, bus in enumerate((0x1B, 0x43, 0x52, 0x61, 0x9D, 0xC3, 0xD1, 0xDF)):
        gpu(tree, f"0000:{bus:02x}:00.0", "0x2901", "0x1999", numa=number // 4)
    infiniband(tree, "mlx5_0", "0000:05:00.0")
    infiniband(tree, "mlx5_4", "0000:05:00.1", marker="SW_MNG")
    driver(tree, "580.95.05")
    return tree


def v100_a100(folder: Path) -> Tree:
    """A Tesla V100 beside an A100: only the proprietary modules drive both."""
    tree = host(folder, "rocky9")
    gpu(tree, "0000:17:00.0", "0x1db6", "0x124a")
    gpu(tree, "0000:65:00.0", "0x20f1", "0x145f", numa=1)
    driver(tree, "580.95.05", "proprietary")
    return tree


def gb200(folder: Path) -> Tree:
    """A compute tray of GB200 NVL72: four GPUs, Arm, no switch of its own; NVIDIA bridges are no NVSwitches."""
    tree = host(folder, "ubuntu24.04", "aarch64")
    for number, domain in enumerate((0x0008, 0x0009, 0x0018, 0x0019)):
        gpu(tree, f"{domain:04x}:01:00.0", "0x2941", "0x2046", numa=number // 2)
        device(tree, f"{domain:04x}:00:00.0", device="0x22b1", class_="0x060400", driver="pcieport")
    infiniband(tree, "mlx5_0", "0000:03:00.0")
    driver(tree, "580.95.05", CoherentGPUMemoryMode='"driver"')
    return tree


def vgpu_guest(folder: Path) -> Tree:
    """A virtual machine with a slice of a T4: the vendor's capability holds the letters VF."""
    tree = host(folder, "ubuntu24.04")
    record = bytes([0x1B]) + b"VF" + bytes([0, 22]) + b"550.163.02".ljust(20, b"\0")
    config = pci_config("0x10de", "0x1eb8", (0x05, bytes(10)), (0x09, record))
    gpu(tree, "0000:02:00.0", "0x1eb8", "0x130f", driver="", config=config)
    return tree


def vfio(folder: Path) -> Tree:
    """Two L40S handed to virtual machines."""
    tree = host(folder, "ubuntu24.04")
    for number, bus in enumerate((0x17, 0x65)):
        gpu(tree, f"0000:{bus:02x}:00.0", "0x26b9", "0x1851", driver="vfio-pci", numa=number)
    return tree


def half_removed(folder: Path) -> Tree:
    """Packages gone in the middle: libraries and a DKMS entry without its sources, no module on disk, none loaded."""
    tree = host(folder, "debian12")
    gpu(tree, "0000:3b:00.0", "0x20b5", "0x1533", driver="")
    userland(tree, "535.261.03", f"{library_folder(tree)}/nvidia/current")
    dkms(tree, "535.261.03", "proprietary", module="nvidia-current", state="broken", prefix="nvidia-current")
    return tree


def upgrading(folder: Path) -> Tree:
    """The packages are at 580, the kernel still runs 550."""
    tree = host(folder, "ubuntu24.04")
    gpu(tree, "0000:3b:00.0", "0x2331", "0x1626")
    driver(tree, "580.95.05")
    loaded(tree, "550.163.01")
    users(tree)
    return tree


def debian_archive(folder: Path) -> Tree:
    """Debian 13's own proprietary 550: its modules are called nvidia-current, its libraries have a folder."""
    tree = host(folder, "debian13")
    gpu(tree, "0000:3b:00.0", "0x1db6", "0x124a")
    driver(tree, "550.163.01", "proprietary", prefix="nvidia-current")
    debian_alternatives(tree)
    return tree


TREES: dict[str, Callable[[Path], Tree]] = {
    "none": none,
    "t4": t4,
    "t4_bare": t4_bare,
    "hgx_h100": hgx_h100,
    "hgx_b200": hgx_b200,
    "v100_a100": v100_a100,
    "gb200": gb200,
    "vgpu_guest": vgpu_guest,
    "vfio": vfio,
    "half_removed": half_removed,
    "upgrading": upgrading,
    "debian_archive": debian_archive,
}
