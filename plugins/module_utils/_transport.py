# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""An endpoint as a pool of keep-alive connections. Keys stay in memory."""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, Optional
from urllib.parse import urlsplit

from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    ConnectionProblem,
    MissingLibrary,
)

CONNECTIONS = 16
CONNECT_SECONDS = 10.0

try:
    import urllib3 as _library
except ImportError:  # pragma: no cover
    _library = None  # type: ignore[assignment]

urllib3: Any = _library


def pool(endpoint: Endpoint) -> Any:
    """Open a pool (urllib3's PoolManager or ProxyManager) for the endpoint."""
    if urllib3 is None:  # pragma: no cover
        raise MissingLibrary("The Python library urllib3 is needed to talk to an API server: install it.")
    address = urlsplit(endpoint.server)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ConnectionProblem(
            "%s: the server %s isn't an address like https://name:6443." % (endpoint.origin, endpoint.server)
        )
    options: Dict[str, Any] = {"maxsize": CONNECTIONS, "block": False, "retries": False}
    if address.scheme == "https":
        options["ssl_context"] = context(endpoint)
        if endpoint.tls_server_name:
            options["server_hostname"] = endpoint.tls_server_name
        elif endpoint.verify and leaves_addresses_out(address.hostname):
            options["ssl_context"].check_hostname = False
            options["assert_hostname"] = address.hostname
    if endpoint.proxy and not bypassed(address.hostname, endpoint.no_proxy):
        if endpoint.proxy.startswith("socks"):
            raise ConnectionProblem("%s: a SOCKS proxy isn't supported; use an http proxy." % endpoint.origin)
        return urllib3.ProxyManager(endpoint.proxy, proxy_headers=endpoint.proxy_headers or None, **options)
    return urllib3.PoolManager(**options)


def leaves_addresses_out(host: str) -> bool:
    """Whether this urllib3 gives Python's TLS no name to compare for an IP address.

    Releases before 2.0 (Debian 12's, RHEL 9's) don't; they compare the certificate themselves where they are told to.
    """
    if int(str(urllib3.__version__).partition(".")[0]) >= 2:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def header_class() -> Any:
    """urllib3's HTTPHeaderDict, which its releases before 2.0 (Debian 12's, for one) don't hand out themselves."""
    return getattr(urllib3, "HTTPHeaderDict", None) or urllib3.response.HTTPHeaderDict


def bypassed(host: str, no_proxy: str) -> bool:
    """Whether a host is excepted from the proxy by a comma-separated list of names and domains."""
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        name = entry.lstrip(".")
        if entry == "*" or (name and (host.lower() == name or host.lower().endswith("." + name))):
            return True
    return False


def context(endpoint: Endpoint) -> ssl.SSLContext:
    """Build the TLS context; a bad CA or key is named."""
    try:
        made = ssl.create_default_context(cadata=endpoint.ca.decode("ascii") if endpoint.ca else None)
    except (ssl.SSLError, ValueError) as exc:
        raise ConnectionProblem("%s: the CA certificate can't be used: %s." % (endpoint.origin, exc)) from exc
    if not endpoint.verify:
        # Somebody chose this; a warning for every request helps nobody.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if endpoint.client_cert:
        try:
            with ExitStack() as held:
                certificate = held.enter_context(memory_file(endpoint.client_cert))
                key = held.enter_context(memory_file(endpoint.client_key)) if endpoint.client_key else None
                made.load_cert_chain(certificate, key)
        except (ssl.SSLError, OSError) as exc:
            raise ConnectionProblem(
                "%s: the client certificate or key can't be used: %s." % (endpoint.origin, exc)
            ) from exc
    return made


@contextmanager
def memory_file(content: Optional[bytes]) -> Iterator[str]:
    """A path that reads as the content, on no disk where the system can do that."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        try:
            os.write(descriptor, content or b"")
            yield "/proc/self/fd/%d" % descriptor
        finally:
            os.close(descriptor)
        return
    # Elsewhere (macOS) OpenSSL needs a real file: ours alone, and gone right after it was read.
    with tempfile.NamedTemporaryFile() as stream:
        stream.write(content or b"")
        stream.flush()
        yield stream.name
