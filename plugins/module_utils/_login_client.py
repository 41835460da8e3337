# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""From a module's connection options to a client."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _client, _login
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint


def opened(
    options: Mapping[str, Any], environ: Optional[Mapping[str, str]], client: Optional[EngineClient] = None
) -> Tuple[EngineClient, Optional[Endpoint]]:
    """Log in; nothing is sent yet. Raises ConnectionProblem. client: taken instead, and without an endpoint.

    environ: where K8S_AUTH_* are looked up, the process's own by default.
    """
    if client is not None:
        return client, None
    endpoint = _login.resolve(options, environ)
    return _client.connect(endpoint), endpoint
