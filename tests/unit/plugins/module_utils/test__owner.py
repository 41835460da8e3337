# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose an object is, by the marks that tools leave."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _owner

OURS = {
    "app.kubernetes.io/managed-by": "openhands.gpu_observability",
    "gpu-observability.openhands.dev/component": "node_exporter",
}


def made(labels=None, annotations=None, managers=(), references=()):
    entries = [{"manager": name, "operation": "Update", "fieldsV1": {}} for name in managers]
    metadata = {"labels": labels or {}, "annotations": annotations or {}, "managedFields": entries}
    return {"kind": "ConfigMap", "metadata": {**metadata, "ownerReferences": list(references)}}


HELM = {"meta.helm.sh/release-name": "kps", "meta.helm.sh/release-namespace": "watching"}
CASES = {
    "helm": (
        made({"app.kubernetes.io/managed-by": "Helm", "chart": "kube-prometheus-stack-65.1.0"}, HELM),
        "Helm release watching/kps (chart kube-prometheus-stack 65.1.0)",
    ),
    "helm, a chart with dashes and a v": (
        made({"helm.sh/chart": "gpu-operator-v24.9.0"}, HELM),
        "Helm release watching/kps (chart gpu-operator 24.9.0)",
    ),
    "helm by label only": (made({"heritage": "Helm", "release": "old"}), "Helm release old"),
    "helm by the manager only, as charts' folder crds": (made(managers=["helm"]), "Helm (field manager helm)"),
    "argo before helm": (
        made({"app.kubernetes.io/managed-by": "Helm"}, {"argocd.argoproj.io/tracking-id": "mon:apps/Deployment:a/b"}),
        "Argo CD application mon",
    ),
    "flux helm release": (
        made({"helm.toolkit.fluxcd.io/name": "kps", "helm.toolkit.fluxcd.io/namespace": "flux"}),
        "Flux HelmRelease flux/kps",
    ),
    "flux kustomization": (made({"kustomize.toolkit.fluxcd.io/name": "infra"}), "Flux Kustomization infra"),
    "olm package": (made({"operators.coreos.com/gpu-operator.nvidia": ""}), "OLM package nvidia/gpu-operator"),
    "olm owner": (made({"olm.owner": "gpu.v24", "olm.owner.namespace": "nv"}), "OLM operator nv/gpu.v24"),
    "rancher": (made(annotations={"objectset.rio.cattle.io/owner-name": "mon"}), "Rancher object set mon"),
    "another tool": (made({"app.kubernetes.io/managed-by": "tanka"}), "tanka"),
    "terraform": (made(managers=["kubectl-edit", "Terraform"]), "Terraform (field manager Terraform)"),
    "a controller": (
        made(references=[{"kind": "ClusterPolicy", "name": "gpu", "controller": True}]),
        "the controller of ClusterPolicy gpu",
    ),
    "another component of ours": (
        made({**OURS, "gpu-observability.openhands.dev/component": "x"}),
        "component x of this collection",
    ),
}


@pytest.mark.parametrize(("body", "said"), CASES.values(), ids=CASES)
def test_owner(body, said):
    assert str(_owner.owner(body, "node_exporter")) == said


NOBODY = {
    "bare": made(),
    "a person": made(managers=["kubectl-client-side-apply", "k9s"]),
    "ours": made(OURS),
    "ours, adopted from Helm": made(OURS, HELM, ["helm"]),
    "a reference that controls nothing": made(references=[{"kind": "Node", "name": "n"}]),
    "only its status is another's": {
        "metadata": {"managedFields": [{"manager": "helm", "operation": "Update", "subresource": "status"}]}
    },
}


@pytest.mark.parametrize("body", NOBODY.values(), ids=NOBODY)
def test_nobody(body):
    assert _owner.owner(body, "node_exporter") is None


def test_helm_that_took_an_object_back_is_its_owner_again():
    body = made({**OURS, "app.kubernetes.io/managed-by": "Helm"}, HELM)
    assert str(_owner.owner(body, "node_exporter")) == "Helm release watching/kps"
