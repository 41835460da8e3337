# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The cache of binaries: one folder per name and version, complete or absent."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from typing import Callable, Dict, Iterator, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe

NOTE = ".origin.json"


class Cache:
    """Folders ``<root>/<name>/<version>``, made by one atomic rename so that a kill never leaves half of one."""

    def __init__(self, root: str) -> None:
        self.root = root

    def folder(self, recipe: Recipe) -> str:
        return os.path.join(self.root, recipe.name, recipe.version)

    def find(self, recipe: Recipe, fingerprint: str) -> Optional[Dict[str, str]]:
        """Binary to path, or None when they must be had (again).

        Binaries of a release serve whatever the build flags say.
        """
        folder = self.folder(recipe)
        try:
            note = json.loads(read_or_none(os.path.join(folder, NOTE)) or b"null")
        except ValueError:
            return None
        if not isinstance(note, dict) or (note.get("source") == "built" and note.get("recipe") != fingerprint):
            return None
        paths = {binary: os.path.join(folder, binary) for binary in recipe.binaries}
        return paths if all(os.path.isfile(path) for path in paths.values()) else None

    @contextlib.contextmanager
    def lock(self, recipe: Recipe, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep other runs from building the same; the kernel gives the lock back when we are killed."""
        os.makedirs(os.path.join(self.root, recipe.name), exist_ok=True)
        with open(os.path.join(self.root, recipe.name, f".{recipe.version}.lock"), "wb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def filling(self, recipe: Recipe) -> Iterator[str]:
        """A folder to fill; it is thrown away unless ``publish`` takes it. Needs the lock."""
        parent = os.path.join(self.root, recipe.name)
        for name in os.listdir(parent):
            if name.startswith(f".{recipe.version}.partial"):
                shutil.rmtree(os.path.join(parent, name), ignore_errors=True)
        folder = tempfile.mkdtemp(dir=parent, prefix=f".{recipe.version}.partial")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, recipe: Recipe, folder: str, source: str, fingerprint: str) -> Dict[str, str]:
        """Make ``folder`` the cached one; returns binary to path."""
        with open(os.path.join(folder, NOTE), "w", encoding="utf-8") as handle:
            json.dump({"source": source, "recipe": fingerprint}, handle)
        os.chmod(folder, 0o755)  # noqa: S103 (programs for everyone)
        target = self.folder(recipe)
        if os.path.isdir(target):
            # A running process keeps its open file; the old folder goes once the new one stands.
            old = tempfile.mkdtemp(dir=os.path.dirname(target), prefix=f".{recipe.version}.partial")
            os.rename(target, os.path.join(old, "old"))
        os.rename(folder, target)
        return {binary: os.path.join(target, binary) for binary in recipe.binaries}
