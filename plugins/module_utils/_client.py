# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The engine's HTTP client: one pool, discovery once, calls that can be repeated are."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Protocol
from urllib.parse import urlencode

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _discovery, _transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import RETRIED, Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._requests import (
    decode,
    headers_of,
    no_answer,
    refusal,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Client,
    Object,
    Resource,
)

READ_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
"""How long a call that can be repeated is repeated."""
FIRST_PATIENCE_SECONDS = 3.0
"""The same before the server ever answered: a wrong address should be said soon."""
_WARNING = re.compile(r'^299 \S+ "(?P<text>.*)"$')


class EngineClient(Client, Protocol):
    """What the engine asks beyond the common protocol."""

    def resources(self) -> List[Resource]:
        """All kinds that the server serves."""

    def warnings(self) -> List[str]:
        """What the server warned of, each text once."""


class HttpClient:
    """Implements EngineClient over urllib3. Safe to use from several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        pool: Optional[Any] = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.endpoint = endpoint
        self._pool = pool if pool is not None else _transport.pool(endpoint)
        self._headers = headers_of(endpoint)
        self._clock, self._sleep, self._patience = clock, sleep, patience
        self._answered = False
        self._lock = threading.Lock()
        self._kinds: Optional[Dict[_discovery.Key, Resource]] = None
        self._warnings: Dict[str, None] = {}

    def get(self, path: str, query: Optional[Mapping[str, str]] = None) -> Object:
        """GET and decode JSON."""
        return decode(self._call("GET", path, query), path)

    def send(
        self,
        method: str,
        path: str,
        body: Optional[Any] = None,
        query: Optional[Mapping[str, str]] = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send a body and decode the JSON answer."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode("utf-8")
        extra = {"Content-Type": content_type} if raw is not None else {}
        return decode(self._call(method, path, query, raw, extra), path)

    def text(self, path: str, query: Optional[Mapping[str, str]] = None) -> str:
        """GET plain text."""
        return self._call("GET", path, query, None, {"Accept": "*/*"}).decode("utf-8", "replace")

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Iterator[Object]:
        """Yield watch events until the server or the timeout ends the stream."""
        seconds = max(1, int(timeout))
        asked = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        response = self._request("GET", path, asked, None, {}, read=timeout + 5.0, stream=True)
        buffer = b""
        try:
            _accept(response)
            for chunk in response.stream(65536, decode_content=True):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield json.loads(line)
        except ApiError:
            raise
        except Exception as exc:  # urllib3 and sockets raise many kinds when a stream breaks
            raise no_answer(self.endpoint, exc) from exc
        finally:
            # A stream that is left halfway can't be used again.
            response.close()

    def resource(self, api_version: str, kind: str) -> Optional[Resource]:
        """Look a kind up; the server is asked once."""
        return self._discovered().get((api_version, kind))

    def resources(self) -> List[Resource]:
        """All kinds that the server serves."""
        return list(self._discovered().values())

    def forget_discovery(self) -> None:
        """Ask the server again at the next look-up."""
        with self._lock:
            self._kinds = None

    def warnings(self) -> List[str]:
        """What the server warned of, each text once, in order."""
        with self._lock:
            return list(self._warnings)

    def _discovered(self) -> Dict[_discovery.Key, Resource]:
        with self._lock:
            kinds = self._kinds
        if kinds is None:
            kinds = _discovery.discover(lambda path, extra: decode(self._call("GET", path, None, None, extra), path))
            with self._lock:
                self._kinds = kinds
        return kinds

    def _call(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, str]] = None,
        body: Optional[bytes] = None,
        extra: Optional[Mapping[str, str]] = None,
    ) -> bytes:
        started, attempt, renewed = self._clock(), 0, False
        while True:
            try:
                return self._once(method, path, query, body, extra or {})
            except ApiError as error:
                answer = classify(error)
                if answer is Answer.UNAUTHENTICATED and not renewed and self._renew_token():
                    renewed = True
                    continue
                if answer not in RETRIED or not _repeatable(method, answer):
                    raise
                patience = self._patience if self._answered else min(self._patience, FIRST_PATIENCE_SECONDS)
                pause = _pause(attempt, error.retry_after)
                if self._clock() - started + pause > patience:
                    raise
                self._sleep(pause)
                attempt += 1

    def _once(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, str]],
        body: Optional[bytes],
        extra: Mapping[str, str],
    ) -> bytes:
        response = self._request(method, path, query, body, extra)
        self._answered = True
        for value in response.headers.getlist("Warning"):
            match = _WARNING.match(value)
            with self._lock:
                self._warnings[match.group("text").replace('\\"', '"') if match else value] = None
        if response.status >= 400:
            raise refusal(response.status, response.headers, response.data)
        data: bytes = response.data
        return data

    def _request(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, str]],
        body: Optional[bytes],
        extra: Mapping[str, str],
        *,
        read: float = READ_SECONDS,
        stream: bool = False,
    ) -> Any:
        url = self.endpoint.server + path + ("?" + urlencode(query) if query else "")
        with self._lock:
            headers = self._headers.copy()
        for name, value in extra.items():
            headers[name] = value
        try:
            return self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=_timeout(read),
                preload_content=not stream,
                redirect=False,
            )
        except Exception as exc:  # urllib3's HTTPError family, ssl and socket errors
            raise no_answer(self.endpoint, exc) from exc

    def _renew_token(self) -> bool:
        """Read the token file again, as a rotated token looks like an expired one."""
        if not self.endpoint.token_file:
            return False
        try:
            with open(self.endpoint.token_file, encoding="utf-8") as stream:
                header = "Bearer " + stream.read().strip()
        except OSError:
            return False
        with self._lock:
            changed = bool(self._headers.get("Authorization") != header)
            self._headers["Authorization"] = header
        return changed


def _accept(response: Any) -> None:
    """Raise the refusal that a stream began with."""
    if response.status >= 400:
        raise refusal(response.status, response.headers, response.read())


def _repeatable(method: str, answer: Answer) -> bool:
    """A refused call can always be repeated, one without an answer only if doing it twice is doing it once."""
    return method != "POST" or answer is Answer.THROTTLED


def _pause(attempt: int, retry_after: Optional[float]) -> float:
    """Seconds before the next try: doubling with jitter, and never sooner than the server asks."""
    backoff: float = min(5.0, 0.25 * 2**attempt)
    return max(retry_after or 0.0, backoff * random.uniform(0.5, 1.0))  # noqa: S311 (spreads retries)


def _timeout(read: float) -> Any:
    return _transport.urllib3.Timeout(connect=_transport.CONNECT_SECONDS, read=read)


def connect(endpoint: Endpoint) -> HttpClient:
    """Make a client; nothing is sent yet."""
    return HttpClient(endpoint)
