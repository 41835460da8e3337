# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The kinds of one server: asked once, kept, and asked again while a part of its API is down."""

from __future__ import annotations

import threading
from typing import Callable, Dict, FrozenSet, List, Optional, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _discovery
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, Resource

STALE_SECONDS = 10.0
"""How long an aggregated API that is down is asked for again before its kinds are given up."""

REGISTRATIONS = "/apis/apiregistration.k8s.io/v1/apiservices/"


class Kinds:
    """Discovery, cached. Safe to use from several threads; raises ApiError."""

    def __init__(
        self,
        fetch: _discovery.Fetch,
        once: Callable[[str], Object],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """fetch: GET with extra headers, patiently. once: GET without patience, for what only explains an error."""
        self._fetch, self._once = fetch, once
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._known: Optional[Dict[_discovery.Key, Resource]] = None
        self._stale: FrozenSet[str] = frozenset()
        self._missed: Set[str] = set()

    def all(self) -> List[Resource]:
        """All kinds that the server serves."""
        return list(self._discovered().values())

    def find(self, api_version: str, kind: str) -> Optional[Resource]:
        """One kind; None where the server doesn't serve it. Raises ApiError where it can't know that just now."""
        found = self._discovered().get((api_version, kind))
        if found is None and api_version in self._stale:
            found = self._find_stale(api_version, kind)
        return found

    def forget(self) -> None:
        """Ask the server again at the next look-up."""
        with self._lock:
            self._known = None

    def blame(self, path: str) -> str:
        """Why an aggregated API that serves a path isn't available; empty where that is well or can't be known."""
        parts = path.split("/")
        if parts[1:2] != ["apis"] or len(parts) < 5 or path.startswith(REGISTRATIONS):
            return ""
        return self._complaint("%s.%s" % (parts[3], parts[2]))

    def _find_stale(self, api_version: str, kind: str) -> Optional[Resource]:
        deadline = self._clock() + (0.0 if api_version in self._missed else STALE_SECONDS)
        while api_version in self._stale:
            if self._clock() >= deadline:
                self._missed.add(api_version)
                group, _slash, version = api_version.rpartition("/")
                name = "%s.%s" % (version, group)
                why = self._complaint(name) or "the APIService %s is down" % name
                text = "whether there is a kind %s in %s isn't known now: %s" % (kind, api_version, why)
                raise ApiError(503, "ServiceUnavailable", text)
            self._sleep(1.0)
            self.forget()
            self._discovered()
        return self._discovered().get((api_version, kind))

    def _complaint(self, name: str) -> str:
        try:
            return _discovery.complaint(name, self._once(REGISTRATIONS + name))
        except ApiError:
            return ""

    def _discovered(self) -> Dict[_discovery.Key, Resource]:
        with self._lock:
            known = self._known
        if known is None:
            known, stale = _discovery.survey(self._fetch)
            with self._lock:
                self._known, self._stale = known, stale
        return known
