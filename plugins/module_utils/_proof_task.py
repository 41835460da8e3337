# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The options of the proofs, and how they become places, checks and a scene."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import (
    CONNECTION_ARGSPEC,
    ArgumentSpec,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._ask import (
    Question,
    Server,
    ask_until_good,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import failures
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import (
    PodTransport,
    Transport,
    pod_transport,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place
from ansible_collections.openhands.gpu_observability.plugins.module_utils._probe import compile_select
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof import Pace, prove
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_stage import AlertStage, Scene, Site
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Emit

PLACE_OPTIONS: ArgumentSpec = {
    "namespace": {"type": "str", "required": True},
    "pod": {"type": "str"},
    "service": {"type": "str"},
    "label_selector": {"type": "str"},
    "port": {"type": "str", "required": True},
}
ONE_OF = ["pod", "service", "label_selector"]


def _site(**path: Any) -> Dict[str, Any]:
    return {
        "type": "dict",
        "required": True,
        "options": {**PLACE_OPTIONS, "path": {"type": "str", **path}},
        "mutually_exclusive": [ONE_OF],
        "required_one_of": [ONE_OF],
    }


ALERT_PROOF_ARGSPEC: ArgumentSpec = {
    "alertname": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "prometheus": _site(default=""),
    "alertmanager": _site(default=""),
    "receiver": _site(required=True),
    "deliveries": {"type": "str", "default": "deliveries"},
    "workload": _site(required=True),
    "method": {"type": "str", "choices": ["PUT", "POST"], "default": "PUT"},
    "trouble": {"type": "dict", "required": True},
    "calm": {"type": "dict", "required": True},
    "timeout": {"type": "int", "default": 600},
    "interval": {"type": "float", "default": 2.0},
    **CONNECTION_ARGSPEC,
}


SERVER_OPTIONS: ArgumentSpec = {
    "namespace": {"type": "str", "required": True},
    "label_selector": {"type": "str"},
    "port": {"type": "str", "default": "web"},
    "path_prefix": {"type": "str", "default": ""},
    "replicas": {"type": "int", "default": 1},
    "version": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 120},
    "interval": {"type": "float", "default": 2},
}
"""What prometheus_check and alertmanager_check have in common."""


def place(options: Mapping[str, Any]) -> Place:
    """Read a place from its options."""
    port = str(options["port"])
    return Place(
        namespace=options["namespace"],
        port=int(port) if port.isdigit() else port,
        pod=options.get("pod") or "",
        service=options.get("service") or "",
        label_selector=options.get("label_selector") or "",
    )


def server(options: Mapping[str, Any], kind: str) -> Server:
    """Find a server by its object's name, as the Prometheus Operator labels its pods, or by a label selector."""
    selector = options["label_selector"] or "app.kubernetes.io/name=%s,app.kubernetes.io/instance=%s" % (
        kind,
        options["name"],
    )
    where = place({**options, "label_selector": selector})
    return Server(where, options["replicas"], options["path_prefix"].rstrip("/"))


def run_check(
    module: AnsibleModule,
    kind: str,
    questions_of: Callable[[Client], Sequence[Question]],
    transport_of: Callable[[Mapping[str, Any]], PodTransport] = pod_transport,
) -> None:
    """Ask, and end the module with the answers."""
    params = module.params
    try:
        transport = transport_of(params)
        report = ask_until_good(
            transport,
            server(params, kind),
            lambda: questions_of(transport.client),
            timeout=params["timeout"],
            interval=params["interval"],
        )
    except RolloutError as error:
        module.fail_json(msg=error.message, checks=[], pods=[], attempts=0)
    checks = [check.as_dict() for check in report.checks]
    result: Dict[str, Any] = {"changed": False, "checks": checks, "pods": report.pods, "attempts": report.attempts}
    if report.ok:
        module.exit_json(**result)
    module.fail_json(msg="%s: %s" % (kind, failures(report.checks)), **result)


def scene(options: Mapping[str, Any]) -> Scene:
    """Read the scene of an alert. Raises ValueError for a bad JMESPath expression."""
    return Scene(
        alertname=options["alertname"],
        labels={str(key): str(value) for key, value in options["labels"].items()},
        prometheus=_read_site(options["prometheus"]),
        alertmanager=_read_site(options["alertmanager"]),
        receiver=_read_site(options["receiver"]),
        workload=_read_site(options["workload"]),
        trouble=options["trouble"],
        calm=options["calm"],
        method=options["method"],
        deliveries=compile_select(options["deliveries"], "deliveries"),
    )


def _read_site(options: Mapping[str, Any]) -> Site:
    return Site(place(options), (options.get("path") or "").rstrip("/"))


def run_alert_proof(
    options: Mapping[str, Any], transport: Transport, emit: Emit, pace_of: Callable[..., Pace] = Pace
) -> Dict[str, Any]:
    """Run the proof and return a task's result."""
    stage = AlertStage(scene(options), transport)
    pace = pace_of(timeout=float(options["timeout"]), interval=float(options["interval"]))
    proof = prove(stage, options["alertname"], pace, emit)
    result = {"changed": False, "failed": not proof.ok, "alertname": options["alertname"], **proof.as_dict()}
    if not proof.ok:
        result["msg"] = proof.reason
    return result
