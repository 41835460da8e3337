# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pod and which port a person means, and what is said when there is none."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import (
    Place,
    PodPort,
    Unreachable,
    find,
    pod_port,
    ready,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError


def pod(name, *, is_ready=True, leaving=False, ports=(("metrics", 8000),)):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "models", **({"deletionTimestamp": "now"} if leaving else {})},
        "spec": {"containers": [{"name": "c", "ports": [{"name": n, "containerPort": p} for n, p in ports]}]},
        "status": {
            "phase": "Running" if is_ready else "Pending",
            "conditions": [{"type": "Ready", "status": "True" if is_ready else "False"}],
        },
    }


def service(*ports, selector=None):
    return {
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"selector": {"app": "x", "a": "b"} if selector is None else selector, "ports": list(ports)},
    }


class Api:
    def __init__(self, pods=(), services=None, error=None):
        self.objects, self.services, self.error, self.asked = list(pods), services or {}, error, []

    def get(self, path, query=None):
        self.asked.append((path, query))
        if self.error:
            raise self.error
        name = path.rpartition("/")[2]
        if path.endswith("/pods"):
            return {"items": self.objects}
        found = self.services.get(name) or next((p for p in self.objects if p["metadata"]["name"] == name), None)
        if found is None:
            raise ApiError(404, "NotFound", name + " not found")
        return found


def names(found):
    return [(item.pod, item.port) for item in found]


def test_a_service_leads_to_its_ready_pods_by_name():
    api = Api(
        [pod("b"), pod("a"), pod("c", is_ready=False)],
        {"s": service({"name": "web", "port": 80, "targetPort": "metrics"})},
    )
    assert names(find(api, Place("models", "web", service="s"))) == [("a", 8000), ("b", 8000)]
    assert api.asked[-1] == ("/api/v1/namespaces/models/pods", {"labelSelector": "a=b,app=x"})


@pytest.mark.parametrize("port", [80, "80"])
def test_a_services_port_by_number_without_a_target(port):
    api = Api([pod("a")], {"s": service({"port": 80})})
    assert names(find(api, Place("models", port, service="s"))) == [("a", 80)]


def test_one_pod_by_its_name_and_a_number():
    assert find(Api([pod("a")]), Place("models", 9, pod="a")) == [PodPort("models", "a", 9)]


def test_pods_by_labels():
    api = Api([pod("a")])
    assert names(find(api, Place("models", "metrics", label_selector="app=x"))) == [("a", 8000)]
    assert api.asked == [("/api/v1/namespaces/models/pods", {"labelSelector": "app=x"})]


@pytest.mark.parametrize(
    ("api", "place", "said", "fatal"),
    [
        (Api(), Place("models", 1, service="s"), "there is no service models/s", False),
        (Api(), Place("models", 1, pod="p"), "there is no pod models/p", False),
        (Api(), Place("models", 1, label_selector="app=x"), "pods app=x in models: no such pod", False),
        (
            Api([], {"s": service({"name": "web", "port": 80}, {"port": 81})}),
            Place("models", "http", service="s"),
            r"has no port http \(it has web 80, 81\)",
            False,
        ),
        (Api([], {"s": service()}), Place("models", 1, service="s"), "it has none", False),
        (Api([], {"s": service({"port": 1}, selector={})}), Place("models", 1, service="s"), "no selector", True),
        (Api([pod("a")]), Place("models", "grpc", pod="a"), "pod a has no port named grpc", False),
        (Api([pod("a", leaving=True)]), Place("models", 1, pod="a"), "no pod is ready", False),
        (
            Api(error=ApiError(403, "Forbidden", "no pods for you")),
            Place("models", 1, label_selector="a"),
            "for you",
            True,
        ),
        (Api(error=ApiError(403, "Forbidden", "no pods for you")), Place("models", 1, pod="a"), "for you", True),
        (Api(error=ApiError(0, "Unreachable", "gone")), Place("models", 1, pod="a"), "gone", False),
    ],
)
def test_what_is_missing_is_named(api, place, said, fatal):
    with pytest.raises(Unreachable, match=said) as caught:
        find(api, place)
    assert caught.value.fatal is fatal


def test_why_no_pod_is_ready():
    waiting = pod("a", is_ready=False)
    waiting["status"]["containerStatuses"] = [
        {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off"}}}
    ]
    with pytest.raises(Unreachable, match=r"no pod is ready \(a: .*(ImagePullBackOff|back-off)"):
        find(Api([waiting]), Place("models", 1, pod="a"))


def test_ready_needs_the_condition_and_a_future():
    assert ready(pod("a"))
    assert not ready(pod("a", leaving=True))
    assert not ready({"metadata": {}})


def test_a_port_of_a_sidecar():
    body = pod("a")
    body["spec"]["initContainers"] = [{"ports": [{"name": "side", "containerPort": 7}]}]
    assert pod_port(body, "side") == 7
    assert pod_port(body, "15") == 15
