#!/bin/sh
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# STAND-IN for nvidia-smi: there is no GPU to ask. It tells of the GPUs and the driver that boot.sh wrote down.
if [ ! -e /sys/module/nvidia/version ]; then
    echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. (stand-in)"
    exit 9
fi
mode=Disabled
systemctl -q is-active nvidia-persistenced.service && mode=Enabled
number=0
report="<nvidia_smi_log><driver_version>$(cat /sys/module/nvidia/version)</driver_version>"
for gpu in /proc/driver/nvidia/gpus/*; do
    report="$report<gpu id=\"${gpu##*/}\"><persistence_mode>$mode</persistence_mode></gpu>"
    case "$*" in
        *-q*) ;;
        -L) echo "GPU $number: Tesla T4 (UUID: GPU-stand-in-$number)" ;;
        *) echo "$number, GPU-stand-in-$number, [N/A]" ;;
    esac
    number=$((number + 1))
done
case "$*" in
    *-q*) echo "$report</nvidia_smi_log>" ;;
esac
