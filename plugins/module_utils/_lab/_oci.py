# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Write an OCI image archive: one layer, a config, a manifest and an index, in a plain tar."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Dict, Iterable, List, Mapping, Optional, Tuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEX = "application/vnd.oci.image.index.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
EPOCH = "1970-01-01T00:00:00Z"

BASE_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nlab:x:1000:1000:lab:/tmp:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
    "etc/group": "root:x:0:\nlab:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


@dataclass(frozen=True)
class Entry:
    """One member of the layer. At most one of ``source``, ``content`` and ``link`` is set; without, it is a folder."""

    path: str
    mode: int = 0o755
    source: Optional[str] = None
    content: Optional[bytes] = None
    link: Optional[str] = None


@dataclass(frozen=True)
class Image:
    """What an image is made of and how its process starts."""

    reference: str
    entries: Tuple[Entry, ...]
    entrypoint: Tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    architecture: str = "amd64"


def base_entries() -> List[Entry]:
    """What a static program takes for granted beside itself."""
    files = [Entry(path, 0o644, content=text.encode()) for path, text in BASE_FILES.items()]
    return [*files, Entry("tmp", 0o1777)]


def fingerprint(image: Image) -> str:
    """Changes when the archive would; sources count by path, size and time so that nothing large is read."""
    parts: List[Any] = [image.reference, image.entrypoint, image.user, sorted(image.environment.items())]
    parts.append(image.architecture)
    for entry in image.entries:
        parts.append([entry.path, entry.mode, entry.link, (entry.content or b"").decode("latin-1")])
        if entry.source:
            status = os.stat(entry.source)
            parts.append([os.path.realpath(entry.source), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def write_archive(image: Image, target: BinaryIO, scratch: str) -> str:
    """Write ``image`` to ``target``; returns the digest of its manifest.

    ``scratch`` is a folder for the layer, whose digest must be known before it is written into the archive.
    """
    layer_path = os.path.join(scratch, "layer.tar")
    with open(layer_path, "wb") as layer:
        write_layer(image.entries, layer)
    layer_digest, layer_size = _digest_file(layer_path)
    config = _json(_config(image, layer_digest))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": layer_size}],
        }
    )
    index = _json(_index(image.reference, manifest))
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_bytes(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        for blob in (config, manifest):
            _add_bytes(archive, "blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob)
        with open(layer_path, "rb") as layer:
            member = _member("blobs/" + layer_digest.replace(":", "/"), 0o644)
            member.size = layer_size
            archive.addfile(member, layer)
        _add_bytes(archive, "index.json", index)
    os.unlink(layer_path)
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def write_layer(entries: Iterable[Entry], target: BinaryIO) -> None:
    """Write ``entries`` with their parent folders as a reproducible tar: no times, no owners, sorted."""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in sorted(_with_folders(entries), key=lambda item: item.path):
            member = _member(entry.path, entry.mode)
            if entry.link is not None:
                member.type, member.linkname = tarfile.SYMTYPE, entry.link
                archive.addfile(member)
            elif entry.content is not None:
                member.size = len(entry.content)
                archive.addfile(member, io.BytesIO(entry.content))
            elif entry.source is not None:
                member.size = os.stat(entry.source).st_size
                with open(entry.source, "rb") as source:
                    archive.addfile(member, source)
            else:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)


def _with_folders(entries: Iterable[Entry]) -> List[Entry]:
    by_path: Dict[str, Entry] = {}
    for entry in entries:
        by_path[entry.path] = entry
    for path in list(by_path):
        folder = os.path.dirname(path)
        while folder:
            by_path.setdefault(folder, Entry(folder, 0o755))
            folder = os.path.dirname(folder)
    return list(by_path.values())


def _config(image: Image, layer_digest: str) -> Dict[str, Any]:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **image.environment}
    return {
        "created": EPOCH,
        "architecture": image.architecture,
        "os": "linux",
        "config": {
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "Entrypoint": list(image.entrypoint),
            "User": image.user,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        "history": [{"created": EPOCH, "created_by": "openhands.gpu_observability"}],
    }


def _index(reference: str, manifest: bytes) -> Dict[str, Any]:
    descriptor = _descriptor(MANIFEST, manifest)
    descriptor["annotations"] = {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
    }
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}


def _descriptor(media_type: str, blob: bytes) -> Dict[str, Any]:
    return {"mediaType": media_type, "digest": "sha256:" + hashlib.sha256(blob).hexdigest(), "size": len(blob)}


def _member(path: str, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.mode = mode
    return member


def _add_bytes(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    member = _member(path, 0o644)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest_file(path: str) -> Tuple[str, int]:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            digest.update(chunk)
    return "sha256:" + digest.hexdigest(), os.path.getsize(path)
