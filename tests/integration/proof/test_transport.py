# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a pod through the lab's real API server and kubelet."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import ask_any, pod_transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable

from .conftest import KUBECONFIG

DNS = Place("kube-system", "metrics", service="kube-dns")


def test_a_named_port_of_a_service_answers_with_a_large_body(transport):
    response = ask_any(transport, DNS, Request("GET", "/metrics"))
    assert response.status == 200
    assert "coredns_build_info" in response.text
    assert len(response.body) == int(response.headers.get("content-length", len(response.body)))


def test_a_missing_path_is_an_answer(transport):
    assert ask_any(transport, DNS, Request("GET", "/nothing")).status == 404


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place("kube-system", 9999, label_selector="k8s-app=kube-dns"), "port 9999: nothing listens on this port"),
        (Place("kube-system", "grpc", service="kube-dns"), "has no port grpc"),
        (Place("kube-system", 1, service="nothing-here"), "there is no service kube-system/nothing-here"),
        (Place("kube-system", 1, label_selector="app=nothing-here"), "no such pod"),
    ],
)
def test_what_is_wrong_is_said(transport, place, said):
    with pytest.raises(Unreachable, match=said):
        ask_any(transport, place, Request())


def test_somebody_without_rights_is_told_so_at_once(transport):
    nobody = pod_transport({"kubeconfig": KUBECONFIG, "impersonate_user": "nobody-in-particular"})
    with pytest.raises(Unreachable, match='User "nobody-in-particular" cannot') as caught:
        ask_any(nobody, DNS, Request())
    assert caught.value.fatal
    (pod,) = transport.pods(DNS)[:1]
    with pytest.raises(Unreachable, match=r'User "nobody-in-particular" cannot .*pods/portforward') as caught:
        nobody.ask(pod, Request())
    assert caught.value.fatal
