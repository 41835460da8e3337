# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What is secret about a connection, in every form a message may have it."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Set
from urllib.parse import unquote, urlsplit

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _kubeconfig, _login, _mask
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError

_SHORTEST = 4
_OPTIONS = ("api_key", "password")
_ADDRESSES = ("proxy", "host", "upstream_base")
_KEYS = frozenset(
    {"token", "password", "client-key-data", "id-token", "refresh-token", "access-token", "client-secret"}
)


def of_options(options: Mapping[str, Any], environ: Mapping[str, str]) -> Set[str]:
    """The secrets among connection options, the K8S_AUTH_* variables and the kubeconfig's own text."""
    chosen: Dict[str, Any] = {**_login.settings(options, environ), "upstream_base": options.get("upstream_base")}
    found = {str(chosen[name]) for name in _OPTIONS if chosen.get(name)}
    for name in _ADDRESSES:
        found |= set(_of_address(str(chosen.get(name) or "")))
    found |= set(_of_kubeconfig(chosen, environ))
    return _mask.forms(value for value in found if len(value) >= _SHORTEST)


def of_endpoint(endpoint: Optional[Endpoint]) -> Set[str]:
    """The secrets that a login brought, such as the token that a program printed."""
    if endpoint is None:
        return set()
    found = {endpoint.token, endpoint.password, *_of_address(endpoint.proxy)}
    return _mask.forms(value for value in found if len(value) >= _SHORTEST)


def _of_address(address: str) -> Iterator[str]:
    if "@" in address:
        password = urlsplit(address).password
        if password:
            yield password
            yield unquote(password)


def _of_kubeconfig(chosen: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    source = chosen.get("kubeconfig")
    if source is None and chosen.get("host"):
        return
    try:
        config = _kubeconfig.read(source or environ.get("KUBECONFIG") or _kubeconfig.DEFAULT_PATH)
    except RolloutError:
        return  # the login itself says what is wrong with it
    for user, _folder in config.users.values():
        yield from _below(user)


def _below(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _KEYS and isinstance(item, str):
                yield item
            elif key == "env" and isinstance(item, list):
                yield from (str(one["value"]) for one in item if isinstance(one, Mapping) and one.get("value"))
            else:
                yield from _below(item)
    elif isinstance(value, list):
        for item in value:
            yield from _below(item)
