# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Taking a kernel module's source out of an RPM package."""

from __future__ import annotations

import os
import shutil
import tarfile

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Runner

SOURCES = "usr/src/"


def unpack(run: Runner, package: str, folder: str) -> None:
    """Unpack what a package has below /usr/src. rpm2archive (of rpm itself) writes PACKAGE.tgz beside it."""
    done = run(["rpm2archive", package], timeout=300)
    archive = package + ".tgz"
    if done.rc != 0 or not os.path.exists(archive):
        return
    with tarfile.open(archive) as handle:
        for member in handle.getmembers():
            inside = os.path.normpath(member.name).lstrip("/")
            if not inside.startswith(SOURCES) or not (member.isfile() or member.isdir()):
                continue
            target = os.path.join(folder, inside)
            if member.isdir():
                os.makedirs(target, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            source = handle.extractfile(member)
            if source:
                with source, open(target, "wb") as out:
                    shutil.copyfileobj(source, out)
                os.chmod(target, member.mode & 0o755)
