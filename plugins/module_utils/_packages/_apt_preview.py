# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What apt is to believe: our preferences, new sources, and a copy of its configuration for looking ahead."""

from __future__ import annotations

import glob
import os
import shutil
from typing import Callable, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _dpkg, _files
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Pin

PREFERENCES = "etc/apt/preferences.d/openhands-nvidia-driver.pref"
SOURCES = "etc/apt/sources.list.d"
STATUS = "var/lib/dpkg/status"
LOGINS = "etc/apt/auth.conf.d"
_HEAD = "# Written by openhands.gpu_observability (role nvidia_driver): changes are overwritten.\n"


def preferences(pins: Sequence[Pin]) -> str:
    """The preferences file of apt_preferences(5); empty where there is nothing to pin."""
    stanzas = ["Package: %s\nPin: %s\nPin-Priority: %d\n" % (pin.packages, pin.pin, pin.priority) for pin in pins]
    return _HEAD + "\n".join(stanzas) if stanzas else ""


class Preview:
    """apt's configuration copied to a folder, with ours put in: what is asked there is asked of the future."""

    def __init__(self, root: str, folder: str) -> None:
        self.root = root
        self.folder = folder
        self.sources_changed = False
        parts = self._path("preferences.d")
        os.makedirs(parts)
        for path in glob.glob(os.path.join(root, "etc/apt/preferences.d/*")):
            if os.path.isfile(path) and os.path.basename(path) != os.path.basename(PREFERENCES):
                shutil.copy(path, parts)
        os.makedirs(self._path("cache/archives/partial"))
        os.makedirs(self._path("log"))

    def _path(self, *parts: str) -> str:
        return os.path.join(self.folder, *parts)

    def release(self, ours: Callable[[str], bool]) -> None:
        """Look at a copy of dpkg's database without our holds: apt moves no held package as a dependency."""
        status = _files.read(os.path.join(self.root, STATUS))
        _files.put(self._path("status"), _dpkg.without_holds(status, ours))

    def pin(self, pins: Sequence[Pin]) -> None:
        """Put our preferences in."""
        text = preferences(pins)
        if text:
            with open(self._path("preferences.d", os.path.basename(PREFERENCES)), "w", encoding="utf-8") as handle:
                handle.write(text)

    def add_sources(self, placed: Mapping[str, str]) -> None:
        """Put sources in that the host doesn't have yet, beside a copy of its own and of its package lists.

        Args:
            placed: Path on the host -> where the file is now.
        """
        parts, lists, new = self._path("sources.list.d"), self._path("lists"), self._path("new")
        os.makedirs(new)
        os.makedirs(parts)
        for path in glob.glob(os.path.join(self.root, SOURCES, "*")):
            if os.path.isfile(path):
                shutil.copy(path, parts)
        for path, place in placed.items():
            if path.startswith(SOURCES):
                shutil.copy(place, parts)
                shutil.copy(place, new)
        os.makedirs(os.path.join(lists, "partial"))
        for path in glob.glob(os.path.join(self.root, "var/lib/apt/lists/*")):
            if os.path.isfile(path) and os.path.basename(path) != "lock":
                shutil.copy(path, lists)
        os.makedirs(self._path("logins"))
        for path in [*glob.glob(os.path.join(self.root, LOGINS, "*")), *placed.values()]:
            if "auth.conf.d" in path and os.path.isfile(path):
                shutil.copy(path, self._path("logins"))
        self.sources_changed = True

    def options(self) -> List[str]:
        """Options by which apt-get and apt-cache see this preview and write nothing outside of it."""
        pairs = {
            "Dir::Etc::preferencesparts": self._path("preferences.d"),
            "Dir::Cache": self._path("cache"),
            "Dir::Log": self._path("log"),
            **({"Dir::State::status": self._path("status")} if os.path.exists(self._path("status")) else {}),
        }
        if self.sources_changed:
            pairs["Dir::Etc::sourceparts"] = self._path("sources.list.d")
            pairs["Dir::Etc::netrcparts"] = self._path("logins")
            pairs["Dir::State::lists"] = self._path("lists")
        return _options(pairs)

    def update_options(self, *, everything: bool) -> List[str]:
        """Options for ``apt-get update`` that fetch the lists of the added sources, or of all, into the preview."""
        alone = {} if everything else {"Dir::Etc::sourcelist": "/dev/null"}
        return _options(
            {
                **alone,
                "Dir::Etc::sourceparts": self._path("sources.list.d" if everything else "new"),
                "Dir::Etc::netrcparts": self._path("logins"),
                "Dir::State::lists": self._path("lists"),
                "Dir::Cache": self._path("cache"),
                "APT::Get::List-Cleanup": "0",
                "APT::Sandbox::User": "root",
            }
        )


def _options(pairs: Mapping[str, str]) -> List[str]:
    return [part for key, value in pairs.items() for part in ("-o", "%s=%s" % (key, value))]
