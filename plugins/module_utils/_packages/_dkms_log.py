# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why a kernel module did not build: the first error in DKMS's make.log."""

from __future__ import annotations

import re

_HEAD = re.compile(r"^DKMS (?:\(\S+\) )?make\.log for (\S+)[/-](\d\S*) for kernel (\S+)", re.MULTILINE)
"""The first line: dkms 3.2 writes name/version and its own version, dkms 3.0 name-version."""
_COMPILER = re.compile(r"^[^\s:]+:\d+(?::\d+)?: (?:fatal )?error: .*$", re.MULTILINE)
_OTHERS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^(?:ERROR|FATAL): modpost: .*$",
        r"^.*(?:cc|gcc|make|ld)[^:\n]*: (?:command )?not found$",
        r"^.*No space left on device.*$",
        r"^.*Cannot allocate memory.*$",
        r"^.*[Kk]illed signal terminated program.*$",
        r"^.*(?:The kernel you are installing for|Unable to determine|Compiler version check failed).*$",
        r"^make(?:\[\d+\])?: \*\*\* .*$",
    )
)
"""What else ends a build, the most telling first; make's own last words come last."""
_BUILD_FOLDER = re.compile(r"^(/\S*?/build/)")
MAX_LENGTH = 300


def first_error(log: str) -> str:
    """The line that explains a failed build: the compiler's first error, else the linker's or make's."""
    for pattern in (_COMPILER, *_OTHERS):
        found = pattern.search(log)
        if found:
            return _BUILD_FOLDER.sub("", found.group().strip())[:MAX_LENGTH]
    return ""


def subject(log: str) -> tuple[str, str, str]:
    """Module, version and kernel that a log is about; empty strings where it doesn't say."""
    found = _HEAD.search(log)
    return (found.group(1), found.group(2), found.group(3)) if found else ("", "", "")
