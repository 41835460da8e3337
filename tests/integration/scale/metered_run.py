# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rollout in a process of its own, which tells what it asked of the server and how much memory it took.

Reads {"options": ..., "file": path of the manifests} from stdin and writes one JSON object to stdout.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine, _loader, _transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request

PLURALS_AT = {"api": 2, "apis": 3}


class Meter:
    """Counts calls by verb and kind, and the bytes that came back."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.received = 0
        self.sent = 0
        self._lock = threading.Lock()

    def note(self, call: str, sent: int) -> None:
        """Count a call."""
        with self._lock:
            self.calls[call] += 1
            self.sent += sent

    def take(self, size: int) -> None:
        """Count what came back."""
        with self._lock:
            self.received += size


class MeteredPool:
    """Stands before the real pool of connections."""

    def __init__(self, pool: Any, meter: Meter) -> None:
        self._pool = pool
        self._meter = meter

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Pass a call on."""
        self._meter.note(named(method, url), len(options.get("body") or b""))
        answer = self._pool.request(method, url, **options)
        if options.get("preload_content", True):
            self._meter.take(len(answer.data))
        else:
            whole = answer.stream

            def stream(*args: Any, **kwargs: Any) -> Any:
                for chunk in whole(*args, **kwargs):
                    self._meter.take(len(chunk))
                    yield chunk

            answer.stream = stream
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def named(method: str, url: str) -> str:
    """A call as a verb and what it is about: ``list configmaps``, ``get namespaces``, ``dry-run deployments``."""
    address = urlsplit(url)
    query = parse_qs(address.query)
    parts = address.path.strip("/").split("/")
    rest = parts[PLURALS_AT.get(parts[0], len(parts)) :]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    if not rest:
        return "discover"
    verb = "watch" if "watch" in query else "dry-run" if "dryRun" in query else method.lower()
    if verb == "get" and len(rest) == 1:
        verb = "list"
    return f"{verb} {'/'.join((rest[0], *rest[2:]))}"


def peak_mb() -> float:
    """The most memory this program held. (ru_maxrss would start from what the process held that started it.)"""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) / 1024 for line in stream if line.startswith("VmHWM:"))


def main() -> None:
    """Run once."""
    wanted = json.load(sys.stdin)
    meter = Meter()
    real = _transport.pool
    _transport.pool = lambda endpoint: MeteredPool(real(endpoint), meter)
    with open(wanted["file"], encoding="utf-8") as stream:
        manifests = _loader.load(stream.read(), "set.yaml")
    lines: list[tuple[float, str]] = []
    started = time.monotonic()
    request = Request.of(wanted["options"], manifests, check_mode=False, diff=False)
    say = lambda line: lines.append((round(time.monotonic() - started, 2), line))  # noqa: E731
    try:
        result = _engine.run(request, say, environ={})
    except RolloutError as error:
        result = {**error.result, "msg": error.message}
    seconds = time.monotonic() - started
    objects = result.pop("objects", [])
    report = {
        "result": result,
        "verdicts": Counter(entry["verdict"] for entry in objects),
        "ended": time.time(),
        "lines": lines,
        "calls": meter.calls,
        "received": meter.received,
        "sent": meter.sent,
        "seconds": seconds,
        "peak_mb": peak_mb(),
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
