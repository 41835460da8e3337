#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what GPUs a host has and where its driver stands."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: Find a host's NVIDIA GPUs and the state of its driver, without any tool
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Reads the host's files below C(/sys), C(/proc), C(/boot), C(/lib/modules), C(/var/lib/dkms) and a few more. It starts no
    program, needs no driver and changes nothing.
  - Never fails because a file is unreadable. What is there and could not be read is listed in RV(host.unread), with the reason.
options:
  root:
    description:
      - Folder to look below instead of the root of the file system, such as an image mounted for inspection. Links below it
        never lead out of it.
    type: path
    default: /
  expected_gpus:
    description:
      - How many GPUs the host should have. Only returned beside the number that was found; the module does not judge.
    type: int
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Run it as root (C(become)). Without it the kernel shows 64 bytes of a device's configuration space, which do not tell a vGPU,
    and no handles of other users' processes; RV(host.unread) says so.
  - Takes a few milliseconds, and more where a GPU is in use, as every process's handles are looked at then. A packed module that DKMS
    knows nothing of has to be unpacked, which can take a second.
"""

EXAMPLES = r"""
- name: Look at the host's GPUs
  openhands.gpu_observability.gpu_info:
    expected_gpus: 8
  become: true
  register: gpu

- name: Stop where a GPU is missing
  ansible.builtin.assert:
    that: gpu.host.found_gpus == gpu.host.expected_gpus

- name: Look into an image that is mounted
  openhands.gpu_observability.gpu_info:
    root: /mnt/image
"""

RETURN = r"""
host:
  description: The facts. A text is empty and a list has no entries where the host has no such thing.
  returned: success
  type: dict
  contains:
    os:
      description: The operating system by C(/etc/os-release).
      type: dict
      contains:
        id:
          description: Its name.
          type: str
          sample: debian
        like:
          description: The names of systems it is made from.
          type: list
          elements: str
          sample: []
        version:
          description: Its version.
          type: str
          sample: "13"
        major:
          description: The first number of the version, V(0) where it has none.
          type: int
          sample: 13
        codename:
          description: The version's name.
          type: str
          sample: trixie
        name:
          description: Its full name.
          type: str
          sample: Debian GNU/Linux 13 (trixie)
    architecture:
      description: The machine as the kernel calls it.
      type: str
      sample: x86_64
    gpus:
      description: Every GPU on the PCI bus, by address.
      type: list
      elements: dict
      contains:
        address:
          description: PCI address.
          type: str
          sample: "0000:3b:00.0"
        device:
          description: PCI device id, four hexadecimal digits.
          type: str
          sample: 1eb8
        subsystem_vendor:
          description: PCI id of the card's maker.
          type: str
          sample: 10de
        subsystem_device:
          description: The maker's id of the card.
          type: str
          sample: 12a2
        class:
          description: PCI class, V(0300) (VGA) or V(0302) (3D).
          type: str
          sample: "0302"
        generation:
          description: One of V(kepler), V(maxwell), V(pascal), V(volta), V(turing), V(ampere), V(ada), V(hopper), V(blackwell), or
            V(unknown) for a device id that the module does not know.
          type: str
          sample: turing
        model:
          description: What the card is called, empty for one that the module does not know.
          type: str
          sample: Tesla T4
        numa_node:
          description: The NUMA node it hangs on, V(-1) where there is none.
          type: int
          sample: 0
        iommu_group:
          description: Its IOMMU group.
          type: int
          sample: 20
        driver:
          description: The kernel driver that is bound to it.
          type: str
          sample: nvidia
        virtual_function:
          description: Whether it is a part of another GPU (SR-IOV).
          type: bool
          sample: false
        responding:
          description: Whether the device answers. One that fell off the bus reads as all ones while the kernel still lists it.
          type: bool
          sample: true
    generations:
      description: The generations of the GPUs that are no virtual functions, sorted.
      type: list
      elements: str
      sample: [turing]
    nvswitches:
      description: NVSwitches on the PCI bus, by address.
      type: list
      elements: dict
      contains:
        address:
          description: PCI address.
          type: str
          sample: "0000:07:00.0"
        device:
          description: PCI device id.
          type: str
          sample: 22a3
        driver:
          description: The kernel driver that is bound to it.
          type: str
          sample: nvidia-nvswitch
    nvlink5:
      description: Whether the host manages NVLink switches of the fifth generation (HGX B200 and B300), which needs nvlsm.
      type: bool
      sample: false
    coherent:
      description: Whether the CPU shares the GPUs' memory (GH200, GB200, GB300).
      type: bool
      sample: false
    vgpu_guest:
      description: Whether a GPU is a slice that a hypervisor handed out (vGPU), which needs another driver.
      type: bool
      sample: false
    vgpu_host:
      description: Whether the host runs NVIDIA's vGPU manager, which hands out slices of its GPUs and is its driver.
      type: bool
      sample: false
    passthrough:
      description: Whether a GPU is kept for virtual machines (vfio-pci).
      type: bool
      sample: false
    secure_boot:
      description: V(enabled), V(disabled) or V(unsupported), as the kernel sees it.
      type: str
      sample: disabled
    signatures_enforced:
      description: Whether the running kernel refuses modules without a signature, for whatever reason.
      type: bool
      sample: false
    kernel:
      description: The host's kernels.
      type: dict
      contains:
        running:
          description: Release of the running kernel.
          type: str
          sample: 6.12.107+deb13-amd64
        next:
          description: Release that the next boot takes, by what GRUB or systemd-boot is going to read; a best guess.
          type: str
          sample: 6.12.107+deb13-amd64
        installed:
          description: Kernels on disk, newest first.
          type: list
          elements: dict
          contains:
            release:
              description: The release.
              type: str
              sample: 6.12.107+deb13-amd64
            headers:
              description: Whether a module can be built for it.
              type: bool
              sample: true
            image:
              description: Whether there is a kernel to boot; without it only modules or headers are there.
              type: bool
              sample: true
    nouveau:
      description: The free driver, which keeps NVIDIA's from the GPUs.
      type: dict
      contains:
        loaded:
          description: Whether it is in the kernel.
          type: bool
          sample: false
        blacklisted:
          description: Whether modprobe's configuration or the kernel's command line keeps it from being loaded.
          type: bool
          sample: true
    driver:
      description: The driver's versions, which must agree.
      type: dict
      contains:
        loaded:
          description: Version of the module in the kernel.
          type: str
          sample: 580.95.05
        on_disk:
          description: Version of the module that modprobe would load now.
          type: str
          sample: 580.95.05
        on_disk_next:
          description: Version of the module that the next kernel would load.
          type: str
          sample: 580.95.05
        userland:
          description: Version of the libraries that programs load.
          type: str
          sample: 580.95.05
        userland_versions:
          description: Every version of the libraries that is on disk, oldest first.
          type: list
          elements: str
          sample: [580.95.05]
        firmware:
          description: Versions that firmware is on disk for. The open modules need theirs.
          type: list
          elements: str
          sample: [580.95.05]
        flavour:
          description: V(open) or V(proprietary), of the module on disk for the running kernel, or else for the next one.
          type: str
          sample: open
        loaded_flavour:
          description: V(open) or V(proprietary), of the module in the kernel.
          type: str
          sample: open
        containerised:
          description: Whether a driver container (gpu-operator) shows its files on this host, which then has no packages of its own.
          type: bool
          sample: false
    modules:
      description: Loaded modules by name, of the driver and of what competes with it, each with RV(ignore:refcount) (V(-1) where the
        kernel does not tell) and RV(ignore:holders), the modules that use it.
      type: dict
      sample: {nvidia: {refcount: 2, holders: [nvidia_modeset, nvidia_uvm]}}
    settings:
      description: How the driver is set up.
      type: dict
      contains:
        files:
          description: Text by path of the files that the role nvidia_driver writes, where they are there.
          type: dict
          sample: {/etc/modprobe.d/openhands-nvidia.conf: blacklist nouveau}
        options:
          description: What modprobe hands to the driver's modules, in that order; of two values for one option the later counts.
          type: list
          elements: dict
          contains:
            module:
              description: The module, written with underscores.
              type: str
              sample: nvidia
            option:
              description: The option.
              type: str
              sample: NVreg_EnableResizableBar
            value:
              description: Its value.
              type: str
              sample: "1"
            file:
              description: The file that says so.
              type: str
              sample: /etc/modprobe.d/openhands-nvidia.conf
        parameters:
          description: What the loaded modules have, by module and option, as far as the kernel shows it.
          type: dict
          sample: {nvidia: {NVreg_EnableResizableBar: "0"}}
        persistence:
          description: Whether nvidia-persistenced runs with persistence mode; null where it doesn't run.
          type: bool
          sample: true
        stale_images:
          description: Images for the boot (initramfs) that are older than the role's module options.
          type: list
          elements: str
          sample: []
    dkms:
      description: What DKMS built of the driver, one entry for each kernel it was built for, and one for each installed kernel that it
        was not built for.
      type: list
      elements: dict
      contains:
        module:
          description: Name in DKMS.
          type: str
          sample: nvidia
        version:
          description: Version in DKMS.
          type: str
          sample: 580.95.05
        kernel:
          description: Release of the kernel; empty for a version that was built for none.
          type: str
          sample: 6.12.107+deb13-amd64
        architecture:
          description: The machine it was built for.
          type: str
          sample: x86_64
        state:
          description: V(installed), V(built) (not installed), V(added) (not built) or V(broken) (its sources are gone).
          type: str
          sample: installed
        built:
          description: Whether the module's files are where they belong, below C(/lib/modules) or, for V(built), in DKMS's tree.
          type: bool
          sample: true
        path:
          description: The main module's file.
          type: str
          sample: /lib/modules/6.12.107+deb13-amd64/updates/dkms/nvidia.ko
    mig:
      description: MIG of each GPU that is no virtual function.
      type: list
      elements: dict
      contains:
        gpu:
          description: PCI address.
          type: str
          sample: "0000:3b:00.0"
        enabled:
          description: Whether MIG is on. Null where the kernel does not tell, which is so for a GPU that could have MIG and has no
            instances.
          type: bool
          sample: false
        instances:
          description: How many GPU instances there are.
          type: int
          sample: 0
    users:
      description: Processes that hold a device of the driver, one entry for each device.
      type: list
      elements: dict
      contains:
        pid:
          description: Process.
          type: int
          sample: 902
        command:
          description: Its name, without arguments.
          type: str
          sample: nv-hostengine
        device:
          description: The device.
          type: str
          sample: /dev/nvidia0
        unit:
          description: The systemd unit it runs in.
          type: str
          sample: nvidia-dcgm.service
        pod:
          description: UID of the Kubernetes pod it runs in.
          type: str
          sample: ""
    expected_gpus:
      description: What O(expected_gpus) said, null where it said nothing.
      type: int
      sample: 1
    found_gpus:
      description: How many GPUs answer, virtual functions not counted.
      type: int
      sample: 1
    unread:
      description: What is there and could not be read or understood.
      type: list
      elements: dict
      contains:
        path:
          description: The file.
          type: str
          sample: /sys/bus/pci/devices/0000:3b:00.0/config
        reason:
          description: Why.
          type: str
          sample: Permission denied
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host


def main() -> None:
    module = AnsibleModule(
        argument_spec={"root": {"type": "path", "default": "/"}, "expected_gpus": {"type": "int"}},
        supports_check_mode=True,
    )
    root, expected = module.params["root"], module.params["expected_gpus"]
    if not os.path.isdir(root):
        module.fail_json(msg="root: %s is no folder on this host." % root)
    if expected is not None and expected < 0:
        module.fail_json(msg="expected_gpus: %d; a host can't have fewer than 0 GPUs." % expected)
    module.exit_json(changed=False, host=_host.look(root, expected))


if __name__ == "__main__":
    main()
