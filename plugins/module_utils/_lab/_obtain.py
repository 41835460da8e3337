# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Get the binaries of a recipe: from the cache, from PATH, from a release archive, or built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from typing import IO, Callable, Dict, List, Optional
from urllib.error import HTTPError, URLError

from ansible.module_utils.urls import open_url
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._cache import Cache
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._elf import is_static_program
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import (
    Downloads,
    Go,
    GoError,
    Progress,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import (
    Recipe,
    build_argv,
    go_mod_text,
    go_version,
    mentions_version,
    tools_text,
)

Emit = Callable[[str], None]


class Unobtainable(Exception):
    """A binary can't be had; the text says why and what to do."""


@dataclass
class Obtained:
    """Where the binaries of one recipe are and where they came from: cached, path, archive or built."""

    paths: Dict[str, str]
    source: str


class Obtainer:
    """Knows the ways to a binary and tries them in order."""

    def __init__(self, cache_dir: str, sources_dir: str, release_base: str, go: Go, emit: Emit) -> None:
        self.cache = Cache(os.path.join(cache_dir, "binaries"))
        self.work_dir = os.path.join(cache_dir, "work")
        self.sources_dir = sources_dir
        self.release_base = release_base.rstrip("/")
        self.go = go
        self.emit = emit
        self.niceness = 0

    def at_hand(self, recipe: Recipe) -> Optional[Obtained]:
        """What needs no work: the cache, then PATH."""
        paths = self.cache.find(recipe, self.fingerprint(recipe))
        if paths:
            return Obtained(paths, "cached")
        paths = find_on_path(recipe)
        return Obtained(paths, "path") if paths else None

    def obtain(self, recipe: Recipe, position: str) -> Obtained:
        """The binaries of ``recipe`` by whatever way there is; ``position`` is said with the progress."""
        found = self.at_hand(recipe)
        if found:
            return found
        with self.cache.lock(recipe, lambda: self.emit(f"{recipe.title}: waiting for another run that builds it")):
            found = self.at_hand(recipe)
            if found:
                return found
            with self.cache.filling(recipe) as folder:
                source = "archive" if self.release_base and self._unpack(recipe, folder) else "built"
                if source == "built":
                    self._build(recipe, folder, position)
                paths = self.cache.publish(recipe, folder, source, self.fingerprint(recipe))
        return Obtained(paths, source)

    def fingerprint(self, recipe: Recipe) -> str:
        """Of the recipe and of our own program, if it has one."""
        source = read_or_none(self._main(recipe)) if recipe.main else b""
        return recipe.fingerprint(hashlib.sha256(source or b"").hexdigest())

    def _main(self, recipe: Recipe) -> str:
        return os.path.join(self.sources_dir, recipe.main, "main.go")

    def _unpack(self, recipe: Recipe, folder: str) -> bool:
        """Take the binaries out of the release archive; False when the base address has none."""
        if not recipe.archive:
            return False
        address = f"{self.release_base}/{recipe.archive}"
        with tempfile.NamedTemporaryFile(dir=folder) as download:
            if not fetch(address, download):
                self.emit(f"{recipe.title}: no {address}, building it instead")
                return False
            download.flush()
            self.emit(f"{recipe.title}: from {address}")
            unpack(download.name, recipe, folder, address)
        for binary in recipe.binaries:
            check(recipe, binary, os.path.join(folder, binary), address)
        return True

    def _build(self, recipe: Recipe, folder: str, position: str) -> None:
        title = f"{recipe.title} ({position})"
        work = os.path.join(self.work_dir, f"{recipe.name}-{recipe.version}")
        os.makedirs(work, exist_ok=True)
        log = os.path.join(work, "build.log")
        try:
            self._prepare(recipe, work, title, log)
            for program in recipe.programs:
                arguments = build_argv(recipe, program, os.path.join(folder, program))
                listing = ["list", "-deps", "-f", "{{.ImportPath}}"]
                listing += ["-tags", recipe.tags] if recipe.tags else []
                total = len(self.go.text([*listing, recipe.package(program)], work).split())
                self.emit(f"{title}: building {program}")
                self.go.watch(
                    arguments, work, Progress(f"{title}: {program}", total, self.emit), log, niceness=self.niceness
                )
        except (GoError, FileNotFoundError) as error:
            raise Unobtainable(f"{recipe.title} can't be built: {error}") from error
        for binary in recipe.binaries:
            if binary not in recipe.programs:
                os.symlink(recipe.name, os.path.join(folder, binary))

    def _prepare(self, recipe: Recipe, work: str, title: str, log: str) -> None:
        """Write the wrapper module and have its dependencies."""
        installed = go_version(self.go.version())
        replaces: List[Dict[str, object]] = []
        if recipe.module:
            self.emit(f"{title}: downloading {recipe.module} {recipe.module_version}")
            go_mod = self.go.download(recipe.module, recipe.module_version)["GoMod"]
            described = self.go.json(["mod", "edit", "-json", go_mod], cwd="/")
            needed = go_version(described.get("Go") or "0")
            if installed < needed:
                raise GoError(
                    f"it needs Go {'.'.join(map(str, needed))} or newer, {self.go.program} is"
                    f" {'.'.join(map(str, installed))}. Name a newer one in lab_go"
                )
            replaces = described.get("Replace") or []
        text = go_mod_text(recipe, ".".join(str(part) for part in installed[:2]), replaces)
        stamp = os.path.join(work, "prepared")
        fingerprint = hashlib.sha256((text + self.fingerprint(recipe)).encode()).hexdigest()
        if (read_or_none(stamp) or b"").decode() == fingerprint:
            return
        for name, content in (("go.mod", text), ("go.sum", ""), ("tools.go", tools_text(recipe))):
            if name != "tools.go" or not recipe.main:
                with open(os.path.join(work, name), "w", encoding="utf-8") as handle:
                    handle.write(content)
        if recipe.main:
            shutil.copyfile(self._main(recipe), os.path.join(work, "main.go"))
        self.emit(f"{title}: downloading dependencies")
        self.go.watch(["mod", "tidy", "-e"], work, Downloads(f"{title}: dependencies", 0, self.emit), log)
        with open(stamp, "w", encoding="utf-8") as handle:
            handle.write(fingerprint)


def find_on_path(recipe: Recipe) -> Optional[Dict[str, str]]:
    """Binary to path when PATH has every binary in the right version, and linked in a way that serves."""
    found: Dict[str, str] = {}
    for binary in recipe.binaries:
        path = shutil.which(binary)
        if not path:
            return None
        found[binary] = path
    serving = all(problem(recipe, binary, path) is None for binary, path in found.items())
    return found if serving else None


def problem(recipe: Recipe, binary: str, path: str) -> Optional[str]:
    """Why the file at ``path`` can't be the binary that is wanted, or None."""
    if recipe.static and not is_static_program(path):
        return "is not a static program for this machine"
    arguments = recipe.version_args.get(binary, ("--version",))
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
            text=True,
            errors="replace",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"can't be asked for its version: {error}"
    if not mentions_version(done.stdout, recipe.version):
        return f"is not version {recipe.version}: it says {done.stdout.strip()[:200]!r}"
    return None


def check(recipe: Recipe, binary: str, path: str, origin: str) -> None:
    """Refuse a binary from ``origin`` that isn't what is wanted."""
    reason = problem(recipe, binary, path)
    if reason:
        raise Unobtainable(f"{recipe.title}: {binary} from {origin} {reason}")


def fetch(address: str, target: IO[bytes]) -> bool:
    """Download ``address``; False when there is no such file. Where ``<address>.sha256`` exists it must agree."""
    digest = hashlib.sha256()
    try:
        with open_url(address, timeout=60) as response:  # type: ignore[no-untyped-call]
            for chunk in iter(lambda: response.read(1 << 20), b""):
                digest.update(chunk)
                target.write(chunk)
    except HTTPError as error:
        if error.code == 404:
            return False
        raise Unobtainable(f"lab_release_base: {address}: {error}") from error
    except (URLError, OSError) as error:
        if isinstance(getattr(error, "reason", error), FileNotFoundError) or "No such file" in str(error):
            return False
        raise Unobtainable(f"lab_release_base: {address}: {error}") from error
    wanted = _published_digest(address)
    if wanted and wanted != digest.hexdigest():
        raise Unobtainable(
            f"lab_release_base: {address} has sha256 {digest.hexdigest()}, its .sha256 file says {wanted}"
        )
    return True


def _published_digest(address: str) -> Optional[str]:
    try:
        with open_url(address + ".sha256", timeout=60) as response:  # type: ignore[no-untyped-call]
            words = response.read(1000).decode(errors="replace").split()
    except (HTTPError, URLError, OSError):
        return None
    return words[0].lower() if words else None


def unpack(path: str, recipe: Recipe, folder: str, origin: str) -> None:
    """Write the recipe's binaries out of the archive at ``path`` into ``folder``, wherever they lie in it."""
    wanted = set(recipe.binaries)
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = os.path.basename(member.name)
                source = archive.extractfile(member) if member.isfile() and name in wanted else None
                if source is None:
                    continue
                with open(os.path.join(folder, name), "wb") as target:
                    shutil.copyfileobj(source, target)
                os.chmod(os.path.join(folder, name), 0o755)  # noqa: S103 (programs for everyone)
                wanted.discard(name)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Unobtainable(f"{recipe.title}: {origin} can't be read: {error}") from error
    if wanted:
        raise Unobtainable(f"{recipe.title}: {origin} lacks {', '.join(sorted(wanted))}")
