# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The rules that PrometheusRule objects hold, to be looked for in what Prometheus has loaded."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Client

Rule = Tuple[str, str]
"""(group, name of the alert or of the recorded series)"""


def rules_of(body: Mapping[str, Any]) -> List[Rule]:
    """List the rules of one PrometheusRule."""
    groups = (body.get("spec") or {}).get("groups") or []
    return [
        (str(group.get("name", "")), str(rule.get("alert") or rule.get("record") or ""))
        for group in groups
        for rule in group.get("rules") or []
    ]


def read(client: Client, namespace: str, names: Sequence[str]) -> List[Rule]:
    """Read PrometheusRules by name. Raises Unreachable naming one that is not there."""
    found: List[Rule] = []
    for name in names:
        path = "/apis/monitoring.coreos.com/v1/namespaces/%s/prometheusrules/%s" % (namespace, name)
        try:
            found.extend(rules_of(client.get(path)))
        except ApiError as error:
            raise Unreachable("PrometheusRule %s/%s: %s" % (namespace, name, error.message)) from error
    return found
