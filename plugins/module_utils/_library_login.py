# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Logins by an auth-provider, which refresh tokens: left to the kubernetes package, which is loaded only here."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    ConnectionProblem,
    MissingLibrary,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._kubeconfig import Kubeconfig


def endpoint(config: Kubeconfig, context: str) -> Endpoint:
    """Let the kubernetes package log in, and take over the token or certificate that it got."""
    try:
        from kubernetes import client  # noqa: PLC0415 (slow, and needed by few)
        from kubernetes import config as loader  # noqa: PLC0415
    except ImportError as exc:
        raise MissingLibrary(
            "%s: its user logs in by auth-provider, which needs the Python library kubernetes: install it."
            % config.origin
        ) from exc
    base = config.endpoint(context)
    configuration = client.Configuration()
    load: Any = loader
    try:
        if config.paths:
            load.load_kube_config(
                config_file=os.pathsep.join(config.paths), context=context or None, client_configuration=configuration
            )
        else:
            load.load_kube_config_from_dict(config.content, context=context or None, client_configuration=configuration)
    except Exception as exc:  # the library raises many kinds, a failing program among them
        raise ConnectionProblem("%s: the login failed: %s" % (base.origin, exc)) from exc
    headers = [str(value) for value in configuration.api_key.values()]
    tokens = [header[len("Bearer ") :] for header in headers if header.startswith("Bearer ")]
    if not tokens and not configuration.cert_file:
        raise ConnectionProblem("%s: the login failed: its auth-provider gave no token." % base.origin)
    return replace(
        base,
        token=tokens[0] if tokens else base.token,
        client_cert=_bytes(configuration.cert_file) or base.client_cert,
        client_key=_bytes(configuration.key_file) or base.client_key,
    )


def _bytes(path: Any) -> Optional[bytes]:
    if not path:
        return None
    with open(str(path), "rb") as stream:
        return stream.read()
