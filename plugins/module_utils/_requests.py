# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""HTTP beneath the client: headers for an identity, JSON from an answer, an error from a refusal."""

from __future__ import annotations

import base64
import json
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any, Iterator, Mapping, Optional
from urllib.parse import quote

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_UNSENT = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError")
"""urllib3's names for what goes wrong before a request is sent."""

USER_AGENT = "openhands.gpu_observability"


def headers_of(endpoint: Endpoint) -> Any:
    """The headers that every call of this identity carries (urllib3's HTTPHeaderDict: groups repeat)."""
    headers = _transport.header_class()({"User-Agent": USER_AGENT, "Accept": "application/json"})
    if endpoint.token:
        headers["Authorization"] = "Bearer " + endpoint.token
    elif endpoint.username:
        pair = "%s:%s" % (endpoint.username, endpoint.password)
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")
    if endpoint.impersonate_user:
        headers["Impersonate-User"] = endpoint.impersonate_user
    if endpoint.impersonate_uid:
        headers["Impersonate-Uid"] = endpoint.impersonate_uid
    for group in endpoint.impersonate_groups:
        headers.add("Impersonate-Group", group)
    for key, values in endpoint.impersonate_extra.items():
        for value in values:
            headers.add("Impersonate-Extra-" + quote(key, safe=""), value)
    return headers


def decode(raw: bytes, path: str) -> Object:
    """Decode a JSON object. Raises ApiError where the answer is something else, a proxy's page for one."""
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw)
    except ValueError as exc:
        text = raw[:80].decode("utf-8", "replace")
        raise ApiError(502, "NotJSON", "the answer to %s isn't JSON: %s" % (path, text)) from exc
    return value if isinstance(value, dict) else {"value": value}


def refusal(status: int, headers: Mapping[str, str], raw: bytes) -> ApiError:
    """Read a Status object from a refusal, or make one up."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    message = str(body.get("message") or raw[:300].decode("utf-8", "replace").strip() or "HTTP status %d" % status)
    details = body.get("details") if isinstance(body.get("details"), dict) else {}
    return ApiError(status, str(body.get("reason") or ""), message, details, _retry_after(headers, details or {}))


def _retry_after(headers: Mapping[str, str], details: Mapping[str, Any]) -> Optional[float]:
    value = headers.get("Retry-After") or details.get("retryAfterSeconds")
    if not value:
        return None
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(str(value)).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def no_answer(endpoint: Endpoint, exc: BaseException) -> ApiError:
    """Name why nothing came back."""
    causes = list(_chain(exc))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = "%s's certificate isn't trusted: %s" % (endpoint.server, cause.verify_message)
            return ApiError(0, "BadCertificate", text)
    for cause in causes:
        # A connection that was cut in the middle of TLS says nothing about certificates.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT):
            return ApiError(
                0, "BadCertificate", "no TLS with %s: %s" % (endpoint.server, getattr(cause, "reason", None) or cause)
            )
    timed_out = any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in causes)
    deepest = causes[-1]
    reason = "no answer in time" if timed_out else getattr(deepest, "strerror", None) or str(deepest)
    unsent = any(type(cause).__name__ in _UNSENT for cause in causes)
    details = {"sent": False} if unsent else {}
    return ApiError(0, "Unreachable", "%s can't be reached: %s" % (endpoint.server, reason), details)


def _chain(exc: Optional[BaseException]) -> Iterator[BaseException]:
    seen = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        inner = getattr(exc, "reason", None)
        exc = inner if isinstance(inner, BaseException) else exc.__cause__ or exc.__context__
