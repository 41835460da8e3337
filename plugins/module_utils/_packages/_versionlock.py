# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The list of dnf's versionlock plugin: our block in it, and everybody else's lines."""

from __future__ import annotations

import re
from typing import List, Mapping, Sequence

PATH = "etc/dnf/plugins/versionlock.list"
SWITCHES = {"etc/dnf/dnf.conf": "plugins", "etc/dnf/plugins/versionlock.conf": "enabled"}
"""Files that can turn the plugin off, and the key that does."""

PLUGIN = "python3-dnf-plugin-versionlock"
BEGIN = "# begin openhands.gpu_observability (role nvidia_driver): changes are overwritten"
END = "# end openhands.gpu_observability"
_ENTRY = re.compile(r"^!?(?P<name>.+)-(?:\d+:)?[^-:]+-[^-]+$")


def disabled(texts: Mapping[str, str]) -> List[str]:
    """Which of SWITCHES (path -> text of the file) keeps the list from having any effect, one line each."""
    return [
        "/%s turns the list of locked versions off: nothing keeps the driver where it is" % path
        for path, key in SWITCHES.items()
        if re.search(r"^\s*%s\s*[=:]\s*(0|false|no|off)\s*$" % key, texts.get(path, ""), re.MULTILINE | re.IGNORECASE)
    ]


def written(text: str, locks: Mapping[str, str]) -> str:
    """The list with our block replaced; ``locks`` are names and versions ([epoch:]version-release)."""
    lines = ["%s-%s.*" % (name, evr if ":" in evr else "0:" + evr) for name, evr in sorted(locks.items())]
    block = [BEGIN, *lines, END] if lines else []
    others = _others(text)
    return "\n".join([*others, *block]) + "\n" if others or block else ""


def foreign(text: str) -> List[str]:
    """Names that others have locked."""
    found = []
    for line in _others(text):
        entry = _ENTRY.match(line.strip())
        if entry and not line.startswith(("#", "!")):
            found.append(entry.group("name"))
    return found


def _others(text: str) -> List[str]:
    lines: List[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif not inside:
            lines.append(line)
    return lines


def missing(text: str, locks: Mapping[str, str]) -> Sequence[str]:
    """What of our block is not as it should be, one line each."""
    return [] if written(text, locks) == text else ["/" + PATH]
