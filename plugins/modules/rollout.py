#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls a set of Kubernetes objects out and waits until it works."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Roll out a component's Kubernetes objects and wait until all of them work
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Renders the calling role's templates, adds upstream files and inline objects, and checks the whole set by a
    server-side dry run before the first write. If one object is wrong, nothing is written and every problem is reported.
  - Applies what drifted by server-side apply under the field manager V(openhands-gpu-observability), stage by stage and
    side by side within a stage, then waits until every object is judged V(current).
  - A second run changes nothing. An object that fails for good ends the task at once, with its cause.
  - With a local connection and without C(become) everything runs on the controller, with progress on stderr. Otherwise
    one module call on the target does the same; the rendered objects travel as a file that only its owner can read.
options:
  component:
    description:
      - Name of the component. It labels every object and names the record of what was rolled out.
    type: str
    required: true
  namespace:
    description:
      - Namespace of namespaced objects that name none.
    type: str
  inventory_namespace:
    description:
      - Namespace of the ConfigMap C(rollout-inventory-COMPONENT) (underscores become dashes), which records what this component put into the cluster.
      - Default is O(namespace), or V(default) where that is not set.
    type: str
  templates:
    description:
      - Templates in the C(templates) folder of the calling role; a glob is allowed, and each must match something.
      - "In files named C(*.angle.yaml.j2) the delimiters are C(<< >>), C(<% %>) and C(<# #>), so that the double braces of
        Prometheus survive. All others use Jinja's own."
    type: list
    elements: str
    default: []
  upstream:
    description:
      - Upstream files below O(upstream_base), fetched by the controller, checked against their sum and cached.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path below O(upstream_base), such as C(owner/repository/tag/file.yaml).
        type: str
        required: true
      sha256:
        description: SHA-256 of the file in hex. Another content is refused.
        type: str
        required: true
  schemas:
    description:
      - Definitions (CustomResourceDefinition) of the whole run, as files below O(upstream_base). They are not applied. In
        check mode, objects of kinds that the cluster does not serve yet, or serves in another form than after the run, are
        checked against them. Definitions in the set itself need not be named here.
      - Rules (C(x-kubernetes-validations)) are evaluated where the Python library common-expression-language or cel-python is
        installed, patterns by google-re2 where that is. A warning says what was not checked.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path below O(upstream_base).
        type: str
        required: true
      sha256:
        description: SHA-256 of the file in hex.
        type: str
        required: true
  upstream_base:
    description:
      - Base address of upstream files, C(https), C(http) or C(file).
    type: str
    default: https://raw.githubusercontent.com
  upstream_cache:
    description:
      - Folder on the controller that keeps upstream files. What is there with the right sum is not fetched again.
    type: path
  manifests:
    description:
      - Objects given inline.
    type: list
    elements: dict
    default: []
  overrides:
    description:
      - Changes to rendered objects. An override that matches no object is an error.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version: &object_api_version
        description: API version of the object; any by default.
        type: str
      kind: &object_kind
        description: Kind of the object.
        type: str
        required: true
      name: &object_name
        description: Name of the object.
        type: str
        required: true
      namespace: &object_namespace
        description: Namespace of the object; any by default.
        type: str
      merge:
        description: What to merge in. Mappings merge, V(null) removes a key, everything else, lists too, is replaced.
        type: dict
        required: true
  transform:
    description:
      - What the site wants of every object. What an object says itself wins, except for images.
    type: dict
    suboptions:
      image_mirror:
        description: Registry (and path) that takes the place of every image's registry.
        type: str
        default: ""
      image_overrides:
        description: Repository to repository; the tag is kept. Wins over O(transform.image_mirror).
        type: dict
        default: {}
      pull_secrets:
        description: Names of pull secrets for all pods.
        type: list
        elements: raw
        default: []
      tolerations:
        description: Tolerations added to all pods.
        type: list
        elements: dict
        default: []
      node_selector:
        description: Node labels for all pods but those of DaemonSets.
        type: dict
        default: {}
      labels:
        description: Labels for all objects.
        type: dict
        default: {}
  conditions:
    description:
      - When objects of a kind that this collection has no rule for are working.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version:
        description: API version of the kind.
        type: str
        required: true
      kind:
        description: The kind.
        type: str
        required: true
      name:
        description: Only the object of this name.
        type: str
      current:
        description: JMESPath over the object; true when it works.
        type: str
        required: true
      failed:
        description: JMESPath over the object; true when waiting is in vain.
        type: str
  existing:
    description:
      - What to do with an object that is there already and belongs to somebody else, a Helm release for one.
      - V(stop) writes nothing and names each object with its owner. V(adopt) takes the objects over and keeps their data.
    type: str
    choices: [stop, adopt]
    default: stop
  take_over:
    description:
      - Fields to take over from other field managers. Without this a field that somebody else owns stops the rollout,
        unless a person wrote it by hand (kubectl, k9s, rancher).
    type: list
    elements: dict
    default: []
    suboptions:
      api_version: *object_api_version
      kind: *object_kind
      name: *object_name
      namespace: *object_namespace
      fields:
        description:
          - Paths of the fields, such as C(spec.replicas), C(spec.template.spec.containers[name=web].image) or
            C(metadata.labels["app.kubernetes.io/name"]); what is below them is included.
          - A conflict names them in this form. All fields of an object that are contested have to be permitted, or
            nothing of it is taken.
        type: list
        elements: str
        required: true
  recreate:
    description:
      - Objects that may be deleted and created again where a field that can't be changed has to change. Never done to
        kinds that hold data.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version: *object_api_version
      kind: *object_kind
      name: *object_name
      namespace: *object_namespace
  prune:
    description:
      - Whether objects that left the set are deleted once the new set is current. Kinds that hold data stay, unless
        O(delete_data) names them.
    type: bool
    default: true
  delete_data:
    description:
      - Objects that hold data and may be deleted all the same, by O(prune) or by O(state=absent).
    type: list
    elements: dict
    default: []
    suboptions:
      api_version: *object_api_version
      kind: *object_kind
      name: *object_name
      namespace: *object_namespace
  lease_wait:
    description:
      - Seconds to wait for another run that is at work on the same component. With V(0) the task fails at once and says
        who that is.
    type: int
    default: 0
  render_to:
    description:
      - Folder on the controller that O(state=rendered) writes to. The files lie in a folder of it that is called as O(component).
    type: path
  render_secrets:
    description:
      - Whether O(state=rendered) writes secret values in clear, into files that only their owner can read.
      - By default an object with such values is written with placeholders, into a file whose name ends in C(.yaml.hidden), which
        kubectl does not read.
    type: bool
    default: false
  state:
    description:
      - V(present) rolls the set out.
      - V(absent) deletes what is recorded and what is rendered, last stage first. Kinds that hold data
        (PersistentVolumeClaim, Namespace, CustomResourceDefinition, Ceph's own) are kept, and the result says so.
      - V(rendered) writes what V(present) would apply to O(render_to), one file per object, for review or for GitOps. It asks
        no cluster. Files of objects that left the set are removed; files that it did not write are left alone.
    type: str
    choices: [present, absent, rendered]
    default: present
  wait:
    description:
      - Whether to wait until every object works, or is gone.
    type: bool
    default: true
  wait_timeout:
    description:
      - How long to wait for the whole set, in seconds.
    type: int
    default: 600
  request_file:
    description:
      - Set by the action plugin when it runs this module on a target. Not for tasks.
    type: path
extends_documentation_fragment:
  - openhands.gpu_observability.connection
attributes:
  check_mode:
    support: full
    description: Plans by the server's dry run and writes nothing.
  diff_mode:
    support: full
    description: Shows every changed object before and after; values of Secrets are hidden.
notes:
  - Needs the Python libraries urllib3 and PyYAML where it runs, and kubernetes only for logins by auth-provider.
"""

EXAMPLES = r"""
- name: Roll out Alertmanager
  openhands.gpu_observability.rollout:
    component: alertmanager
    namespace: monitoring
    templates:
      - rbac.yaml.j2
      - alertmanager.yaml.j2
      - rules.angle.yaml.j2
    overrides:
      - kind: Alertmanager
        name: main
        merge:
          spec:
            retention: 240h
    transform:
      image_mirror: registry.example.org/mirror
    kubeconfig: ~/.kube/config
  register: __alertmanager_rollout

- name: Install the operator's definitions from their pinned release
  openhands.gpu_observability.rollout:
    component: prometheus-operator-crds
    inventory_namespace: monitoring
    upstream:
      - path: prometheus-operator/prometheus-operator/v0.93.0/example/prometheus-operator-crd/monitoring.coreos.com_probes.yaml
        sha256: f4ead9704bd4c6303d53e4cc15670faaf0609022a5e08c0ce496286f453666b7
    upstream_cache: ~/.cache/openhands-gpu-observability/upstream

- name: Wait for a kind that has no rule of its own
  openhands.gpu_observability.rollout:
    component: certificates
    namespace: monitoring
    manifests:
      - apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata:
          name: web
        spec:
          secretName: web-tls
          issuerRef:
            name: internal
    conditions:
      - api_version: cert-manager.io/v1
        kind: Certificate
        current: "status.conditions[?type=='Ready'].status | [0] == 'True'"

- name: Write what would be applied to a folder
  openhands.gpu_observability.rollout:
    component: alertmanager
    namespace: monitoring
    manifests: "{{ lookup('ansible.builtin.file', 'alertmanager.yml') | from_yaml_all }}"
    schemas:
      - path: prometheus-operator/prometheus-operator/v0.93.0/example/prometheus-operator-crd/monitoring.coreos.com_alertmanagers.yaml
        sha256: 0e8eccd22699818c93f619c8fe2d92dbbd783a7e9232827a886dedeac1fb5dc1
    state: rendered
    render_to: rendered/gpu-west

- name: Take a component away, but keep its data
  openhands.gpu_observability.rollout:
    component: alertmanager
    namespace: monitoring
    state: absent
"""

RETURN = r"""
component:
  description: The component's name.
  returned: always
  type: str
  sample: alertmanager
objects:
  description: What became of each object.
  returned: always
  type: list
  elements: dict
  contains:
    api_version:
      description: API version of the object.
      type: str
    kind:
      description: Kind of the object.
      type: str
    namespace:
      description: Namespace of the object; empty for cluster-wide kinds.
      type: str
    name:
      description: Name of the object.
      type: str
    change:
      description: V(created), V(configured), V(unchanged), V(deleted) or V(skipped); in check mode what would be done.
      type: str
    verdict:
      description: V(current), V(in_progress), V(failed), V(terminating) or V(not_found).
      type: str
    reason:
      description: Why the object is where it is.
      type: str
    seconds:
      description: How long it took to get there, from the start of the wait.
      type: float
    source:
      description: Where the object was written, as file and line.
      type: str
    fields:
      description: Paths of the fields that differ, at most twenty; no values.
      type: list
      elements: str
    effect:
      description: What the change disturbs, such as C(restarts its pods); empty where it disturbs nothing.
      type: str
    file:
      description: Name of the object's file; only with O(state=rendered).
      type: str
  sample:
    - api_version: v1
      kind: Service
      namespace: monitoring
      name: alertmanager-operated
      change: unchanged
      verdict: current
      reason: ""
      seconds: 0.1
      fields: []
      effect: ""
      source: "roles/alertmanager/templates/alertmanager.yaml.j2:12"
counts:
  description: How many objects met each change.
  returned: always
  type: dict
  sample:
    created: 1
    configured: 0
    unchanged: 6
    deleted: 0
    skipped: 0
rendered_to:
  description: The folder of the component's files.
  returned: with O(state=rendered)
  type: str
  sample: rendered/gpu-west/alertmanager
verdict:
  description: The worst verdict of all objects; V(failed) where the run itself failed.
  returned: unless O(state=rendered)
  type: str
  sample: current
seconds:
  description: How long the rollout took.
  returned: always
  type: float
  sample: 1.3
problems:
  description: What is wrong with the set, one entry for each problem.
  returned: when planning or applying failed
  type: list
  elements: dict
  contains:
    source:
      description: File and line.
      type: str
    object:
      description: Kind, namespace and name.
      type: str
    field:
      description: Path of the field.
      type: str
    message:
      description: What is wrong with it.
      type: str
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _engine,
    _module,
    _orphan,
    _request_file,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import MODULE_ONLY, ROLLOUT_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request, load_manifests


def main() -> None:
    """Read the request that the action left, and run it."""
    module = _module.make(dict(**ROLLOUT_ARGSPEC, **MODULE_ONLY))
    path = module.params["request_file"]
    if not path:
        module.fail_json(
            msg="rollout renders on the controller: call it as openhands.gpu_observability.rollout in a task"
        )
    sent = _request_file.read(path)
    request = Request.of(
        sent["options"],
        load_manifests(sent["manifests"]),
        module.check_mode,
        module._diff,  # noqa: SLF001 (no public name)
        lambda: load_manifests(sent["schemas"]),
    )
    progress = []
    try:
        # Ansible reads what a module writes; once nobody does, there is nobody to work for.
        result = _engine.run(request, progress.append, alive=_orphan.reader(1))
    except RolloutError as error:
        result = {**error.result, "failed": True, "msg": error.message}
    _module.end(module, {**result, "progress": progress})


if __name__ == "__main__":
    main()
