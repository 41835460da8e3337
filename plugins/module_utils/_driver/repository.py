# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The vendor's package repository for a host, or a mirror of it. Pure.

Addresses, key files and the checksums of the rpm keys (of the file without its "Version" line) as in
NVIDIA/gpu-driver-container rhel9/Dockerfile, rhel10/Dockerfile and ubuntu24.04/install.sh. Debian 13 has a key of its
own. Fingerprints as several public projects pin them; that of EL 10's key was not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import ARCHITECTURES, Distro

BASE = "https://developer.download.nvidia.com/compute/cuda/repos"
NAME = "nvidia-cuda"
ORIGIN = "NVIDIA"


@dataclass(frozen=True)
class Key:
    """A signing key. ``sha256`` is of the key file with lines that begin with "Version" taken out."""

    file: str
    fingerprint: str = ""
    sha256: str = ""


_APT = Key("3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC")
KEYS: Mapping[str, Key] = {
    "ubuntu2204": _APT,
    "ubuntu2404": _APT,
    "debian12": _APT,
    "debian13": Key("8793F200.pub", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
    "rhel9": Key(
        "D42D0685.pub",
        "610C7B14E068A878070DA4E99CD0A493D42D0685",
        "d0664fbbdb8c32356d45de36c5984617217b2d0bef41b93ccecd326ba3b80c87",
    ),
    "rhel10": Key("CDF6BA43.pub", "", "afbea87d3b979b3788ef34223aeeb323ade481128e2c133723ae99b8a51368bb"),
}


def vendor(distro: Distro, architecture: str, mirror: str) -> Dict[str, Any]:
    """The repository as a dict. mirror: an address that replaces the one up to and with ``repos``."""
    uri = "/".join([(mirror or BASE).rstrip("/"), distro.vendor, ARCHITECTURES[architecture]])
    key = KEYS[distro.vendor]
    return {
        "family": distro.package_manager,
        "name": NAME,
        "uri": uri + "/",
        "suite": "/" if distro.package_manager == "apt" else "",
        "components": [],
        "origin": ORIGIN,
        "key_url": "%s/%s" % (uri, key.file),
        "key_fingerprint": key.fingerprint,
        "key_sha256": "",
        "key_sha256_without_version": key.sha256,
        "requires": requires(distro),
    }


def requires(distro: Distro) -> List[str]:
    """Repositories beside it that its packages take things from: EPEL has dkms, CRB what EPEL builds on."""
    return ["epel", "crb"] if distro.family == "el" else []


def components(distro: Distro, source: str) -> List[str]:
    """What of the distribution's own archive must be enabled."""
    if source == "vendor":
        return ["main", "contrib"] if distro.family == "debian" else []
    return list(distro.components)
