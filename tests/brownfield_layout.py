# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects laid out as other installers leave them: their names, labels, annotations and field managers, no more."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def helm(release: str, namespace: str, chart: str, name: str, **labels: str) -> Body:
    """Metadata of an object in a Helm release."""
    return {
        "labels": {
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/instance": release,
            "app.kubernetes.io/name": name,
            "helm.sh/chart": chart,
            **labels,
        },
        "annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace},
    }


def workload(kind: str, namespace: str, name: str, image: str, metadata: Body | None = None, **pod: Any) -> Body:
    """A workload with one container; ``pod``: args, ports and fields of the pod's spec."""
    container = {"name": "main", "image": image, "args": pod.pop("args", []), "ports": pod.pop("ports", [])}
    labels = {"app.kubernetes.io/name": name}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], **pod}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **(metadata or {})},
        "spec": spec,
    }


def operator(namespace: str, name: str = "kps-kube-prometheus-stack-operator", args: tuple[str, ...] = ()) -> Body:
    """The operator of a kube-prometheus-stack release called kps."""
    metadata = helm("kps", namespace, "", "kube-prometheus-stack-prometheus-operator")
    del metadata["labels"]["helm.sh/chart"]
    metadata["labels"] |= {
        "app": "kube-prometheus-stack-operator",
        "chart": "kube-prometheus-stack-65.1.0",
        "heritage": "Helm",
        "release": "kps",
    }
    image = "quay.io/prometheus-operator/prometheus-operator:v0.77.1"
    ports = [{"name": "https", "containerPort": 10250}]
    return workload("Deployment", namespace, name, image, metadata, args=list(args), ports=ports)


def node_exporter(namespace: str, port: int = 9100) -> Body:
    """The DaemonSet of the chart prometheus-node-exporter."""
    return workload(
        "DaemonSet",
        namespace,
        "kps-prometheus-node-exporter",
        "quay.io/prometheus/node-exporter:v1.8.2",
        helm("kps", namespace, "prometheus-node-exporter-4.39.0", "prometheus-node-exporter"),
        args=["--path.procfs=/host/proc", "--web.listen-address=[$(HOST_IP)]:%d" % port],
        ports=[{"name": "http-metrics", "containerPort": port}],
        hostNetwork=True,
    )


def kube_state_metrics(namespace: str, name: str = "kps-kube-state-metrics") -> Body:
    """The Deployment of the chart kube-state-metrics."""
    return workload(
        "Deployment",
        namespace,
        name,
        "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.13.0",
        helm("kps", namespace, "kube-state-metrics-5.25.1", "kube-state-metrics"),
        args=["--port=8080"],
        ports=[{"name": "http", "containerPort": 8080}],
    )


def gpu_operator(namespace: str) -> list[Body]:
    """The operator, and the exporter that it makes for its ClusterPolicy."""
    metadata = helm("gpu-operator", namespace, "gpu-operator-v24.9.0", "gpu-operator", app="gpu-operator")
    exporter = workload(
        "DaemonSet",
        namespace,
        "nvidia-dcgm-exporter",
        "nvcr.io/nvidia/k8s/dcgm-exporter:3.3.8-3.6.0-ubuntu22.04",
        {
            "labels": {"app": "nvidia-dcgm-exporter"},
            "ownerReferences": [
                {
                    "apiVersion": "nvidia.com/v1",
                    "kind": "ClusterPolicy",
                    "name": "cluster-policy",
                    "uid": "0",
                    "controller": True,
                }
            ],
        },
    )
    image = "nvcr.io/nvidia/gpu-operator:v24.9.0"
    return [workload("Deployment", namespace, "gpu-operator", image, metadata), exporter]


def cert_manager(namespace: str) -> list[Body]:
    """Its three Deployments."""
    return [
        workload(
            "Deployment",
            namespace,
            name,
            "quay.io/jetstack/%s:v1.16.1" % image,
            helm("cert-manager", namespace, "cert-manager-v1.16.1", label),
        )
        for name, image, label in (
            ("cert-manager", "cert-manager-controller", "cert-manager"),
            ("cert-manager-webhook", "cert-manager-webhook", "webhook"),
            ("cert-manager-cainjector", "cert-manager-cainjector", "cainjector"),
        )
    ]


def definition(group: str, kind: str, metadata: Body | None = None, **properties: Any) -> Body:
    """A definition of one kind in v1 with a free status."""
    plural = kind.lower() + ("es" if kind.endswith("s") else "s")
    spec = {"type": "object", "properties": properties or {"a": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "%s.%s" % (plural, group), **(metadata or {})},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": kind + "List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def free(body: Body, version: str = "v1") -> Body:
    """The same definition, taking any field."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    body["spec"]["versions"][0] |= {"name": version, "schema": {"openAPIV3Schema": schema}}
    return body


def admission(name: str, group: str) -> Body:
    """The admission webhook of a kube-prometheus-stack release; it lets everything pass."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name, **helm("kps", "watching", "kube-prometheus-stack-65.1.0", "admission")},
        "webhooks": [
            {
                "name": "rules.example.org",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "clientConfig": {"url": "https://127.0.0.1:1/never"},
                "rules": [
                    {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["never"]}
                ],
            }
        ],
    }
