# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""HTTP to pods through the API server: find a ready pod, ask it, try the next one when it is gone."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, List, Mapping, Optional, Protocol

from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import connect
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import (
    Duplex,
    Request,
    Response,
    TlsStream,
    exchange,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._login import resolve
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import (
    Place,
    PodPort,
    Unreachable,
    find,
    refused,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._portforward import open_port
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Client

OpenPort = Callable[[str, str, int, float], Duplex]
"""(namespace, pod, port, timeout in seconds) -> stream. Raises ApiError or OSError."""


@dataclass(frozen=True)
class Tls:
    """How to speak TLS to the pod itself."""

    context: ssl.SSLContext
    server_name: str = ""


class Transport(Protocol):
    """All that a check asks of the way to the pods. Both methods raise Unreachable."""

    def pods(self, place: Place) -> List[PodPort]:
        """Return the ready pods of a place, by name."""

    def ask(self, pod: PodPort, request: Request, tls: Optional[Tls] = None) -> Response:
        """Exchange one request with one pod."""


class PodTransport:
    """The transport over a client of the API server and its port-forward."""

    def __init__(self, client: Client, open_port: OpenPort, timeout: float = 10.0) -> None:
        self.client = client
        self._open_port = open_port
        self._timeout = timeout

    def pods(self, place: Place) -> List[PodPort]:
        """Return the ready pods of a place, by name."""
        return find(self.client, place)

    def ask(self, pod: PodPort, request: Request, tls: Optional[Tls] = None) -> Response:
        """Exchange one request with one pod."""
        try:
            stream = self._open_port(pod.namespace, pod.pod, pod.port, self._timeout)
        except ApiError as error:
            raise refused(pod, error) from error
        except OSError as error:
            raise Unreachable("%s: %s" % (pod, error)) from error
        try:
            if tls is not None:
                stream = TlsStream(stream, tls.context, tls.server_name or pod.pod)
            return exchange(stream, request, host="localhost")
        except OSError as error:
            raise Unreachable("%s: %s" % (pod, _told(error, self._timeout)), sent=request.writes) from error
        finally:
            stream.close()


def ask_any(transport: Transport, place: Place, request: Request, tls: Optional[Tls] = None) -> Response:
    """Ask the first pod that answers.

    A write that may have arrived is not sent to another pod.
    """
    last: Optional[Unreachable] = None
    for pod in transport.pods(place):
        try:
            return transport.ask(pod, request, tls)
        except Unreachable as error:
            if error.fatal or error.sent:
                raise
            last = error
    raise last or Unreachable("%s: no pod" % place)


def _told(error: OSError, timeout: float) -> str:
    """Put a stream's error into words a person can act on."""
    text = str(error)
    if isinstance(error, TimeoutError) or "timed out" in text:
        return "no answer within %g s" % timeout
    if "connection refused" in text.lower():
        return "nothing listens on this port"
    return text or type(error).__name__


def pod_transport(options: Mapping[str, Any], timeout: float = 10.0) -> PodTransport:
    """Make the transport for a task's connection options. Raises ConnectionProblem."""
    endpoint = resolve(options)
    return PodTransport(connect(endpoint), partial(open_port, endpoint), timeout)
