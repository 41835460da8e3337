# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whose an object is, read from the marks that tools leave on what they install: a table, first match wins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldset
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import FIELD_MANAGER
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import COMPONENT_LABEL, MANAGED_BY

HELM_NAME, HELM_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
"""Helm 3 and 4 write these on all but what a chart keeps in its folder crds (helm/helm, pkg/action/validate.go)."""
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
CONTROLLER = "the controller of"
"""The tool of an object that another object in the cluster owns."""
_CHART = re.compile(r"^(?P<chart>.+?)-v?(?P<version>\d+\.\d+.*)$")


@dataclass(frozen=True)
class Owner:
    """Who keeps an object: the tool, its name for what it installed (``namespace/name``), and the release of that."""

    tool: str
    name: str = ""
    chart: str = ""
    version: str = ""

    def __str__(self) -> str:
        chart = " (chart %s)" % " ".join(part for part in (self.chart, self.version) if part) if self.chart else ""
        return ("%s %s" % (self.tool, self.name)).rstrip() + chart


Marks = Mapping[str, Any]
"""Labels or annotations."""
Reader = Callable[[Marks, Marks], Optional[Owner]]
"""(labels, annotations) to an owner."""


def _joined(namespace: Any, name: Any) -> str:
    return "/".join(str(part) for part in (namespace, name) if part)


def chart_of(labels: Marks) -> Tuple[str, str]:
    """Name and version of the chart that the labels name; empty where they name none."""
    match = _CHART.match(str(labels.get("helm.sh/chart") or labels.get("chart") or ""))
    return (match.group("chart"), match.group("version")) if match else ("", "")


def _helm(labels: Marks, annotations: Marks) -> Optional[Owner]:
    name = annotations.get(HELM_NAME)
    by_label = labels.get(MANAGED_BY_LABEL) == "Helm" or labels.get("heritage") in ("Helm", "Tiller")
    if not name and not by_label:
        return None
    name = _joined(annotations.get(HELM_NAMESPACE), name or labels.get("release"))
    return Owner("Helm release" if name else "Helm", name, *chart_of(labels))


def _argo(labels: Marks, annotations: Marks) -> Optional[Owner]:
    tracked = str(annotations.get("argocd.argoproj.io/tracking-id") or "").partition(":")[0]
    name = tracked or str(labels.get("argocd.argoproj.io/instance") or "")
    return Owner("Argo CD application", name, *chart_of(labels)) if name else None


def _labelled(tool: str, prefix: str) -> Reader:
    """A tool that labels with PREFIX/name and PREFIX/namespace."""

    def read(labels: Marks, annotations: Marks) -> Optional[Owner]:
        name = labels.get(prefix + "/name")
        return Owner(tool, _joined(labels.get(prefix + "/namespace"), name), *chart_of(labels)) if name else None

    return read


def _marked(tool: str, key: str, namespace: str = "") -> Reader:
    """A tool that names itself in one label or annotation, and perhaps a namespace in another."""

    def read(labels: Marks, annotations: Marks) -> Optional[Owner]:
        name = labels.get(key) or annotations.get(key)
        where = labels.get(namespace) or annotations.get(namespace) if namespace else ""
        return Owner(tool, _joined(where, name)) if name else None

    return read


def _catalogue(labels: Marks, annotations: Marks) -> Optional[Owner]:
    """What OLM unpacked carries a label per package, operators.coreos.com/PACKAGE.NAMESPACE."""
    packages = [key.partition("/")[2] for key in labels if str(key).startswith("operators.coreos.com/")]
    if packages:
        package, _dot, namespace = packages[0].partition(".")
        return Owner("OLM package", _joined(namespace, package))
    return Owner("OLM") if labels.get("olm.managed") == "true" else None


def _another_tool(labels: Marks, annotations: Marks) -> Optional[Owner]:
    tool = labels.get(MANAGED_BY_LABEL)
    if tool and tool != MANAGED_BY:
        return Owner(str(tool), str(labels.get("app.kubernetes.io/instance") or ""))
    return None


READERS: Tuple[Reader, ...] = (
    # Argo and Flux apply what Helm rendered: they are asked first, as they would put back what we change.
    _argo,
    _labelled("Flux HelmRelease", "helm.toolkit.fluxcd.io"),
    _labelled("Flux Kustomization", "kustomize.toolkit.fluxcd.io"),
    _marked("OLM operator", "olm.owner", "olm.owner.namespace"),
    _catalogue,
    _marked("Rancher Fleet bundle", "fleet.cattle.io/bundle-id"),
    _marked("Rancher object set", "objectset.rio.cattle.io/owner-name", "objectset.rio.cattle.io/owner-namespace"),
    _marked("kapp app", "kapp.k14s.io/app"),
    _marked("kluctl deployment", "kluctl.io/discriminator"),
    _marked("the addon manager, mode", "addonmanager.kubernetes.io/mode"),
    _helm,
    _another_tool,
)

_MANAGERS: Tuple[Tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^helm$|^terraform-provider-helm"), "Helm"),
    (re.compile(r"^argocd-(controller|application-controller)$"), "Argo CD"),
    (re.compile(r"^(helm|kustomize)-controller$"), "Flux"),
    (re.compile(r"^(fleetagent|rancher-fleet.*)$"), "Rancher Fleet"),
    (re.compile(r"^(olm|catalog)$"), "OLM"),
    (re.compile(r"^Terraform$|^terraform-provider-"), "Terraform"),
    (re.compile(r"^pulumi-"), "Pulumi"),
    (re.compile(r"^cluster-.+-operator$|^cluster-version-operator$"), "an OpenShift operator"),
)
"""Tools whose name as a field manager is the only mark they leave, as Helm does on what a chart has in crds."""


def ours(body: Mapping[str, Any]) -> str:
    """The component of this collection that has an object, or empty. Another tool that takes it back says so here."""
    labels = (body.get("metadata") or {}).get("labels") or {}
    return str(labels.get(COMPONENT_LABEL) or "") if labels.get(MANAGED_BY_LABEL) == MANAGED_BY else ""


def managers(body: Mapping[str, Any]) -> List[str]:
    """Field managers of an object but for us and for whoever only reports its status, each once."""
    found: List[str] = []
    for entry in _fieldset.entries(body):
        name = str(entry.get("manager") or "")
        if name and name != FIELD_MANAGER and not entry.get("subresource") and name not in found:
            found.append(name)
    return found


def tool_of(manager: str) -> str:
    """The tool behind a field manager, or empty where it isn't one that installs things."""
    return next((tool for pattern, tool in _MANAGERS if pattern.search(manager)), "")


def controller_of(body: Mapping[str, Any]) -> str:
    """Kind and name of the controller that owns an object; empty where none does."""
    for reference in (body.get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("controller"):
            return "%s %s" % (reference.get("kind"), reference.get("name"))
    return ""


def owner(body: Mapping[str, Any], component: str = "") -> Optional[Owner]:
    """Who keeps an object, if that is neither us nor just a person. ``component``: the one of ours that may have it."""
    metadata = body.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    own = ours(body)
    if own:
        return Owner("component", "%s of this collection" % own) if component and own != component else None
    controller = controller_of(body)
    if controller:
        return Owner(CONTROLLER, controller)
    for read in READERS:
        found = read(labels, annotations)
        if found is not None:
            return found
    for name in managers(body):
        tool = tool_of(name)
        if tool:
            return Owner(tool, "(field manager %s)" % name)
    return None
