# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How a host's settings differ from what is wanted, and whether the modules must be loaded anew for it. Pure.

A module keeps the options that it was loaded with. Where the kernel shows them they decide; of one that it doesn't show
only the change of the file tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import settings
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Fact, Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import Wish
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._settings import MODPROBE, same

Options = Mapping[str, Mapping[str, str]]
"""Per module."""


@dataclass(frozen=True)
class Adjustments:
    """In words. ``said``: what is written or started anew. ``loads``: why modules must be loaded anew."""

    said: Tuple[str, ...] = ()
    loads: Tuple[str, ...] = ()


def find(host: Host, wish: Wish) -> Adjustments:
    """Compare. A host whose facts don't tell its settings differs in nothing."""
    there = host.settings
    if there is None:
        return Adjustments()
    old: Dict[str, str] = there.get("files") or {}
    said = [text for path, new in settings.files(host, wish).items() for text in _file(path, old.get(path), new)]
    said += ["%s is older than the module options" % path for path in there.get("stale_images") or ()]
    if there.get("persistence") not in (None, wish.persistence):
        said.append("nvidia-persistenced runs %s persistence mode" % ("without" if wish.persistence else "with"))
    wanted = settings.modprobe(host, wish)["options"]
    return Adjustments(tuple(said), tuple(_loads(host, wanted)))


def _file(path: str, there: Optional[str], wanted: str) -> Iterable[str]:
    if there is None:
        yield "%s is missing" % path
    elif there.strip() != wanted.strip():
        old, new = _lines(there), _lines(wanted)
        words = ["- " + line for line in old if line not in new] + ["+ " + line for line in new if line not in old]
        yield "%s: %s" % (path, "; ".join(words) or "its wording")


def _lines(text: str) -> List[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "//"))]


def _loads(host: Host, wanted: Options) -> Iterable[str]:
    there = host.settings or {}
    shown: Options = there.get("parameters") or {}
    ours = _written(there.get("options") or ())
    for module in sorted(host.modules):
        old, new = ours.get(module, {}), wanted.get(module, {})
        for name in sorted({*old, *new}):
            now = shown.get(module, {}).get(name)
            loaded = now if now is not None else old.get(name)
            # One that is dropped has its default back with a load only.
            if name not in new or loaded is None or not same(loaded, new[name]):
                text = "%s is loaded with %s=%s" if now is not None else "%s is loaded, and doesn't tell its %s%s"
                yield "%s, wanted is %s" % (text % (module, name, now or ""), new.get(name, "its default"))


def _written(options: Iterable[Fact]) -> Dict[str, Dict[str, str]]:
    """What our own file says now."""
    found: Dict[str, Dict[str, str]] = {}
    for one in options:
        if one["file"] == MODPROBE:
            found.setdefault(str(one["module"]), {})[str(one["option"])] = str(one["value"])
    return found


def overridden(host: Host, wish: Wish) -> List[str]:
    """Options that something else sets otherwise and later than our file, in words."""
    wanted: Options = settings.modprobe(host, wish)["options"]
    last: Dict[Tuple[str, str], Fact] = {}
    for one in (host.settings or {}).get("options") or ():
        if one["file"] != MODPROBE and _after(str(one["file"])):
            last[str(one["module"]), str(one["option"])] = one
    return [
        "%s sets %s of %s to %s, and what it says counts" % (one["file"], option, module, one["value"] or "nothing")
        for (module, option), one in sorted(last.items())
        if option in wanted.get(module, {}) and not same(str(one["value"]), wanted[module][option])
    ]


def _after(path: str) -> bool:
    """Whether modprobe hands it over after ours: files go by their names, the command line comes last."""
    return not path.endswith(".conf") or path.rpartition("/")[2] > MODPROBE.rpartition("/")[2]
