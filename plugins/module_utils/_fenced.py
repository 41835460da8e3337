# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A client that writes only while the component's Lease is held."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Iterator, List, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leaseholder import Leaseholder
from ansible_collections.openhands.gpu_observability.plugins.module_utils._retry import QUESTIONS
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, Resource

DRAIN_SECONDS = 5.0
"""How long an interrupted run waits for answers to what it already sent."""

HURRY_SECONDS = 2.0
"""How long calls are repeated from then on."""


class Fenced:
    """Implements EngineClient. Every write asks the Lease first; reads pass through."""

    def __init__(self, client: EngineClient, lease: Leaseholder) -> None:
        self._client = client
        self._lease = lease
        self._flying = 0
        self._landed = threading.Condition()
        if hasattr(client, "before_retry"):
            # What is sent again after a pause must ask again: the Lease may be somebody else's by then.
            client.before_retry = lease.check

    @property
    def idle(self) -> bool:
        """Whether no write is on its way."""
        return self._flying == 0

    def settle(self) -> None:
        """Wait a little for writes on their way, of threads that an interrupt left behind; repeat hardly any call."""
        hurry = getattr(self._client, "hurry", None)
        if hurry is not None:
            hurry(HURRY_SECONDS)
        deadline = time.monotonic() + DRAIN_SECONDS
        with self._landed:
            while self._flying and time.monotonic() < deadline:
                self._landed.wait(0.2)

    def send(
        self,
        method: str,
        path: str,
        body: Optional[Any] = None,
        query: Optional[Mapping[str, str]] = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send a body; a write only while the Lease is held."""
        if (query or {}).get("dryRun") or path.startswith(QUESTIONS):
            return self._client.send(method, path, body, query, content_type)
        with self._landed:
            self._flying += 1
        return _apart(lambda: self._write(method, path, body, query, content_type))

    def _write(
        self, method: str, path: str, body: Any, query: Optional[Mapping[str, str]], content_type: str
    ) -> Object:
        try:
            self._lease.ensure(method, path)
            return self._client.send(method, path, body, query, content_type)
        finally:
            with self._landed:
                self._flying -= 1
                self._landed.notify_all()

    def get(self, path: str, query: Optional[Mapping[str, str]] = None) -> Object:
        """GET; what is read of the record is remembered, to see whether another run wrote it."""
        if path != self._lease.record_path:
            return self._client.get(path, query)
        try:
            answer = self._client.get(path, query)
        except ApiError as error:
            if classify(error) is Answer.NOT_FOUND:
                self._lease.record_version = ""
            raise
        self._lease.record_version = str(answer["metadata"].get("resourceVersion") or "")
        return answer

    def metadata(self, path: str) -> Object:
        """GET an object without its content."""
        return self._client.metadata(path)

    def warnings(self) -> List[str]:
        """What the server warned of, and who else is at work."""
        return [*self._client.warnings(), *self._lease.notes]

    def text(self, path: str, query: Optional[Mapping[str, str]] = None) -> str:
        """GET plain text."""
        return self._client.text(path, query)

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Iterator[Object]:
        """Watch."""
        return self._client.watch(path, query, timeout)

    def resource(self, api_version: str, kind: str) -> Optional[Resource]:
        """Look a kind up."""
        return self._client.resource(api_version, kind)

    def resources(self) -> List[Resource]:
        """All kinds."""
        return self._client.resources()

    def forget_discovery(self) -> None:
        """Ask again at the next look-up."""
        self._client.forget_discovery()


def _apart(call: Callable[[], Object]) -> Object:
    """Call outside of the main thread: a signal raises there, and would drop a write whose answer is on its way."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    answers: List[Object] = []
    errors: List[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001 (raised again by the caller's thread)
            errors.append(error)

    thread = threading.Thread(target=work, name="write", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]
