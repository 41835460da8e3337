# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The text of a kubeconfig with one cluster, one user and one context."""

from __future__ import annotations

import json


def kubeconfig_text(cluster: str, server: str, user: str, *, authority: str, certificate: str, key: str) -> str:
    """A kubeconfig (JSON is YAML) for ``user``; ``authority``, ``certificate`` and ``key`` are base64 PEM."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
    }
    return json.dumps(config, indent=2) + "\n"
