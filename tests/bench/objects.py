# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that are compared: plain data, no cluster state in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

SELECTOR = "app.kubernetes.io/part-of=gpu-observability"
KINDS = "serviceaccounts,roles,rolebindings,services,configmaps,poddisruptionbudgets,servicemonitors,prometheusrules"
"""What of the core stack starts no pod: a copy of it beside the real one does nothing."""
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences")
CHOSEN_BY_SERVER = (
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "ipFamilyPolicy",
    "internalTrafficPolicy",
    "sessionAffinity",
)


def config_maps(count: int) -> list[dict]:
    """Small ConfigMaps, as rules and dashboards are carried."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"bench-{number:03}"},
            "data": {"number": str(number), "text": "line\n" * 20},
        }
        for number in range(count)
    ]


def core_stack(kubectl: tuple[str, ...]) -> list[dict]:
    """What the core stack has in the lab, as manifests; empty when it is not there."""
    command = [*kubectl, "get", KINDS, "--namespace=monitoring", f"--selector={SELECTOR}", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [manifest(item) for item in json.loads(done.stdout)["items"]] if done.returncode == 0 else []


def manifest(live: Mapping) -> dict:
    """A live object without what the server added, and without the label by which Prometheus would select it."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in (*SERVER_FIELDS, "namespace")}
    metadata["labels"] = {
        key: value
        for key, value in metadata.get("labels", {}).items()
        if key != "team" and "openhands" not in key and key != "app.kubernetes.io/managed-by"
    }
    result = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    if live["kind"] == "Service":
        result["spec"] = {key: value for key, value in live["spec"].items() if key not in CHOSEN_BY_SERVER}
    return {**result, "metadata": metadata}


def placed(item: Mapping, namespace: str) -> dict:
    """The object in a namespace."""
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}
