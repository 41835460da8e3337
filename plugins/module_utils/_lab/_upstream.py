# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Raw files of upstream projects, taken out of their Go modules into the public raw-file layout."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from typing import List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import Go
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe


def missing_folders(recipe: Recipe, root: str) -> List[str]:
    """The folders of ``recipe`` that ``root`` doesn't have yet."""
    upstream = recipe.upstream
    if upstream is None:
        return []
    base = os.path.join(root, upstream.repository, upstream.tag)
    return [folder for folder in upstream.folders if not os.path.isdir(os.path.join(base, folder))]


def extract(recipe: Recipe, root: str, go: Go) -> List[str]:
    """Put the wanted folders below ``<root>/<owner>/<repository>/<tag>``; returns those that are new."""
    missing = missing_folders(recipe, root)
    upstream = recipe.upstream
    if upstream is None or not missing:
        return []
    archive = go.download(recipe.module, recipe.module_version)["Zip"]
    base = os.path.join(root, upstream.repository, upstream.tag)
    os.makedirs(base, exist_ok=True)
    scratch = tempfile.mkdtemp(dir=base, prefix=".partial")
    try:
        for folder in missing:
            unzip_folder(archive, f"{recipe.module}@{recipe.module_version}/{folder}/", os.path.join(scratch, folder))
            os.makedirs(os.path.dirname(os.path.join(base, folder)), exist_ok=True)
            os.rename(os.path.join(scratch, folder), os.path.join(base, folder))
    finally:
        shutil.rmtree(scratch)
    return [f"{upstream.repository}/{upstream.tag}/{folder}" for folder in missing]


def unzip_folder(archive: str, prefix: str, target: str) -> None:
    """Write what ``archive`` holds below ``prefix`` to ``target``; raises FileNotFoundError when that is nothing."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.startswith(prefix) and not name.endswith("/")]
        if not names:
            raise FileNotFoundError(f"{archive} has nothing below {prefix}")
        for name in names:
            path = os.path.join(target, name[len(prefix) :])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with opened.open(name) as source, open(path, "wb") as written:
                shutil.copyfileobj(source, written)
