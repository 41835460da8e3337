# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How modprobe is configured (modprobe.d(5)), and what the kernel's command line forbids."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import ModuleOption

CMDLINE = "/proc/cmdline"
FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
"""Highest first: a file hides those of the same name in later folders."""

BLACKLISTS = ("modprobe.blacklist", "module_blacklist")
"""Parameters of the kernel's command line that keep modules from being loaded, now and later. dracut's
rd.driver.blacklist is none: it ends with the initramfs."""

NVIDIA = "nvidia"
REFUSALS = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true", "false", "true", ":")


@dataclass
class Modprobe:
    """What the files say: module names are written with underscores.

    ``options``: of NVIDIA's modules, in the order in which the kernel gets them; of two for the same it takes the last.
    """

    blacklisted: Set[str] = field(default_factory=set)
    install: Dict[str, List[str]] = field(default_factory=dict)
    options: List[ModuleOption] = field(default_factory=list)

    def forbids(self, module: str) -> bool:
        """Whether the module is not loaded when its device turns up."""
        command = self.install.get(module, [""])
        return module in self.blacklisted or command[0] in REFUSALS


def read(root: Root) -> Modprobe:
    """Read all files that modprobe reads, and the command line."""
    files: Dict[str, str] = {}
    for folder in FOLDERS:
        for name in root.names(folder):
            if name.endswith(".conf"):
                files.setdefault(name, folder + "/" + name)
    found = Modprobe()
    for name in sorted(files):
        _add(found, root.text(files[name]), files[name])
    for word in _words(root.text(CMDLINE)):
        parameter, _equals, value = word.partition("=")
        module, dot, option = parameter.partition(".")
        if parameter in BLACKLISTS:
            found.blacklisted.update(_plain(name) for name in value.strip("\"'").split(","))
        elif dot and module.startswith(NVIDIA):
            found.options.append(_option(module, "%s=%s" % (option, value), CMDLINE))
    return found


def _words(text: str) -> List[str]:
    """Words, of which a part may stand in quotes."""
    return re.findall(r'(?:"[^"]*"|[^\s"])+', text)


def _option(module: str, word: str, path: str) -> ModuleOption:
    name, _equals, value = word.partition("=")
    return {"module": _plain(module), "option": name.strip('"'), "value": value.replace('"', ""), "file": path}


def _add(found: Modprobe, text: str, path: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "blacklist":
            found.blacklisted.add(_plain(words[1]))
        elif len(words) >= 3 and words[0] == "install":
            found.install.setdefault(_plain(words[1]), words[2:])
        elif len(words) >= 3 and words[0] == "options" and words[1].startswith(NVIDIA):
            found.options += [_option(words[1], word, path) for word in _words(line)[2:]]


def _plain(module: str) -> str:
    return module.replace("-", "_")
