# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which kernel the next boot takes, from what the boot loader is going to read.

GRUB: grub.cfg's tree of entries, the default that is set at its head, and grubenv, whose next_entry (once) and
saved_entry it refers to. EL and systemd-boot: the entries of loader/entries (Boot Loader Specification), newest
first, or the one that grubenv names. Without any of them: the newest kernel that has an image.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

ENTRY_FOLDERS = ("/boot/loader/entries", "/boot/efi/loader/entries", "/efi/loader/entries")
CONFIGURATIONS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
ENVIRONMENTS = ("/boot/grub/grubenv", "/boot/grub2/grubenv")

ENTRY = re.compile(r"^(?P<kind>menuentry|submenu)\s+(?P<quote>['\"])(?P<title>.*?)(?P=quote)(?P<rest>.*)$")
IDENTITY = re.compile(r"(?:menuentry_id_option}?|--id)[\s=]+(['\"]?)(?P<id>[^'\"\s{]+)\1")
IMAGE = re.compile(r"^(?:linux|linux16|linuxefi)\s+\S*?vmlinu[xz]-(?P<release>\S+)")
DEFAULT = re.compile(r"^\s*set default=\"?(?P<default>[^\"\n]*?)\"?\s*$", re.MULTILINE)
LOADER_ENTRIES = re.compile(r"^\s*blscfg\b", re.MULTILINE)
VARIABLE = re.compile(r"^\$\{?(\w+)\}?$")


@dataclass
class Entry:
    """One entry of a boot menu, or a submenu with more of them."""

    title: str = ""
    identity: str = ""
    release: str = ""
    entries: List[Entry] = field(default_factory=list)


def next_release(root: Root, bootable: Sequence[str]) -> str:
    """The release that the next boot takes; ``bootable`` are those that have an image, newest first.

    An entry whose kernel is gone is passed over, as the person at the console would.
    """
    environment = _environment(root)
    text = next((text for text in map(root.text, CONFIGURATIONS) if text), "")
    menu = parse(text)
    if not menu or LOADER_ENTRIES.search(text):
        # EL's grub.cfg draws them in by one command, beside an entry for the firmware's settings.
        menu = [*_loader_entries(root, bootable), *menu]
    wanted = default(text, environment)
    chosen = choose(menu, wanted)
    if chosen in bootable:
        return chosen
    first = next((entry.release for entry in _flat(menu) if entry.release in bootable), "")
    return first or next(iter(bootable), "")


def default(text: str, environment: Dict[str, str]) -> str:
    """What the head of a grub.cfg sets as default, its variables filled in; next_entry counts once and goes first."""
    if environment.get("next_entry"):
        return environment["next_entry"]
    for match in DEFAULT.finditer(text):
        variable = VARIABLE.match(match.group("default"))
        if not variable:
            return match.group("default")
        if variable.group(1) == "saved_entry":
            return environment.get("saved_entry", "")
    return "" if text else environment.get("saved_entry", "")


def choose(menu: List[Entry], wanted: str) -> str:
    """The release behind a default: a number, title or id, with > between a submenu and its entry."""
    entries = menu
    found: Optional[Entry] = None
    for part in wanted.split(">") if wanted else ["0"]:
        found = _pick(entries, part.strip())
        if found is None:
            return ""
        entries = found.entries
    while found and not found.release and found.entries:
        found = found.entries[0]
    return found.release if found else ""


def parse(text: str) -> List[Entry]:
    """The menu of a grub.cfg. Entries of other systems are in it too, with no release."""
    top = Entry()
    stack = [top]
    depth: List[int] = []
    level = 0
    for raw in text.splitlines():
        line = raw.strip()
        opened = ENTRY.match(line)
        if opened:
            identity = IDENTITY.search(opened.group("rest"))
            entry = Entry(opened.group("title"), identity.group("id") if identity else "")
            stack[-1].entries.append(entry)
            stack.append(entry)
            depth.append(level)
            level += 1
        elif line.endswith("{"):
            level += 1
        elif line == "}":
            level -= 1
            if depth and level == depth[-1]:
                depth.pop()
                stack.pop()
        elif len(stack) > 1 and not stack[-1].release:
            image = IMAGE.match(line)
            stack[-1].release = image.group("release") if image else ""
    return top.entries


def _pick(entries: List[Entry], wanted: str) -> Optional[Entry]:
    if wanted.isdigit():
        return entries[int(wanted)] if int(wanted) < len(entries) else None
    return next((entry for entry in entries if wanted in (entry.identity, entry.title)), None)


def _flat(entries: List[Entry]) -> List[Entry]:
    return [one for entry in entries for one in [entry, *_flat(entry.entries)]]


def _environment(root: Root) -> Dict[str, str]:
    text = next((text for text in map(root.text, ENVIRONMENTS) if text), "")
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values[name] = value
    return values


def _loader_entries(root: Root, bootable: Sequence[str]) -> List[Entry]:
    """The entries of the Boot Loader Specification, in the order of ``bootable``; others come last."""
    found = []
    for folder in ENTRY_FOLDERS:
        for name in root.names(folder):
            if name.endswith(".conf"):
                values = dict(line.strip().partition(" ")[::2] for line in root.text(folder + "/" + name).splitlines())
                image = os.path.basename(values.get("linux", "")).partition("-")[2]
                release = values.get("version", "").strip()
                found.append(
                    Entry(
                        values.get("title", "").strip(), name[: -len(".conf")], image if image in bootable else release
                    )
                )
    order = {release: place for place, release in enumerate(bootable)}
    return sorted(found, key=lambda entry: order.get(entry.release, len(order)))
