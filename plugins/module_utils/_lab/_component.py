# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One component of the lab as the role's table names it, and the question whether it is healthy."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._process import MARKER

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Component:
    """A process of the lab. ``health`` is an http(s) address or the path of a socket."""

    name: str
    argv: Tuple[str, ...]
    files: Tuple[str, ...]
    health: str
    version: str
    package: str = ""
    """Debian package whose version it has, where it isn't one of our own binaries."""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Component:
        """Read one entry of the ``components`` option."""
        return cls(
            name=str(options["name"]),
            argv=tuple(str(item) for item in options["argv"]),
            files=tuple(str(item) for item in options.get("files") or ()),
            health=str(options["health"]),
            version=str(options.get("version") or ""),
            package=str(options.get("package") or ""),
        )


COMPONENT_SPEC: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str", "required": True},
    "files": {"type": "list", "elements": "str", "default": []},
    "health": {"type": "str", "required": True},
    "version": {"type": "str", "default": ""},
    "package": {"type": "str", "default": ""},
}


@dataclass(frozen=True)
class Paths:
    """Where a lab keeps what; everything lies below one state folder."""

    state: str

    @property
    def run(self) -> str:
        """What does not outlive a boot."""
        return os.path.join(self.state, "run")

    def pid_file(self, name: str) -> str:
        return os.path.join(self.run, name + ".pid")

    def log(self, name: str) -> str:
        return os.path.join(self.state, "log", name + ".log")

    def pki(self, name: str) -> str:
        return os.path.join(self.state, "pki", name)


def environment(state_dir: str) -> Dict[str, str]:
    """The whole environment of a component: nothing is inherited, least of all a proxy."""
    return {"PATH": SEARCH_PATH, "HOME": state_dir, MARKER: state_dir}


def unhealthy(health: str, pki: Optional[Paths], timeout: float) -> Optional[str]:
    """Why the component does not answer, or None when it does."""
    try:
        if health.startswith("/"):
            return _ask_socket(health, timeout)
        return _ask_http(health, pki, timeout)
    except (OSError, ValueError) as error:
        return f"{health}: {error}"


def _ask_socket(path: str, timeout: float) -> Optional[str]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
    return None


def _ask_http(address: str, pki: Optional[Paths], timeout: float) -> Optional[str]:
    status, body = ask(address, pki, timeout)
    if status == http.client.OK:
        return None
    return f"{address}: HTTP {status} {body[:200].decode(errors='replace').strip()}"


def ask(address: str, pki: Optional[Paths], timeout: float) -> Tuple[int, bytes]:
    """Status and body of a GET, over https with the lab's own authority and the administrator's certificate.

    Raises OSError when there is no answer, ValueError when what answers does not speak HTTP.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=pki.pki("ca.crt") if pki else None)
        if pki:
            context.load_cert_chain(pki.pki("admin.crt"), pki.pki("admin.key"))
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise ValueError(f"no HTTP answer: {error!r}") from error
    finally:
        connection.close()
