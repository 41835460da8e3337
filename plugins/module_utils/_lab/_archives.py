# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which images an archive holds, and which a containerd already has."""

from __future__ import annotations

import json
import tarfile
from typing import Any, Dict, List

NAME = "io.containerd.image.name"
REF = "org.opencontainers.image.ref.name"


def present_images(listing: str) -> Dict[str, str]:
    """Reference to digest from the table that ``ctr images list`` prints."""
    rows: List[List[str]] = [line.split() for line in listing.splitlines()[1:]]
    return {row[0]: row[2] for row in rows if len(row) > 2}


def archive_digests(path: str) -> Dict[str, str]:
    """Reference to manifest digest of the images in the OCI archive at ``path``.

    Raises ValueError for a file that is no OCI archive with named images.
    """
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile("index.json")
            if member is None:
                raise ValueError("its index.json is not a file")
            index: Any = json.load(member)
    except KeyError as error:
        raise ValueError(
            "it is not an OCI image archive (no index.json); save it as one, for example with skopeo copy"
        ) from error
    except tarfile.TarError as error:
        raise ValueError(f"it is not a tar archive ({error})") from error
    found: Dict[str, str] = {}
    for manifest in index.get("manifests") or []:
        notes = manifest.get("annotations") or {}
        name = notes.get(NAME) or notes.get(REF) or ""
        if ":" not in name and "/" not in name:
            raise ValueError(f"an image in its index.json has no full name in the annotation {NAME}")
        found[name] = manifest["digest"]
    return found
