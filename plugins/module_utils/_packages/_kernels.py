# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Headers without a new kernel: a package that follows the newest kernel may bring that kernel along.

On a host a point release behind, the candidate of ``linux-headers-amd64`` (or of ``kernel-devel-matched``) depends on a
kernel that isn't installed. A driver's change must not decide what the next boot takes.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Change

_IMAGE = re.compile(r"^(linux-image-.*|kernel(-\w+)?(-core)?(-\d.*)?)$")
_NO_IMAGE = re.compile(r"^kernel(-\w+)?-(devel|headers|tools|modules|srpm|abi|doc)")


def installed(root: str) -> List[str]:
    """Releases of the kernels that have modules on this host."""
    folder = os.path.join(root, "lib/modules")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if os.path.isdir(os.path.join(folder, name, "kernel")))


def brought(changes: Iterable[Change]) -> List[str]:
    """Kernel images that a transaction installs, moves or removes."""
    return [change.name for change in changes if _IMAGE.match(change.name) and not _NO_IMAGE.match(change.name)]


def headers_of(headers: Sequence[str], releases: Sequence[str]) -> List[str]:
    """Those of the header packages that are for one of the installed kernels."""
    return [name for name in headers if any(release in name for release in releases)]
