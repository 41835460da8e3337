# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up .deb packages and apt repositories of them, written by hand: no tool, a millisecond each."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Container, Iterable, Mapping
from pathlib import Path, PurePosixPath

from integration.gpu_hosts_packages.catalogue import Package

FIELDS = (("Depends", "depends"), ("Provides", "provides"), ("Conflicts", "conflicts"), ("Replaces", "conflicts"))


def control(package: Package, architecture: str) -> str:
    """The control file (deb-control(5))."""
    lines = [f"Package: {package.name}", f"Version: {package.version}", f"Architecture: {architecture}"]
    lines += ["Maintainer: Nobody <nobody@example.org>", "Section: restricted/misc", "Priority: optional"]
    lines += [f"{field}: {', '.join(getattr(package, name))}" for field, name in FIELDS if getattr(package, name)]
    return "\n".join([*lines, "Description: a stand-in for tests"]) + "\n"


def _tar(files: Mapping[str, bytes], programs: Container[str] = ()) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in sorted({str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."}):
            entry = tarfile.TarInfo(f"./{folder}/")
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode = len(content), 0o755 if "/bin/" in name or name in programs else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def deb(package: Package, architecture: str) -> bytes:
    """The file of a package."""
    return packed(control(package, architecture), {path: text.encode() for path, text in package.files.items()})


def packed(told: str, files: Mapping[str, bytes], scripts: Mapping[str, bytes] | None = None) -> bytes:
    """An ar archive of three members (deb(5)). told: the control file."""
    scripts = scripts or {}
    members = {
        "debian-binary": b"2.0\n",
        "control.tar": _tar({"control": told.encode(), **scripts}, scripts),
        "data.tar": _tar({path.lstrip("/"): content for path, content in files.items()}),
    }
    out = b"!<arch>\n"
    for name, content in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        out += content + (b"\n" if len(content) % 2 else b"")
    return out


def _index(folder: Path, packages: Iterable[Package], architecture: str, below: Path) -> str:
    stanzas = []
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        content = deb(package, architecture)
        version = package.version.rpartition(":")[2]
        path = folder / f"{package.name}_{version}_{architecture}.deb"
        path.write_bytes(content)
        stanzas.append(
            f"{control(package, architecture)}Filename: {path.relative_to(below)}\nSize: {len(content)}\n"
            f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
        )
    return "\n".join(stanzas)


def _release(fields: Mapping[str, str], indexes: Mapping[str, str]) -> str:
    lines = [f"{name}: {value}" for name, value in fields.items()] + ["Date: Mon, 23 Nov 2026 12:00:00 UTC", "SHA256:"]
    sums = ((hashlib.sha256(text.encode()).hexdigest(), len(text.encode()), path) for path, text in indexes.items())
    return "\n".join([*lines, *(f" {digest} {size} {path}" for digest, size, path in sums)]) + "\n"


def flat(folder: Path, packages: Iterable[Package], origin: str, architecture: str = "amd64") -> None:
    """A repository without a tree, as NVIDIA's are."""
    text = _index(folder, packages, architecture, folder)
    (folder / "Packages").write_text(text)
    (folder / "Release").write_text(_release({"Origin": origin, "Label": origin}, {"Packages": text}))


def archive(
    folder: Path, packages: Mapping[str, Iterable[Package]], origin: str, suite: str, architecture: str = "amd64"
) -> None:
    """A distribution's archive: component -> packages."""
    tree, indexes = folder / "dists" / suite, {}
    for component, content in packages.items():
        path = f"{component}/binary-{architecture}/Packages"
        indexes[path] = _index(folder / "pool" / component, content, architecture, folder)
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_text(indexes[path])
    fields = {"Origin": origin, "Suite": suite, "Codename": suite, "Components": " ".join(packages)}
    (tree / "Release").write_text(_release({**fields, "Architectures": architecture}, indexes))
