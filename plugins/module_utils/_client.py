# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The engine's HTTP client: one pool, discovery once, calls that can be repeated are."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol
from urllib.parse import urlencode

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._kinds import Kinds
from ansible_collections.openhands.gpu_observability.plugins.module_utils._requests import (
    decode,
    headers_of,
    no_answer,
    refusal,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._retry import Attempt, Patience
from ansible_collections.openhands.gpu_observability.plugins.module_utils._stream import Stream
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Client,
    Object,
    Resource,
)

READ_SECONDS = 60.0
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_WARNING = re.compile(r'^299 \S+ "(?P<text>.*)"$')


class EngineClient(Client, Protocol):
    """What the engine asks beyond the common protocol."""

    def resources(self) -> List[Resource]:
        """All kinds that the server serves."""

    def metadata(self, path: str) -> Object:
        """GET an object without its content: kind and metadata alone."""

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
        patience: Optional[float] = None,
    ) -> None:
        self.endpoint = endpoint
        self._pool = pool if pool is not None else _transport.pool(endpoint)
        self._headers = headers_of(endpoint)
        self._clock, self._sleep = clock, sleep
        self._patience = Patience(clock, patience)
        self.before_retry: Callable[[str], None] = lambda _path: None
        """Called with the path before a write is sent again; may raise."""
        self._lock = threading.Lock()
        self._kinds = Kinds(self._fetch, self._fetch_once, clock, sleep)
        self._warnings: Dict[str, None] = {}

    def get(self, path: str, query: Optional[Mapping[str, str]] = None) -> Object:
        """GET and decode JSON."""
        return decode(self._call("GET", path, query), path)

    def metadata(self, path: str) -> Object:
        """GET an object without its content."""
        return decode(self._call("GET", path, None, None, {"Accept": METADATA}), path)

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
        unversioned = method == "PATCH" and isinstance(body, dict) and "resourceVersion" not in body.get("metadata", {})
        return decode(self._call(method, path, query, raw, extra, unversioned=unversioned), path)

    def text(self, path: str, query: Optional[Mapping[str, str]] = None) -> str:
        """GET plain text."""
        return self._call("GET", path, query, None, {"Accept": "*/*"}).decode("utf-8", "replace")

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Stream:
        """Watch events until the server, the timeout or its ``close()`` ends the stream."""
        seconds = max(1, int(timeout))
        asked = {**query, "watch": "true", "timeoutSeconds": str(seconds)}

        def begin() -> Any:
            response = self._request("GET", path, asked, None, {}, read=timeout + 5.0, stream=True)
            try:
                _accept(response)
            except BaseException:
                response.close()
                raise
            return response

        return Stream(begin, lambda exc: no_answer(self.endpoint, exc))

    def hurry(self, seconds: float = 0.0) -> None:
        """Repeat calls for no longer than this from now on: the run is to end."""
        self._patience.hurry(seconds)

    def resource(self, api_version: str, kind: str) -> Optional[Resource]:
        """Look a kind up; the server is asked once."""
        return self._kinds.find(api_version, kind)

    def resources(self) -> List[Resource]:
        """All kinds that the server serves."""
        return self._kinds.all()

    def forget_discovery(self) -> None:
        """Ask the server again at the next look-up."""
        self._kinds.forget()

    def warnings(self) -> List[str]:
        """What the server warned of, each text once, in order."""
        with self._lock:
            return list(self._warnings)

    def _fetch(self, path: str, extra: Mapping[str, str]) -> Object:
        return decode(self._call("GET", path, None, None, extra), path)

    def _fetch_once(self, path: str) -> Object:
        return decode(self._once("GET", path, None, None, {}), path)

    def _call(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, str]] = None,
        body: Optional[bytes] = None,
        extra: Optional[Mapping[str, str]] = None,
        *,
        unversioned: bool = False,
    ) -> bytes:
        dry_run = bool(query and query.get("dryRun"))
        attempt, renewed = Attempt(method, path, self._clock(), dry_run, unversioned), False
        while True:
            try:
                if attempt.number and method != "GET" and not dry_run:
                    self.before_retry(path)
                return self._once(method, path, query, body, extra or {})
            except ApiError as error:
                if classify(error) is Answer.UNAUTHENTICATED and not renewed and self._renew_token():
                    renewed = True
                    continue
                try:
                    pause = self._patience.pause(attempt, error)
                except ApiError as final:
                    raise self._blamed(final, path) from error
                self._sleep(pause)
                attempt.number += 1

    def _blamed(self, error: ApiError, path: str) -> ApiError:
        """Name the APIService where another server, which is down, serves this part of the API."""
        why = self._kinds.blame(path) if error.status == 503 else ""
        return ApiError(error.status, error.reason, "%s; %s" % (error.message, why), error.details) if why else error

    def _once(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, str]],
        body: Optional[bytes],
        extra: Mapping[str, str],
    ) -> bytes:
        response = self._request(method, path, query, body, extra)
        self._patience.answered = True
        for value in response.headers.getlist("Warning"):
            match = _WARNING.match(value)
            with self._lock:
                self._warnings[match.group("text").replace('\\"', '"') if match else value] = None
        if response.status >= 400:
            raise refusal(response.status, response.headers, response.data)
        self._patience.succeeded(path)
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


def _timeout(read: float) -> Any:
    return _transport.urllib3.Timeout(connect=_transport.CONNECT_SECONDS, read=read)


def connect(endpoint: Endpoint) -> HttpClient:
    """Make a client; nothing is sent yet."""
    return HttpClient(endpoint)
