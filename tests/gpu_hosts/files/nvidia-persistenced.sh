#!/bin/sh
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# STAND-IN for nvidia-persistenced: stays in the background as the real one does where there is a GPU.
mkdir -p /run/nvidia-persistenced
sleep infinity &
echo $! > /run/nvidia-persistenced/nvidia-persistenced.pid
