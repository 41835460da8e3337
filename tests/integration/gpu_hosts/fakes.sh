#!/bin/sh
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# FAKE: starts the program of fakes.py that it is linked as.
exec python3 "$(dirname "$(readlink -f "$0")")/fakes.py" "$(basename "$0")" "$@"
