# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What extends an API server can be late, untrusted or gone: webhooks, conversions, aggregated APIs."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _kinds, _retry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    ConnectionProblem,
    InvalidInput,
    RolloutError,
)
from integration.engine.apiserver import Authority, free_port
from integration.engine.conftest import changes

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


class Admission(BaseHTTPRequestHandler):
    """Allows everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        review["response"] = {"uid": review.pop("request")["uid"], "allowed": True}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Silence."""


class Quiet(ThreadingHTTPServer):
    """Says nothing of clients that don't trust it."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """They are what this is for."""


def listen(port: int, authority: Authority) -> ThreadingHTTPServer:
    certificate, key = authority.issue(f"webhook-{port}", "webhook", server=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Quiet(("127.0.0.1", port), Admission)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class Webhook:
    """A ValidatingWebhookConfiguration for the ConfigMaps of one namespace."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.port = cluster, free_port()
        self.name = cluster.namespace
        self.server: ThreadingHTTPServer | None = None

    def register(self, authority: Authority, service: str = "") -> None:
        """service: a Service of the namespace instead of our own address."""
        client: dict[str, Any] = {"caBundle": _encode(authority.path)}
        if service:
            client["service"] = {"namespace": self.cluster.namespace, "name": service}
        else:
            client["url"] = f"https://127.0.0.1:{self.port}/"
        hook = {
            "name": f"checks.{self.name}.example.org",
            "clientConfig": client,
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "resources": ["configmaps"],
                    "operations": ["CREATE", "UPDATE"],
                }
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.cluster.namespace}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 2,
            "admissionReviewVersions": ["v1"],
        }
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self.name},
            "webhooks": [hook],
        }
        path = f"{WEBHOOKS}/{self.name}?fieldManager=test&force=true"
        self.cluster.server.request("PATCH", path, body, "application/apply-patch+yaml")
        until_refused(self.cluster)

    def serve(self) -> None:
        self.server = listen(self.port, self.cluster.server.authority)

    def remove(self) -> None:
        self.cluster.server.request("DELETE", f"{WEBHOOKS}/{self.name}")
        if self.server:
            self.server.shutdown()
            self.server.server_close()


def until_refused(cluster: Any) -> None:
    """Wait until the server asks the webhook: it learns of it a moment after it was written."""
    path = cluster.path("configmaps") + "?dryRun=All"
    for _attempt in range(100):
        try:
            cluster.server.request("POST", path, {"metadata": {"name": "probe"}})
        except OSError:
            return
        time.sleep(0.05)


def _encode(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.fixture
def webhook(cluster) -> Iterator[Webhook]:
    made = Webhook(cluster)
    yield made
    made.remove()


@pytest.fixture
def impatient(monkeypatch):
    """Two seconds of patience instead of a minute."""
    rules = {answer: _retry.Class(2.0, 2.0, 0.2, 0.5, again=rule.again) for answer, rule in _retry.CLASSES.items()}
    monkeypatch.setattr(_retry, "CLASSES", rules)
    assert Answer.WEBHOOK in rules


def test_a_webhook_that_starts_late_is_waited_for(cluster, webhook):
    webhook.register(cluster.server.authority)
    threading.Timer(1.5, webhook.serve).start()
    assert changes(cluster.rollout(OBJECT)) == {"one": "created"}


def test_a_webhook_whose_authority_arrives_late_is_waited_for(cluster, webhook, tmp_path):
    (tmp_path / "other").mkdir()
    webhook.serve()
    webhook.register(Authority(tmp_path / "other"))
    threading.Timer(1.5, webhook.register, [cluster.server.authority]).start()
    assert changes(cluster.rollout(OBJECT)) == {"one": "created"}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("why", "hint"), [("connection refused", "nothing answers there"), ("x509: ", "its certificate isn't valid yet")]
)
def test_a_webhook_that_stays_away_is_named_with_what_was_tried(cluster, webhook, tmp_path, why, hint):
    if why == "x509: ":
        webhook.serve()
        (tmp_path / "other").mkdir()
        webhook.register(Authority(tmp_path / "other"))
    else:
        webhook.register(cluster.server.authority)
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(OBJECT)
    text = caught.value.message
    assert "demo.yaml:1: ConfigMap" in text
    assert f"checks.{cluster.namespace}.example.org" in text
    assert why in text
    assert hint in text
    assert "times in" in text
    assert cluster.get("configmaps", "one") is None


def test_a_set_that_serves_its_own_webhook_can_repair_it(cluster, webhook, monkeypatch):
    rules = {**_retry.CLASSES, Answer.WEBHOOK: _retry.Class(30.0, 1.0, 0.2, 0.5, again=True)}
    monkeypatch.setattr(_retry, "CLASSES", rules)
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: hook}\nspec: {ports: [{port: 443}]}\n"
    webhook.register(cluster.server.authority, "hook")
    with pytest.raises(InvalidInput, match=r"hook\.%s\.svc" % cluster.namespace):
        cluster.rollout(OBJECT)
    webhook.serve()
    made = threading.Timer(2.0, webhook.register, [cluster.server.authority])
    made.start()
    assert set(changes(cluster.rollout(OBJECT + service)).values()) == {"created"}
    made.join()


def versions(namespace: str, port: int, authority: Authority) -> dict[str, Any]:
    """A definition whose versions a webhook converts that isn't there."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    client = {"url": f"https://127.0.0.1:{port}/", "caBundle": _encode(authority.path)}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{namespace}.example.org"},
        "spec": {
            "group": f"{namespace}.example.org",
            "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": schema},
                {"name": "v2", "served": True, "storage": False, "schema": schema},
            ],
            "conversion": {
                "strategy": "Webhook",
                "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
            },
        },
    }


@pytest.mark.usefixtures("impatient")
def test_a_conversion_webhook_that_is_down_is_named(cluster):
    server, group = cluster.server, f"{cluster.namespace}.example.org"
    server.request("POST", CRDS, versions(cluster.namespace, free_port(), server.authority))
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            conditions = server.request("GET", f"{CRDS}/gadgets.{group}").get("status", {}).get("conditions")
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions or []):
                break
            time.sleep(0.1)
        gadget = f"apiVersion: {group}/v2\nkind: Gadget\nmetadata: {{name: one}}\nspec: {{a: 1}}\n"
        deadline = time.monotonic() + 20
        while True:
            with pytest.raises(RolloutError) as caught:
                cluster.rollout(gadget)
            if "no kind Gadget" not in caught.value.message or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        text = caught.value.message
        assert f"conversion webhook for {group}/v" in text
        assert "connection refused" in text
        assert "times in" in text
    finally:
        server.request("DELETE", f"{CRDS}/gadgets.{group}")


@pytest.fixture
def broken_service(cluster) -> Iterator[str]:
    """An aggregated API that no pod serves."""
    group = f"{cluster.namespace}.example.net"
    body = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{group}"},
        "spec": {
            "group": group,
            "version": "v1",
            "groupPriorityMinimum": 10,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": cluster.namespace, "name": "nowhere"},
        },
    }
    server = cluster.server
    server.request("POST", SERVICES, body)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if server.request("GET", f"{SERVICES}/v1.{group}").get("status", {}).get("conditions"):
            break
        time.sleep(0.1)
    yield group
    server.request("DELETE", f"{SERVICES}/v1.{group}")


@pytest.mark.usefixtures("impatient")
def test_an_aggregated_api_that_is_down_hides_nothing_else_and_is_named(cluster, broken_service, monkeypatch):
    monkeypatch.setattr(_kinds, "STALE_SECONDS", 1.0)
    assert changes(cluster.rollout(OBJECT)) == {"one": "created"}
    thing = f"---\napiVersion: {broken_service}/v1\nkind: Thing\nmetadata: {{name: two}}\n"
    with pytest.raises(ConnectionProblem) as caught:
        cluster.rollout(OBJECT.replace("a: b", "a: c") + thing)
    assert f"the APIService v1.{broken_service} isn't available" in caught.value.message
    assert cluster.get("configmaps", "one")["data"] == {"a": "b"}, "nothing was written"
