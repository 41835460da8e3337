#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a pod over HTTP, through the API server's port-forward."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Ask a pod over HTTP through the API server
version_added: 0.1.0
description:
  - Sends an HTTP request to a port of a pod and returns the answer. The way leads through the API server's port-forward, so it
    works wherever the kubeconfig works, without ingress, and carries C(Authorization) headers and TLS unharmed.
  - Asks again until the status code is one of O(status_code) and O(until) holds, or O(timeout) is over.
  - Only ready pods are asked, in order of their names, until one answers. A pod that goes away in between is replaced by the
    next one.
author:
  - openhands.gpu_observability contributors (@openhands)
extends_documentation_fragment:
  - openhands.gpu_observability.connection
options:
  namespace:
    description: Namespace of the pod.
    type: str
    required: true
  pod:
    description: Name of the pod.
    type: str
  service:
    description: Name of a service; its ready pods are asked.
    type: str
  label_selector:
    description: Label selector; the ready pods it selects are asked.
    type: str
  port:
    description:
      - Number or name of the port. With O(service) it is a port of the service, otherwise one of the pod.
    type: str
    required: true
  path:
    description: Path of the request, with its query.
    type: str
    default: /
  method:
    description:
      - Method of the request. V(GET), V(HEAD) and V(OPTIONS) change nothing and run in check mode too.
      - With any other method the task is changed, is skipped in check mode, and is never repeated once it may have arrived.
    type: str
    choices: [GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE]
    default: GET
  body:
    description: Body of the request.
    type: raw
  body_format:
    description: How O(body) is written. V(form) and V(raw) take text as it is.
    type: str
    choices: [json, form, raw]
    default: json
  headers:
    description: Headers of the request. Those that carry a credential belong in O(secret_headers).
    type: dict
    default: {}
  secret_headers:
    description: Headers that carry credentials, such as C(Authorization). They are never shown.
    type: dict
    default: {}
  scheme:
    description: Whether the pod speaks plain HTTP or TLS.
    type: str
    choices: [http, https]
    default: http
  server_name:
    description: Name to verify in the pod's certificate, and to ask for by SNI. Default is the name of the pod.
    type: str
  pod_ca:
    description:
      - PEM certificates to verify the pod's certificate with. Without it the certificate is not verified; the API server
        has already bound the connection to the pod.
    type: str
  status_code:
    description: Status codes that are good.
    type: list
    elements: int
    default: [200]
  until:
    description:
      - JMESPath expression over C(status), C(json) (the decoded body, null where it is none) and C(text). The answer is
        good when it is true, which in JMESPath means not false, null or empty.
    type: str
    default: ""
  timeout:
    description: For how many seconds to ask again. With V(0) the request is sent once.
    type: float
    default: 60
  interval:
    description: Seconds between two requests.
    type: float
    default: 2
  request_timeout:
    description: Seconds to wait for the connection and for each part of an answer.
    type: float
    default: 10
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: partial
    details: Requests that may write are skipped.
  diff_mode:
    description: Shows what changed.
    support: none
  action_group:
    description: Use V(group/openhands.gpu_observability.kubernetes) in C(module_defaults) to set the connection once.
    support: full
    membership: [openhands.gpu_observability.kubernetes]
"""

EXAMPLES = r"""
- name: Wait until the model server has answered requests
  openhands.gpu_observability.probe:
    namespace: models
    service: model-server
    port: metrics
    path: /metrics
    until: contains(text, 'inference_requests_total{')

- name: Ask Prometheus for its version
  openhands.gpu_observability.probe:
    namespace: monitoring
    label_selector: app.kubernetes.io/name=prometheus
    port: web
    path: /api/v1/status/buildinfo
    until: json.status == 'success'
  register: buildinfo

- name: Write a line to Loki
  openhands.gpu_observability.probe:
    namespace: monitoring
    service: logging-distributor-http
    port: 3100
    path: /loki/api/v1/push
    method: POST
    secret_headers:
      X-Scope-OrgID: "{{ tenant }}"
    body:
      streams: []
    status_code: [204]
"""

RETURN = r"""
status:
  description: Status code of the last answer.
  returned: when there was an answer
  type: int
  sample: 200
json:
  description: Decoded body of the last answer, null where it is not JSON.
  returned: when there was an answer
  type: raw
  sample: {status: success}
text:
  description: Body of the last answer as text.
  returned: when there was an answer
  type: str
  sample: OK
matched:
  description: Whether the last answer was good.
  returned: always
  type: bool
  sample: true
checks:
  description: The same as one check, for M(openhands.gpu_observability.evidence).
  returned: always
  type: list
  elements: dict
  sample: [{name: /metrics of service models/model-server, ok: true, detail: HTTP 200, seconds: 0.0}]
attempts:
  description: How many requests were sent.
  returned: always
  type: int
  sample: 1
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 0.03
"""

from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import CONNECTION_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import Tls, pod_transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, tls_context
from ansible_collections.openhands.gpu_observability.plugins.module_utils._probe import (
    Outcome,
    Probe,
    encode_body,
    looks_secret,
    run,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import (
    ONE_OF,
    PLACE_OPTIONS,
    place,
)

ARGUMENT_SPEC = {
    **PLACE_OPTIONS,
    "path": {"type": "str", "default": "/"},
    "method": {
        "type": "str",
        "choices": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
        "default": "GET",
    },
    "body": {"type": "raw"},
    "body_format": {"type": "str", "choices": ["json", "form", "raw"], "default": "json"},
    "headers": {"type": "dict", "default": {}},
    "secret_headers": {"type": "dict", "default": {}, "no_log": True},
    "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
    "server_name": {"type": "str"},
    "pod_ca": {"type": "str"},
    "status_code": {"type": "list", "elements": "int", "default": [200]},
    "until": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 60},
    "interval": {"type": "float", "default": 2},
    "request_timeout": {"type": "float", "default": 10},
    **CONNECTION_ARGSPEC,
}


def probe_of(params: Dict[str, Any]) -> Probe:
    """Read the probe from the options. Raises ValueError."""
    for header in params["headers"]:
        if looks_secret(header):
            raise ValueError("headers: %s carries a credential; put it in secret_headers" % header)
    body, content_type = encode_body(params["body"], params["body_format"])
    headers = {str(k): str(v) for k, v in {**content_type, **params["headers"], **params["secret_headers"]}.items()}
    tls: Optional[Tls] = None
    if params["scheme"] == "https":
        tls = Tls(tls_context(params["pod_ca"] or ""), params["server_name"] or "")
    return Probe(
        place=place(params),
        request=Request(params["method"], params["path"], headers, body),
        status_code=params["status_code"],
        until=params["until"],
        timeout=params["timeout"],
        interval=params["interval"],
        tls=tls,
    )


def result_of(outcome: Outcome, probe: Probe) -> Dict[str, Any]:
    """Turn an outcome into a module's result."""
    name = "%s of %s" % (probe.request.path.partition("?")[0], probe.place)
    detail = outcome.reason or ("HTTP %d" % outcome.response.status if outcome.response else "")
    result: Dict[str, Any] = {
        "checks": [Check(name, outcome.matched, detail, round(outcome.seconds, 1)).as_dict()],
        "matched": outcome.matched,
        "attempts": outcome.attempts,
        "seconds": outcome.seconds,
    }
    if outcome.response is not None:
        response = outcome.response
        result.update(status=response.status, json=response.json(), text=response.text)
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[ONE_OF],
        required_one_of=[ONE_OF],
        supports_check_mode=True,
    )
    try:
        probe = probe_of(module.params)
        if module.check_mode and probe.request.writes:
            module.exit_json(
                changed=True,
                skipped=True,
                matched=False,
                attempts=0,
                seconds=0.0,
                msg="%s %s was not sent: check mode." % (probe.request.method, probe.request.path),
            )
        outcome = run(probe, pod_transport(module.params, module.params["request_timeout"]))
    except (RolloutError, ValueError) as error:
        module.fail_json(msg=str(error))
    result = result_of(outcome, probe)
    changed = probe.request.writes and outcome.response is not None
    if outcome.matched:
        module.exit_json(changed=changed, **result)
    message = "%s %s: %s (%d attempts in %g s)." % (
        probe.place,
        probe.request.path,
        outcome.reason,
        outcome.attempts,
        outcome.seconds,
    )
    module.fail_json(msg=message, changed=changed, **result)


if __name__ == "__main__":
    main()
