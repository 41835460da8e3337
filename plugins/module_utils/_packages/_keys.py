# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Signing keys of repositories: fetched once, and believed only if they are the ones that were pinned."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any, Callable, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._run import masked

Fetch = Callable[[str], bytes]
"""Downloads an address. Raises OSError or ValueError."""

ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_PUBLIC_KEY = 6
_VERSION_4 = 4


def fetched(repository: Mapping[str, Any], fetch: Fetch) -> bytes:
    """Fetch a repository's key (``key_url``) and hold it against its pins.

    Pins are ``key_sha256`` (of the file), ``key_sha256_without_version`` (of its lines but those that begin with
    "Version", which some signing tools add) and ``key_fingerprint``; all that are given must agree.

    Raises PackageError for a key that can't be fetched, isn't the pinned one, or isn't pinned at all.
    """
    address = str(repository["key_url"])
    try:
        data = fetch(address)
    except (OSError, ValueError) as error:
        raise PackageError("The key %s can't be fetched: %s" % (masked(address), masked(str(error)))) from error
    lines = b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(b"Version"))
    found = {
        "key_sha256": lambda: hashlib.sha256(data).hexdigest(),
        "key_sha256_without_version": lambda: hashlib.sha256(lines).hexdigest(),
        "key_fingerprint": lambda: fingerprint(data),
    }
    pinned = {name: str(repository.get(name) or "") for name in found}
    if not any(pinned.values()):
        raise PackageError("The key %s has no pin to hold it against (%s)." % (masked(address), ", ".join(found)))
    for name, wanted in pinned.items():
        is_now = found[name]() if wanted else ""
        if wanted and is_now.lower() != wanted.replace(" ", "").lower():
            raise PackageError(
                "The key %s is not the pinned one: its %s is %s, expected was %s. Nothing was changed."
                % (masked(address), name.replace("key_", ""), is_now or "unreadable", wanted)
            )
    return data


def is_armoured(data: bytes) -> bool:
    """Whether a key is text; apt and rpm tell by the file's name or content."""
    return ARMOUR in data[:200]


def fingerprint(data: bytes) -> str:
    """Fingerprint of the first key in a file, in upper case; empty where it can't be read.

    RFC 4880, 12.2: SHA-1 over 0x99, the length of the packet's body in two octets, and the body.
    """
    try:
        packet = _dearmoured(data) if is_armoured(data) else data
        tag, body = _first_packet(packet)
    except (ValueError, IndexError, binascii.Error):
        return ""
    if tag != _PUBLIC_KEY or body[:1] != bytes([_VERSION_4]):
        return ""
    hashed = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False)
    return hashed.hexdigest().upper()


def _dearmoured(data: bytes) -> bytes:
    lines = [line.strip() for line in data.split(ARMOUR, 1)[1].splitlines()]
    start = lines.index(b"", 1) if b"" in lines[1:] else 0
    body = []
    for line in lines[start + 1 :]:
        if line.startswith((b"=", b"-----")):
            break
        body.append(line)
    return base64.b64decode(b"".join(body), validate=True)


def _first_packet(data: bytes) -> tuple[int, bytes]:
    """Tag and body of the first packet, in the old or the new format (RFC 4880, 4.2)."""
    head = data[0]
    if not head & 0x80:
        raise ValueError("not a packet")
    if head & 0x40:
        return head & 0x3F, _new_body(data)
    octets = {0: 1, 1: 2, 2: 4}[head & 3] if head & 3 < 3 else 0
    length = int.from_bytes(data[1 : 1 + octets], "big") if octets else len(data)
    return (head >> 2) & 0x0F, data[1 + octets : 1 + octets + length]


def _new_body(data: bytes) -> bytes:
    first = data[1]
    if first < 192:
        return data[2 : 2 + first]
    if first < 224:
        length = ((first - 192) << 8) + data[2] + 192
        return data[3 : 3 + length]
    length = int.from_bytes(data[2:6], "big")
    return data[6 : 6 + length]
