# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A probe: one HTTP request to a pod, repeated until the answer is the one awaited."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import Tls, Transport, ask_any
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable

try:
    import jmespath
except ImportError:
    JMESPATH_ERROR: Optional[str] = traceback.format_exc()
else:
    JMESPATH_ERROR = None

_SECRET_WORDS = ("authorization", "cookie", "token", "secret", "password", "api-key", "apikey")
_CONTENT_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded", "raw": "text/plain"}


@dataclass(frozen=True)
class Probe:
    """What to ask, what to accept, and how long to go on asking (seconds)."""

    place: Place
    request: Request
    status_code: Sequence[int] = (200,)
    until: str = ""
    timeout: float = 60.0
    interval: float = 2.0
    tls: Optional[Tls] = None


@dataclass(frozen=True)
class Outcome:
    """The last answer, if any, and why it was not the awaited one."""

    matched: bool
    response: Optional[Response]
    reason: str
    attempts: int
    seconds: float


Until = Callable[[Response], Tuple[bool, str]]


def encode_body(body: Any, body_format: str) -> Tuple[Optional[bytes], Mapping[str, str]]:
    """Return the bytes of a body and the headers that go with it. Raises ValueError for a mismatch."""
    if body is None:
        return None, {}
    headers = {"Content-Type": _CONTENT_TYPES[body_format]}
    if body_format == "json":
        return (body if isinstance(body, str) else json.dumps(body)).encode(), headers
    if not isinstance(body, str):
        raise ValueError("body must be text when body_format is %s" % body_format)  # noqa: TRY004 - an option is wrong
    return body.encode(), headers


def looks_secret(header: str) -> bool:
    """Whether a header by its name carries a credential."""
    return any(word in header.lower() for word in _SECRET_WORDS)


def compile_select(expression: str, option: str) -> Callable[[Any], Any]:
    """Compile JMESPath to a function of decoded JSON. Raises ValueError naming the option and what is wrong."""
    if JMESPATH_ERROR is not None:  # pragma: no cover
        raise ValueError("The Python library jmespath is needed for %s: install it." % option)
    try:
        compiled: Any = jmespath.compile(expression)  # type: ignore[no-untyped-call]
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError("%s is not valid JMESPath: %s" % (option, error)) from error

    def select(value: Any) -> Any:
        try:
            return compiled.search(value)
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError("%s could not be evaluated: %s" % (option, error)) from error

    return select


def compile_until(expression: str) -> Until:
    """Make a JMESPath expression over {status, json, text} a test. Raises ValueError naming what is wrong with it."""
    if not expression:
        return lambda _response: (True, "")
    select = compile_select(expression, "until")

    def test(response: Response) -> Tuple[bool, str]:
        try:
            value = select({"status": response.status, "json": response.json(), "text": response.text})
        except ValueError as error:
            return False, str(error)
        return bool(value), "until gave %s" % json.dumps(value)[:200]

    return test


def run(
    probe: Probe,
    transport: Transport,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Ask until the answer is awaited or the time is over.

    A write that was answered, or may have arrived, is not repeated.
    """
    until = compile_until(probe.until)
    start, attempts = clock(), 0
    while True:
        attempts += 1
        response, matched, reason, final = _attempt(probe, transport, until)
        elapsed = clock() - start
        if matched or final or elapsed >= probe.timeout:
            return Outcome(matched, response, reason, attempts, round(elapsed, 2))
        sleep(min(probe.interval, probe.timeout - elapsed))


def _attempt(probe: Probe, transport: Transport, until: Until) -> Tuple[Optional[Response], bool, str, bool]:
    """Return (response, matched, reason, final)."""
    try:
        response = ask_any(transport, probe.place, probe.request, probe.tls)
    except Unreachable as error:
        return None, False, str(error), error.fatal or error.sent
    writes = probe.request.writes
    if response.status not in probe.status_code:
        wanted = " or ".join(str(code) for code in probe.status_code)
        return response, False, "HTTP %d, expected %s" % (response.status, wanted), writes
    matched, reason = until(response)
    return response, matched, "" if matched else reason, writes
