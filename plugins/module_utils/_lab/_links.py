# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A folder of symbolic links that names the chosen version of each program."""

from __future__ import annotations

import os
from typing import List, Mapping


def keep_links(folder: str, links: Mapping[str, str], check_mode: bool) -> List[str]:
    """Have exactly ``links`` (name to target) in ``folder``; returns the names that changed.

    A link is replaced by a rename, so that there is no moment without it.
    """
    present = {}
    if os.path.isdir(folder):
        present = {name: _target(os.path.join(folder, name)) for name in os.listdir(folder)}
    changed = sorted(name for name in {*present, *links} if present.get(name) != links.get(name))
    if check_mode or not changed:
        return changed
    os.makedirs(folder, exist_ok=True)
    for name in changed:
        path = os.path.join(folder, name)
        if name not in links:
            os.unlink(path)
            continue
        temporary = os.path.join(folder, f".{name}.new")
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(links[name], temporary)
        os.replace(temporary, path)
    return changed


def _target(path: str) -> str:
    return os.readlink(path) if os.path.islink(path) else ""
