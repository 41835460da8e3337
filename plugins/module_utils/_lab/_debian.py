# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Turn installed Debian packages into image entries, from dpkg's own records."""

from __future__ import annotations

import os
import re
import stat
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._oci import Entry

MERGED_USR = ("bin", "lib", "lib32", "lib64", "sbin")
LEFT_OUT = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "usr/share/lintian/",
    "usr/share/bug/",
    "usr/share/doc-base/",
    "usr/lib/systemd/",
    "var/",
)
"""Nothing that a program needs at run time."""


def parse_status(text: str) -> Dict[str, Dict[str, str]]:
    """The installed packages of a dpkg status file: name -> fields."""
    packages: Dict[str, Dict[str, str]] = {}
    for paragraph in text.split("\n\n"):
        fields = {
            key: value.strip()
            for key, separator, value in (line.partition(":") for line in paragraph.splitlines())
            if separator and not key.startswith(" ")
        }
        if fields.get("Status", "").endswith(" ok installed"):
            packages[fields["Package"]] = fields
    return packages


def closure(wanted: Iterable[str], packages: Mapping[str, Mapping[str, str]], without: Sequence[str]) -> List[str]:
    """``wanted`` and everything installed that they depend on, but for ``without`` and what only that needs."""
    provided: Dict[str, str] = {}
    for name, fields in packages.items():
        for item in _names(fields.get("Provides", "")):
            provided.setdefault(item[0], name)
    found: Set[str] = set()
    queue = list(wanted)
    while queue:
        name = queue.pop()
        name = name if name in packages else provided.get(name, "")
        if not name or name in found or name in without:
            continue
        found.add(name)
        for field in ("Depends", "Pre-Depends"):
            for alternatives in _names(packages[name].get(field, "")):
                installed = [item for item in alternatives if item in packages or item in provided]
                queue.extend(installed[:1])
    return sorted(found)


def list_file(info_dir: str, name: str, fields: Mapping[str, str]) -> Optional[str]:
    """The file that lists what a package installed."""
    for candidate in (f"{name}.list", f"{name}:{fields.get('Architecture', '')}.list"):
        path = os.path.join(info_dir, candidate)
        if os.path.exists(path):
            return path
    return None


def entries(paths: Iterable[str], root: str = "/") -> List[Entry]:
    """Image entries for installed ``paths``: files and links, with /lib and the like merged into /usr."""
    found: List[Entry] = []
    for path in sorted(set(paths)):
        inside = merged(path.strip("/"))
        if not inside or inside.startswith(LEFT_OUT):
            continue
        outside = os.path.join(root, path.strip("/"))
        try:
            status = os.lstat(outside)
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(status.st_mode):
            found.append(Entry(inside, 0o777, link=os.readlink(outside)))
        elif stat.S_ISREG(status.st_mode):
            found.append(Entry(inside, stat.S_IMODE(status.st_mode) & 0o755, source=outside))
    links = [Entry(name, 0o777, link="usr/" + name) for name in MERGED_USR]
    return [*found, *links, *(Entry("usr/" + name, 0o755) for name in MERGED_USR)]


def merged(path: str) -> str:
    """``path`` (without leading slash) where merged /usr keeps it; empty for the links themselves."""
    head, _slash, rest = path.partition("/")
    if head not in MERGED_USR:
        return path
    return f"usr/{head}/{rest}" if rest else ""


def _names(relation: str) -> List[List[str]]:
    return [
        [re.split(r"[\s:(]", item.strip(), maxsplit=1)[0] for item in group.split("|")]
        for group in relation.split(",")
        if group.strip()
    ]
