# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What dpkg has written down: which packages are installed, held, or only half there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Versions

FORMAT = "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Want}\\t${db:Status-Eflag}\\t${db:Status-Status}\\n"
WHOLE = ("installed", "triggers-awaited", "triggers-pending")
GONE = ("not-installed", "config-files")
"""States of dpkg(1). Everything else was interrupted or failed."""


@dataclass(frozen=True)
class Entry:
    """One line of dpkg's database."""

    name: str
    version: str
    want: str
    flag: str
    status: str

    @property
    def whole(self) -> bool:
        """Installed and configured."""
        return self.status in WHOLE and self.flag == "ok"

    @property
    def broken(self) -> bool:
        """Neither there nor gone: unpacked, half-configured, half-installed, or to be installed again."""
        return self.flag != "ok" or self.status not in WHOLE + GONE

    def __str__(self) -> str:
        return "%s %s (%s)" % (self.name, self.version, self.status if self.flag == "ok" else self.flag)


def parse(text: str, native: str) -> List[Entry]:
    """Entries of ``dpkg-query -W -f FORMAT``; ``native`` is the host's own architecture."""
    found = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) != FORMAT.count("$"):
            continue
        name, architecture, version, want, flag, status = fields
        full = name if architecture in (native, "all", "") else "%s:%s" % (name, architecture)
        found.append(Entry(full, version, want, flag, status))
    return found


def installed(entries: Iterable[Entry]) -> Versions:
    """All that takes place on the disk: whole packages and broken ones, but no mere configuration."""
    return {entry.name: entry.version for entry in entries if entry.status not in GONE}


def broken(entries: Iterable[Entry]) -> List[Entry]:
    """Packages that an interrupted or failed run left behind."""
    return sorted((entry for entry in entries if entry.broken), key=lambda entry: entry.name)


def held(entries: Iterable[Entry]) -> List[str]:
    """Packages that are held."""
    return sorted(entry.name for entry in entries if entry.want == "hold")


def without_holds(status: str, ours: Callable[[str], bool]) -> str:
    """Dpkg's status file with the holds of some packages released."""
    stanzas = status.split("\n\n")
    for index, stanza in enumerate(stanzas):
        name = stanza.lstrip("\n").partition("\n")[0].partition(": ")[2].strip()
        if "\nStatus: hold " in stanza and ours(name):
            stanzas[index] = stanza.replace("\nStatus: hold ", "\nStatus: install ", 1)
    return "\n\n".join(stanzas)


def automatic(extended_states: str) -> List[str]:
    """Packages that apt installed for others' sake, by its file extended_states."""
    found = []
    for stanza in extended_states.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        if fields.get("Auto-Installed") == "1" and "Package" in fields:
            found.append(fields["Package"])
    return found


def configuration_only(entries: Iterable[Entry]) -> List[str]:
    """Removed packages whose configuration was kept."""
    return sorted(entry.name for entry in entries if entry.status == "config-files")
