# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""An API error that stops everything, as one sentence that names the login and says what to do."""

from __future__ import annotations

from typing import Callable, Dict, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

_ADVICE: Dict[Answer, str] = {
    Answer.UNREACHABLE: "Check that the server runs and that this machine can reach it.",
    Answer.UNTRUSTED: "Check certificate-authority-data in the kubeconfig (or the option ca_cert), "
    "and that the server's name is in its certificate.",
    Answer.UNAUTHENTICATED: "The credentials are wrong or expired: get new ones for this context.",
    Answer.FORBIDDEN: "The login works but lacks rights: grant them, or use another context.",
    Answer.THROTTLED: "The server is overloaded: try again later.",
    Answer.TRANSIENT: "The server has a fault of its own: look at its log, then run again.",
}


def explain(error: ApiError, endpoint: Optional[Endpoint]) -> ConnectionProblem:
    """Say who asked, what came back and what to do."""
    answer = classify(error)
    who = endpoint.origin if endpoint and endpoint.origin else "API server"
    where = " (%s)" % endpoint.server if endpoint and endpoint.server not in error.message else ""
    what: Callable[[str], str] = lambda text: text.rstrip(".")  # noqa: E731
    message = what(error.message)
    if answer is Answer.UNAUTHENTICATED:
        message = "the server answered 401 %s" % message
    advice = _ADVICE.get(answer, "")
    return ConnectionProblem(("%s%s: %s. %s" % (who, where, message, advice)).strip())
