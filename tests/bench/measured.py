# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and write its seconds, processor time, exit status and peak memory, as JSON, to the file named first.

A program of its own, and a small one: what the kernel calls a process's peak begins with what held the program that
started it. The peak is that of the biggest process among the command and everything it started and waited for.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run it."""
    report, *command = sys.argv[1:]
    started = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    found = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    with open(report, "w", encoding="ascii") as stream:
        json.dump(found, stream)


if __name__ == "__main__":
    main()
