# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One object of each kind, a change by hand, and something that leaves its template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LABEL = {"metadata": {"labels": {"tier": "theirs"}}}
WITHOUT_LABEL = {"metadata": {"labels": {"tier": None}}}
POD = (
    "containers: [{name: x, image: example.org/x, resources: {requests: {cpu: 0.5, memory: 1024Mi}}, env: [{name: E}]}]"
)


@dataclass(frozen=True)
class Case:
    """``text`` is the template (NS is the namespace), ``by_hand`` a person's patch, ``less`` what leaves the template
    as a merge patch, and ``gone`` the places that must be empty then. ``first`` must be there before.
    ``resource`` is what kubectl calls the kind, where that isn't its name."""

    kind: str
    text: str
    by_hand: Any = None
    less: Any = None
    gone: tuple[str, ...] = ()
    patch_type: str = "merge"
    first: tuple[str, ...] = ()
    resource: str = ""


def _case(kind: str, api: str, rest: str, by_hand: Any = None, less: Any = None, *gone: str, **more: Any) -> Case:
    name = more.pop("name", "one")
    head = "apiVersion: %s\nkind: %s\nmetadata: {name: %s, labels: {tier: ours}}\n" % (api, kind, name)
    less = WITHOUT_LABEL if less is None else less
    return Case(kind, head + rest, by_hand or LABEL, less, gone or ("metadata/labels/tier",), **more)


_WORKLOAD = "selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {%s}}" % POD
_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "x", "image": "theirs"}]}}}}
_HOOK = """webhooks:
  - name: one.example.org
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    clientConfig: {service: {name: none, namespace: NS}}
    rules: [{apiGroups: [none.example.org], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]
"""
_DEFINITION = """
spec:
  group: NS.example.org
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {type: string, pattern: "^[0-9]+$"}
                limit: {type: integer, default: 3}
                tags: {type: array, items: {type: string}}
"""
_NAMED = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.NS.example.org}"

CASES = (
    _case(
        "ConfigMap",
        "v1",
        "data: {a: '1', b: '2'}\nbinaryData: {c: AAEC}\n",
        {"data": {"a": "theirs"}},
        {"data": {"b": None}, "binaryData": None},
        "data/b",
        "binaryData",
    ),
    _case(
        "Secret",
        "v1",
        "stringData: {a: one, b: two}\ndata: {c: dGhyZWU=}\n",
        {"data": {"a": "dGhlaXJz"}},
        {"stringData": {"b": None}, "data": None},
        "data/b",
        "data/c",
    ),
    _case("ServiceAccount", "v1", "automountServiceAccountToken: false\n", {"automountServiceAccountToken": True}),
    _case(
        "LimitRange",
        "v1",
        "spec: {limits: [{type: Container, default: {cpu: 0.5, memory: 1024Mi}, max: {cpu: 2}}]}\n",
        {"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
    ),
    _case(
        "ResourceQuota",
        "v1",
        "spec: {hard: {pods: 10, requests.cpu: 4000m}}\n",
        {"spec": {"hard": {"pods": "5"}}},
        {"spec": {"hard": {"requests.cpu": None}}},
        "spec/hard/requests.cpu",
    ),
    _case(
        "Service",
        "v1",
        "spec: {type: NodePort, selector: {app: x}, ports: [{port: 80, targetPort: web}]}\n",
        {"spec": {"selector": {"app": "theirs"}}},
    ),
    _case(
        "Endpoints",
        "v1",
        "subsets: [{addresses: [{ip: 10.9.9.9}], ports: [{port: 80}]}]\n",
        {"subsets": [{"addresses": [{"ip": "10.9.9.8"}], "ports": [{"port": 80}]}]},
    ),
    _case(
        "PersistentVolumeClaim",
        "v1",
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}\n",
    ),
    _case(
        "PersistentVolume",
        "v1",
        "spec: {capacity: {storage: 1024Mi}, accessModes: [ReadWriteOnce], hostPath: {path: /tmp/x}}\n",
        name="pv-NS",
    ),
    _case("Deployment", "apps/v1", "spec: {replicas: 2, %s}\n" % _WORKLOAD, {"spec": {"replicas": 5}}),
    _case("DaemonSet", "apps/v1", "spec: {%s}\n" % _WORKLOAD, _IMAGE, patch_type="strategic"),
    _case(
        "StatefulSet",
        "apps/v1",
        "spec: {serviceName: one, %s, volumeClaimTemplates: [{metadata: {name: data}, "
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}}]}\n" % _WORKLOAD,
        _IMAGE,
        patch_type="strategic",
    ),
    _case(
        "CronJob",
        "batch/v1",
        "spec: {schedule: '*/5 * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, %s}}}}}\n" % POD,
        {"spec": {"schedule": "0 * * * *"}},
    ),
    _case("Job", "batch/v1", "spec: {suspend: true, template: {spec: {restartPolicy: Never, %s}}}\n" % POD),
    _case("Pod", "v1", "spec: {%s, tolerations: [{operator: Exists}]}\n" % POD),
    _case(
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}, metrics: "
        "[{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 0.5}}}]}\n",
        {"spec": {"maxReplicas": 9}},
    ),
    _case(
        "PodDisruptionBudget",
        "policy/v1",
        "spec: {maxUnavailable: 1, selector: {matchLabels: {app: x}}}\n",
        {"spec": {"maxUnavailable": 2}},
    ),
    _case(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}\n",
        {"spec": {"podSelector": {"matchLabels": {"by": "hand"}}}},
    ),
    _case(
        "Ingress",
        "networking.k8s.io/v1",
        "spec: {rules: [{host: x.example.org, http: {paths: [{path: /, pathType: Prefix, "
        "backend: {service: {name: x, port: {number: 80}}}}]}}]}\n",
        {"spec": {"rules": [{"host": "theirs.example.org"}]}},
    ),
    _case(
        "EndpointSlice",
        "discovery.k8s.io/v1",
        "addressType: IPv4\nendpoints: [{addresses: [10.9.9.9], conditions: {ready: true}}]\nports: [{port: 80}]\n",
        {"endpoints": [{"addresses": ["10.9.9.8"]}]},
    ),
    _case(
        "PriorityClass", "scheduling.k8s.io/v1", "value: 100\ndescription: ours\n", {"description": "x"}, name="pc-NS"
    ),
    _case(
        "StorageClass",
        "storage.k8s.io/v1",
        "provisioner: example.org/none\nallowVolumeExpansion: true\n",
        {"allowVolumeExpansion": False},
        name="sc-NS",
    ),
    _case("IngressClass", "networking.k8s.io/v1", "spec: {controller: example.org/none}\n", name="ic-NS"),
    _case("Role", "rbac.authorization.k8s.io/v1", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n"),
    _case(
        "ClusterRole",
        "rbac.authorization.k8s.io/v1",
        "rules: [{apiGroups: [''], resources: [pods], verbs: [get, list]}]\n",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]},
        name="cr-NS",
    ),
    _case(
        "RoleBinding",
        "rbac.authorization.k8s.io/v1",
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n"
        "subjects: [{kind: ServiceAccount, name: x}]\n",
        {"subjects": [{"kind": "User", "name": "eve"}]},
    ),
    _case(
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n"
        "subjects: [{kind: ServiceAccount, name: x, namespace: NS}]\n",
        {"subjects": []},
        name="crb-NS",
    ),
    _case(
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        _HOOK,
        [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}],
        patch_type="json",
        name="mutating-NS",
    ),
    _case(
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        _HOOK,
        [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}],
        patch_type="json",
        name="validating-NS",
    ),
    _case(
        "APIService",
        "apiregistration.k8s.io/v1",
        "spec: {group: NS.example.org, version: v9, groupPriorityMinimum: 100, versionPriority: 10, "
        "service: {name: none, namespace: NS}, insecureSkipTLSVerify: true}\n",
        {"spec": {"versionPriority": 11}},
        name="v9.NS.example.org",
    ),
    _case("Namespace", "v1", "", name="extra-NS"),
    _case(
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        _DEFINITION.lstrip("\n"),
        name="things.NS.example.org",
    ),
    _case(
        "Thing",
        "NS.example.org/v1",
        "spec: {size: '7', tags: [a, b]}\n",
        {"spec": {"size": "8"}},
        {"spec": {"tags": None}},
        "spec/tags",
        first=(_NAMED + _DEFINITION,),
        resource="things.NS.example.org",
    ),
)
