#!/bin/sh
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What firmware and kernel do before systemd starts, for a container that stands in for a machine: each boot has an id
# of its own, the kernel that runs is the newest one on the disk, and a GPU gets the driver that modprobe's files name
# for it. Every reboot comes through here. No module is ever loaded: what would be seen of it is written down.
place=/run/machine
kernel=$(find /boot -name 'vmlinuz-*' | sed 's,.*/vmlinuz-,,' | sort -V | tail -n 1)

# show FILE TEXT: a file of procfs says something else.
show() {
    printf '%s\n' "$2" > "$place/${1##*/}"
    mount --bind "$place/${1##*/}" "$1"
}

# insert NAME REFERENCES: a module in the kernel.
insert() {
    mkdir -p "/sys/module/$1/holders"
    echo "$2" > "/sys/module/$1/refcnt"
    echo live > "/sys/module/$1/initstate"
}

# of DEVICE NAME: a number of a PCI device, as modalias has it.
of() {
    cut -c3- "$1/$2" | tr a-f A-F
}

# alias_of DEVICE: by which modprobe is asked for its module.
alias_of() {
    printf 'pci:v0000%sd0000%ssv0000%ssd0000%s' \
        "$(of "$1" vendor)" "$(of "$1" device)" "$(of "$1" subsystem_vendor)" "$(of "$1" subsystem_device)"
    of "$1" class | sed 's/\(..\)\(..\)\(..\)/bc\1sc\2i\3/'
}

# bind DEVICE DRIVER
bind() {
    mkdir -p "/sys/bus/pci/drivers/$2"
    ln -sfn "../../../bus/pci/drivers/$2" "$1/driver"
}

# load_nvidia: the driver and what comes with it. Debian's file has another name, which modprobe is told.
load_nvidia() {
    file=$(modprobe -c | sed -n 's/^install nvidia .*-i \([a-z-]*\).*/\1/p')
    version=$(modinfo -k "$kernel" -F version "${file:-nvidia}")
    kind="x86_64 Kernel Module"
    modinfo -k "$kernel" -F license "${file:-nvidia}" | grep -q GPL && kind="Open Kernel Module for x86_64"
    insert nvidia 2
    insert nvidia_modeset 1
    insert nvidia_uvm 0
    insert nvidia_drm 0
    mkdir -p /sys/module/nvidia/holders/nvidia_uvm /sys/module/nvidia/holders/nvidia_modeset \
        /sys/module/nvidia_modeset/holders/nvidia_drm /proc/driver/nvidia/gpus
    echo "$version" > /sys/module/nvidia/version
    echo "NVRM version: NVIDIA UNIX $kind  $version  Release Build  (stand-in)" > /proc/driver/nvidia/version
    # CUDA that finds one GPU. The real one is on the host, too, and says that there is none.
    [ -e /usr/local/lib/libcuda.so.1 ] || {
        echo 'int cuInit(unsigned f){return 0;} int cuDeviceGetCount(int *n){*n=1; return 0;}' > "$place/cuda.c"
        compiler=$(find /usr/bin -name 'gcc-[0-9]*' | head -n 1)
        "$compiler" -shared -nostdlib -o /usr/local/lib/libcuda.so.1 "$place/cuda.c" && ldconfig
    }
}

mkdir -p "$place"
show /proc/sys/kernel/osrelease "$kernel"
show /proc/sys/kernel/random/boot_id "$(cat /proc/sys/kernel/random/uuid)"
cat /proc/sys/kernel/random/boot_id >> /var/log/boots
mount -t tmpfs tmpfs /proc/driver
rm -rf /sys/module/nvidia* /sys/module/nouveau
for link in /sys/bus/pci/devices/*; do
    device=$(readlink -f "$link")
    [ "$(cat "$device/vendor")" = 0x10de ] || continue
    rm -f "$device/driver"
    modules=" $(modprobe -q -S "$kernel" -b -R "$(alias_of "$device")" | tr '\n' ' ')"
    case $modules in
        *" nouveau "*)
            insert nouveau 1
            bind "$device" nouveau
            ;;
        *" nvidia"*)
            [ -e /sys/module/nvidia ] || load_nvidia
            mkdir -p "/proc/driver/nvidia/gpus/${link##*/}"
            printf 'Model: \t\t Tesla T4\nBus Location: \t %s\nDevice Minor: \t 0\n' "${link##*/}" \
                > "/proc/driver/nvidia/gpus/${link##*/}/information"
            bind "$device" nvidia
            ;;
    esac
done
exec /sbin/init
