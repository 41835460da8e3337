# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a cluster may have already: a table of how each thing is recognised. A new component is a new entry."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _podspec

NAME_LABEL = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Signature:
    """How one product is recognised.

    Attributes:
        name: As people call it.
        role: The role of this collection that brings the same; empty where none does.
        images: Last parts of image repositories, so that a mirror's copy is recognised too.
        labels: (key, value) pairs of which one is enough.
        groups: API groups that its definitions add.
        kinds: (api_version, kind) of objects that are instances of it.
        ports: Names of the container port that serves its metrics, the best first.
    """

    name: str
    role: str = ""
    images: Tuple[str, ...] = ()
    labels: Tuple[Tuple[str, str], ...] = ()
    groups: Tuple[str, ...] = ()
    kinds: Tuple[Tuple[str, str], ...] = ()
    ports: Tuple[str, ...] = field(default=("metrics", "http-metrics", "http", "https"))


def _named(*names: str) -> Tuple[Tuple[str, str], ...]:
    return tuple((NAME_LABEL, name) for name in names)


SIGNATURES: Tuple[Signature, ...] = (
    Signature(
        "Prometheus Operator",
        "prometheus_operator",
        images=("prometheus-operator",),
        labels=(
            *_named("prometheus-operator", "kube-prometheus-stack-prometheus-operator"),
            ("app", "kube-prometheus-stack-operator"),
        ),
        groups=("monitoring.coreos.com",),
        ports=("http", "https", "http-metrics", "metrics"),
    ),
    Signature("Prometheus", "prometheus", kinds=(("monitoring.coreos.com/v1", "Prometheus"),)),
    Signature("Alertmanager", "alertmanager", kinds=(("monitoring.coreos.com/v1", "Alertmanager"),)),
    Signature(
        "node_exporter",
        "node_exporter",
        images=("node-exporter",),
        labels=_named("node-exporter", "prometheus-node-exporter"),
    ),
    Signature(
        "kube-state-metrics",
        "kube_state_metrics",
        images=("kube-state-metrics",),
        labels=_named("kube-state-metrics"),
        # The port called metrics is its telemetry where the Helm chart names them.
        ports=("http-metrics", "https-main", "http", "metrics"),
    ),
    Signature("GPU Operator", images=("gpu-operator",), labels=(("app", "gpu-operator"),), groups=("nvidia.com",)),
    Signature(
        "dcgm-exporter",
        images=("dcgm-exporter",),
        labels=(("app", "nvidia-dcgm-exporter"), *_named("dcgm-exporter")),
    ),
    Signature(
        "cert-manager",
        images=("cert-manager-controller", "cert-manager-webhook", "cert-manager-cainjector"),
        labels=_named("cert-manager"),
        groups=("cert-manager.io", "acme.cert-manager.io"),
    ),
    Signature("Loki Operator", images=("loki-operator",), groups=("loki.grafana.com",)),
    Signature("Grafana Operator", images=("grafana-operator",), groups=("grafana.integreatly.org",)),
    Signature("Tempo Operator", images=("tempo-operator",), groups=("tempo.grafana.com",)),
    Signature("OpenTelemetry Operator", images=("opentelemetry-operator",), groups=("opentelemetry.io",)),
    Signature("Rook", labels=(("app", "rook-ceph-operator"),), groups=("ceph.rook.io", "objectbucket.io")),
)

_TAG = re.compile(r"^v?(?P<version>\d+(?:\.\d+)+[\w.+-]*)$")


def repository_name(image: str) -> str:
    """The last part of an image's repository: ``quay.io/x/node-exporter:v1@sha256:..`` gives ``node-exporter``."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def version_of(image: str) -> str:
    """The version in an image's tag, or empty."""
    match = _TAG.match(image.partition("@")[0].rpartition("/")[2].partition(":")[2])
    return match.group("version") if match else ""


def containers(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The containers of a workload's pods; those that run before it starts aren't the product."""
    for container in (_podspec.pod_spec(body) or {}).get("containers") or ():
        if isinstance(container, Mapping):
            yield container


def main_container(body: Mapping[str, Any], signature: Signature) -> Optional[Mapping[str, Any]]:
    """The container that runs the product, or None where its image isn't a known one."""
    for container in containers(body):
        if repository_name(str(container.get("image") or "")) in signature.images:
            return container
    return None


def recognise(body: Mapping[str, Any]) -> Optional[Signature]:
    """What a workload is: by image first, as labels are reused more freely."""
    for signature in SIGNATURES:
        if main_container(body, signature) is not None:
            return signature
    labels = (body.get("metadata") or {}).get("labels") or {}
    for signature in SIGNATURES:
        if any(labels.get(key) == value for key, value in signature.labels):
            return signature
    return None
