# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where an API server is and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Mapping, Optional, Tuple


@dataclass(frozen=True)
class Endpoint:
    """Everything a client needs. What is secret stays out of ``repr``."""

    server: str
    origin: str = ""
    """Where this came from, for messages: ``kubeconfig /path, context x``."""
    verify: bool = True
    ca: Optional[bytes] = field(default=None, repr=False)
    tls_server_name: str = ""
    client_cert: Optional[bytes] = field(default=None, repr=False)
    client_key: Optional[bytes] = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    impersonate_user: str = ""
    impersonate_uid: str = ""
    impersonate_groups: Tuple[str, ...] = ()
    impersonate_extra: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    proxy: str = field(default="", repr=False)
    no_proxy: str = ""
    proxy_headers: Dict[str, str] = field(default_factory=dict, repr=False)
    namespace: str = ""
