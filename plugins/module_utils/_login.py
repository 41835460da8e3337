# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""From connection options and environment to an endpoint, with kubernetes.core's meaning of each."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _exec_login,
    _kubeconfig,
    _library_login,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

ENVIRONMENT: Dict[str, str] = {
    "kubeconfig": "K8S_AUTH_KUBECONFIG",
    "context": "K8S_AUTH_CONTEXT",
    "host": "K8S_AUTH_HOST",
    "api_key": "K8S_AUTH_API_KEY",
    "username": "K8S_AUTH_USERNAME",
    "password": "K8S_AUTH_PASSWORD",
    "client_cert": "K8S_AUTH_CERT_FILE",
    "client_key": "K8S_AUTH_KEY_FILE",
    "ca_cert": "K8S_AUTH_SSL_CA_CERT",
    "validate_certs": "K8S_AUTH_VERIFY_SSL",
    "proxy": "K8S_AUTH_PROXY",
    "no_proxy": "K8S_AUTH_NO_PROXY",
    "impersonate_user": "K8S_AUTH_IMPERSONATE_USER",
    "impersonate_groups": "K8S_AUTH_IMPERSONATE_GROUPS",
}
_FALSE = frozenset({"0", "false", "no", "off", "n", "f"})


def settings(options: Mapping[str, Any], environ: Mapping[str, str]) -> Dict[str, Any]:
    """Merge options over environment; what is set nowhere is None."""
    merged: Dict[str, Any] = {}
    for option, variable in ENVIRONMENT.items():
        value = options.get(option)
        if value is None or value == "":
            value = _from_environment(option, environ.get(variable) or "")
        merged[option] = value
    return merged


def _from_environment(option: str, text: str) -> Any:
    if not text:
        return None
    if option == "impersonate_groups":
        return [group.strip() for group in text.split(",") if group.strip()]
    if option == "validate_certs":
        return text.strip().lower() not in _FALSE
    return text


def resolve(
    options: Mapping[str, Any], environ: Optional[Mapping[str, str]] = None, account: str = ACCOUNT
) -> Endpoint:
    """Find the endpoint. Raises ConnectionProblem that names what is missing."""
    environment = os.environ if environ is None else environ
    chosen = settings(options, environment)
    return _override(_base(chosen, environment, account), chosen)


def _base(chosen: Mapping[str, Any], environ: Mapping[str, str], account: str) -> Endpoint:
    if _complete(chosen):
        return Endpoint(server=str(chosen["host"]).rstrip("/"), origin="the option host")
    if chosen["kubeconfig"] is None and chosen["context"] is None:
        inside = _in_cluster(environ, account)
        if inside is not None:
            return inside
    source = chosen["kubeconfig"] or environ.get("KUBECONFIG") or _kubeconfig.DEFAULT_PATH
    try:
        config = _kubeconfig.read(source)
    except ConnectionProblem:
        if chosen["host"] and chosen["kubeconfig"] is None:
            return Endpoint(server=str(chosen["host"]).rstrip("/"), origin="the option host")
        raise
    context = str(chosen["context"] or "")
    user, folder = config.user(context)
    if user.get("exec"):
        return _exec_login.endpoint(config.endpoint(context), user["exec"], folder, environ)
    if user.get("auth-provider"):
        return _library_login.endpoint(config, context)
    return config.endpoint(context)


def _complete(chosen: Mapping[str, Any]) -> bool:
    """Whether the options alone say where and who, so that no kubeconfig is read."""
    if not chosen["host"]:
        return False
    by_token = bool(chosen["api_key"])
    by_password = bool(chosen["username"] and chosen["password"])
    by_certificate = bool(chosen["client_cert"] and chosen["client_key"])
    return by_token or by_password or by_certificate


def _in_cluster(environ: Mapping[str, str], account: str) -> Optional[Endpoint]:
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    token_file = os.path.join(account, "token")
    if not host or not port or not os.path.exists(token_file):
        return None
    literal = "[%s]" % host if ":" in host else host
    return Endpoint(
        server="https://%s:%s" % (literal, port),
        origin="the pod's service account",
        ca=_file(os.path.join(account, "ca.crt"), "ca.crt"),
        token=_file(token_file, "token").decode("utf-8").strip(),
        token_file=token_file,
    )


def _override(base: Endpoint, chosen: Mapping[str, Any]) -> Endpoint:
    changes: Dict[str, Any] = {}
    if chosen["host"]:
        changes["server"] = str(chosen["host"]).rstrip("/")
    if chosen["api_key"]:
        changes.update(token=str(chosen["api_key"]), token_file="")
    for option in ("username", "password", "impersonate_user", "proxy", "no_proxy"):
        if chosen[option]:
            changes[option] = str(chosen[option])
    for option, target in (("client_cert", "client_cert"), ("client_key", "client_key"), ("ca_cert", "ca")):
        if chosen[option]:
            changes[target] = _file(os.path.expanduser(str(chosen[option])), option)
    if chosen["validate_certs"] is not None:
        changes["verify"] = bool(chosen["validate_certs"])
    if chosen["impersonate_groups"]:
        changes["impersonate_groups"] = _groups(chosen["impersonate_groups"])
    return replace(base, **changes)


def _groups(value: Any) -> Tuple[str, ...]:
    return tuple(str(group) for group in ([value] if isinstance(value, str) else value))


def _file(path: str, option: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as exc:
        raise ConnectionProblem("%s: %s can't be read: %s." % (option, path, exc.strerror)) from exc
