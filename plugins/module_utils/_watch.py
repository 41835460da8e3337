# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Follow collections of objects: one list each, then a watch, by one thread each."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import COMPONENT_LABEL
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Client,
    Object,
    ObjectId,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    items,
    name_of,
    number,
    text,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.news import (
    Collection,
    News,
    Target,
    Trouble,
    collections_of,
)

POLL = 2.0
"""Seconds between two lists where watching isn't possible."""

SLICE = 10.0
"""Seconds a watch lasts before it is renewed, so that a thread that nobody needs any more soon sees it."""

JOIN = 0.1
"""Seconds that all threads together get to end before they are left to end by themselves."""

BACKOFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait after the first, second, ... failure in a row."""

FORBIDDEN = (401, 403, 405)


class Follower:
    """Reads one collection until it is told to stop; a brief one only until all its objects exist."""

    def __init__(
        self,
        client: Client,
        collection: Collection,
        found: queue.SimpleQueue[News],
        go_on: threading.Event,
        stop: threading.Event,
        *,
        brief: bool = False,
    ) -> None:
        self._client = client
        self._collection = collection
        self._found = found
        self._go_on = go_on
        self._stop = stop
        self._by_name = {target.name: target for target in collection.ids}
        self._component = collection.component
        self._path = collection.resource.path(collection.namespace)
        self._stream: Optional[Iterator[Object]] = None
        self._watchable = True
        self._brief = brief
        self._complete = False

    def run(self) -> None:
        """List, then watch, then list again whenever the watch can't go on."""
        failures = 0
        while not self._stop.is_set():
            try:
                version = self._read()
                failures = 0
                if self._brief and self._complete:
                    return
                self._go_on.wait()
                if version and self._watchable:
                    self._watch(version)
                else:
                    self._stop.wait(POLL)
            except ApiError as error:
                self._tell(Trouble(error.status, error.message))
                pause = error.retry_after or BACKOFF[min(failures, len(BACKOFF) - 1)]
                failures += 1
                self._stop.wait(min(pause, BACKOFF[-1]))
            except Exception as error:  # noqa: BLE001 - a thread that dies in silence looks like an object that never gets ready
                self._tell(Trouble(0, "%s: %s" % (type(error).__name__, error)))
                self._stop.wait(BACKOFF[-1])

    def interrupt(self) -> None:
        """Close the stream that the thread is blocked on, where the client's streams allow that."""
        close = getattr(self._stream, "close", None)
        try:
            if close is not None:
                close()
        except (ValueError, OSError):
            pass  # a generator that is running can't be closed from outside; the slice ends it

    def _read(self) -> str:
        """List all targets, or get each where listing is forbidden; the version to watch from, if there is one."""
        query: Dict[str, str] = self._selector()
        try:
            answer = self._client.get(self._path, query)
        except ApiError as error:
            if error.status == 403:
                self._tell(objects={target: self._get(name) for name, target in self._by_name.items()})
                return ""
            if error.status != 404:
                raise
            # The kind isn't served: none of its objects exists.
            self._tell(Trouble(404, "the API server doesn't serve %s" % self._kind()), dict.fromkeys(self._ids()))
            return ""
        objects: Dict[ObjectId, Optional[Object]] = dict.fromkeys(self._ids())
        for item in items(answer, "items"):
            self._sort_in(objects, item)
        for target in [target for target, item in objects.items() if item is None]:
            objects[target] = self._unlabelled(target)
        self._tell(objects=objects)
        return text(answer, "metadata", "resourceVersion")

    def _unlabelled(self, target: ObjectId) -> Optional[Object]:
        """What the selector hid: an object that lost its label. From then on all objects of the kind are read."""
        if not self._component or self._alone:
            return None
        found = self._get(target.name)
        if found is not None:
            self._component = ""
        return found

    def _get(self, name: str) -> Optional[Object]:
        try:
            return self._typed(self._client.get(self._collection.resource.path(self._collection.namespace, name)))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _watch(self, version: str) -> None:
        """Follow the changes from a version on; returns when a new list is needed."""
        selector = self._selector()
        while not self._stop.is_set():
            query = {
                **selector,
                "watch": "true",
                "resourceVersion": version,
                "allowWatchBookmarks": "true",
                "timeoutSeconds": str(int(SLICE)),
            }
            try:
                self._stream = self._client.watch(self._path, query, SLICE)
                for event in self._stream:
                    if self._stop.is_set():
                        return
                    version = self._learn(event) or version
                    if self._selector() != selector:
                        return
            except ApiError as error:
                if error.status == 410:
                    return
                if error.status in FORBIDDEN:
                    self._watchable = False
                    return
                raise
            finally:
                self._stream = None

    def _learn(self, event: Mapping[str, Any]) -> str:
        """Take one event in; the version it brings."""
        kind, obj = text(event, "type"), event.get("object")
        if kind == "ERROR":
            raise ApiError(number(obj, "code"), text(obj, "reason"), text(obj, "message"))
        if kind in ("ADDED", "MODIFIED", "DELETED") and isinstance(obj, dict):
            objects: Dict[ObjectId, Optional[Object]] = {}
            self._sort_in(objects, obj)
            if kind == "DELETED":
                objects = {target: self._unlabelled(target) for target in objects}
            if objects:
                self._tell(objects=objects)
        return text(obj, "metadata", "resourceVersion")

    def _sort_in(self, objects: Dict[ObjectId, Optional[Object]], item: Mapping[str, Any]) -> None:
        target = self._by_name.get(name_of(item))
        if target is not None:
            objects[target] = self._typed(item)

    def _typed(self, item: Mapping[str, Any]) -> Object:
        """The items of a list say neither their kind nor their version."""
        resource = self._collection.resource
        return {"apiVersion": resource.api_version, "kind": resource.kind, **item}

    @property
    def _alone(self) -> bool:
        return len(self._by_name) == 1

    def _selector(self) -> Dict[str, str]:
        """What leaves out everybody else's objects."""
        if self._alone:
            return {"fieldSelector": "metadata.name=%s" % next(iter(self._by_name))}
        return {"labelSelector": "%s=%s" % (COMPONENT_LABEL, self._component)} if self._component else {}

    def _ids(self) -> List[ObjectId]:
        return list(self._by_name.values())

    def _kind(self) -> str:
        resource = self._collection.resource
        return "%s of %s" % (resource.kind, resource.api_version)

    def _tell(
        self, trouble: Optional[Trouble] = None, objects: Optional[Mapping[ObjectId, Optional[Object]]] = None
    ) -> None:
        self._complete = objects is not None and None not in objects.values()
        self._found.put(News(self._collection, objects or {}, trouble))


class Watches:
    """Follows all collections of a set of targets. brief: which of them are done with once all is there."""

    def __init__(
        self,
        client: Client,
        targets: Sequence[Target],
        brief: Callable[[Collection], bool] = lambda _collection: False,
    ) -> None:
        self._found: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._go_on = threading.Event()
        self._stop = threading.Event()
        self._followers = [
            Follower(client, collection, self._found, self._go_on, self._stop, brief=brief(collection))
            for collection in collections_of(targets)
        ]
        self._threads = [
            threading.Thread(target=follower.run, name="watch", daemon=True) for follower in self._followers
        ]

    def start(self) -> None:
        """Begin with one list per collection."""
        for thread in self._threads:
            thread.start()

    def follow(self) -> None:
        """Go on with watches."""
        self._go_on.set()

    def news(self) -> List[News]:
        """What was read since the last call."""
        found: List[News] = []
        while not self._found.empty():
            found.append(self._found.get())
        return found

    def stop(self) -> None:
        """End all reading; a thread still blocked on a read ends with it, and never outlives the process."""
        self._stop.set()
        self._go_on.set()
        for follower in self._followers:
            follower.interrupt()
        patience = JOIN
        for thread in self._threads:
            if thread.is_alive():
                began = time.monotonic()
                thread.join(timeout=patience)
                patience = max(0.0, patience - (time.monotonic() - began))
