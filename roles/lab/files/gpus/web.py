# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and logins, as exporters take them (prometheus/exporter-toolkit, docs/web-configuration.md)."""

from __future__ import annotations

import crypt
import hmac
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import yaml

Users = Mapping[str, str]
Settings = tuple[ssl.SSLContext | None, Callable[[str, str], bool] | None]


def settings(path: str) -> Settings:
    """How to serve: the certificate's context, and who may come in. Raises OSError and ValueError."""
    found = yaml.safe_load(Path(path).read_text(encoding="utf-8")) if path else {}
    unknown = set(found) - {"tls_server_config", "basic_auth_users"}
    if unknown:
        raise ValueError(f"{path} has {', '.join(sorted(unknown))}, which this stand-in doesn't know")
    tls, users = found.get("tls_server_config"), found.get("basic_auth_users")
    return _context(Path(path).parent, tls) if tls else None, partial(may, users) if users else None


def _context(folder: Path, tls: Mapping[str, str]) -> ssl.SSLContext:
    """Paths are relative to the file with the settings."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / tls["cert_file"], folder / tls["key_file"])
    return context


def may(users: Users, name: str, password: str) -> bool:
    """Whether somebody may come in, by the bcrypt hash of their password."""
    # What htpasswd writes as $2y$ is what everybody else calls $2b$.
    wanted = users.get(name, "").replace("$2y$", "$2b$", 1)
    return bool(wanted) and hmac.compare_digest(crypt.crypt(password, wanted) or "", wanted)
