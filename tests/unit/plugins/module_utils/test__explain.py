# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a stuck parent to the child that holds it up."""

from __future__ import annotations

import base64
import copy

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.look import Look, secrets_used
from ansible_collections.openhands.gpu_observability.plugins.module_utils._explain import diagnose, explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from fake_cluster import FakeCluster

NAMESPACE = "models"


def make(kind, name, owner=None, *, version="v1", labels=None, annotations=None, **rest):
    metadata = {"name": name, "namespace": NAMESPACE, "uid": "uid-" + name, "labels": labels or {}, "generation": 1}
    metadata["annotations"] = annotations or {}
    if owner:
        metadata["ownerReferences"] = [{"uid": "uid-" + owner, "controller": True}]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def pod(name, owner, waiting=None, *, phase="Pending", labels=None, spec=None, **status):
    state = {"waiting": {"reason": waiting, "message": 'secret "nope" not found'}} if waiting else {"running": {}}
    status = {"phase": phase, "containerStatuses": [{"name": "c", "state": state}], **status}
    return make("Pod", name, owner, labels=labels, spec=spec or {"containers": [{"name": "c"}]}, status=status)


def event(about, reason, message, when="2026-11-23T04:00:00Z", kind="Warning"):
    obj = make("Event", "%s-%s-%s" % (about, reason, when), involvedObject={"uid": "uid-" + about})
    return {**obj, "reason": reason, "message": message, "lastTimestamp": when, "type": kind}


def deployment(revision="2"):
    return make(
        "Deployment",
        "web",
        version="apps/v1",
        annotations={"deployment.kubernetes.io/revision": revision},
        spec={"replicas": 1},
        status={"observedGeneration": 1},
    )


def replica_set(name, revision, **status):
    annotations = {"deployment.kubernetes.io/revision": revision}
    return make("ReplicaSet", name, "web", version="apps/v1", annotations=annotations, status=status)


BROKEN = "CreateContainerConfigError"
MISSING = "container c can't be created: Secret nope doesn't exist"


def test_a_deployment_is_explained_by_the_pod_of_its_newest_replica_set():
    cluster = FakeCluster(replica_set("new", "2"), pod("new-1", "new", BROKEN))
    assert explain(cluster, deployment()) == "pod new-1: " + MISSING


def test_a_rollout_that_mends_things_is_not_judged_by_the_pods_it_replaces():
    cluster = FakeCluster(
        replica_set("old", "9"),
        pod("old-1", "old", BROKEN),
        replica_set("new", "10"),
        pod("new-1", "new", phase="Pending"),
    )
    cause = diagnose(Look(cluster), deployment("10"))
    assert cause is not None
    assert cause.text == "pod new-1: container c runs, and isn't ready"


def test_nothing_is_explained_while_the_new_replica_set_is_not_there():
    cluster = FakeCluster(replica_set("old", "1"), pod("old-1", "old", BROKEN))
    assert explain(cluster, deployment("2")) is None
    assert explain(FakeCluster(), deployment()) is None


def test_nothing_is_explained_by_the_generation_before():
    cluster = FakeCluster(replica_set("new", "2"), pod("new-1", "new", BROKEN))
    changed = deployment()
    changed["metadata"]["generation"] = 2
    assert explain(cluster, changed) is None


def test_a_replica_set_that_may_not_create_says_why():
    message = 'pods "web-" is forbidden: exceeded quota: gpu, requested: pods=1'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    cluster = FakeCluster(replica_set("new", "2", conditions=[failure]))
    assert explain(cluster, deployment()) == "its pods are refused: exceeded quota: gpu, requested: pods=1"


def stateful_set(strategy="RollingUpdate"):
    return make(
        "StatefulSet",
        "db",
        version="apps/v1",
        spec={"updateStrategy": {"type": strategy}},
        status={"observedGeneration": 1, "updateRevision": "b"},
    )


def revision(name):
    return {"controller-revision-hash": name}


def test_a_stateful_set_is_explained_by_the_pods_of_its_update_revision():
    cluster = FakeCluster(
        pod("db-0", "db", BROKEN, labels=revision("a")), pod("db-1", "db", "InvalidImageName", labels=revision("b"))
    )
    cause = diagnose(Look(cluster), stateful_set())
    assert cause is not None
    assert (cause.code, cause.text) == (Code.IMAGE_INVALID, "pod db-1: image name  is invalid")


def test_a_broken_pod_of_the_former_revision_is_told_to_hold_the_update_up():
    cluster = FakeCluster(pod("db-0", "db", BROKEN, labels=revision("a")))
    cause = diagnose(Look(cluster), stateful_set())
    assert cause is not None
    assert cause.code is Code.OLD_POD
    assert cause.text == "a pod of the former revision holds the update up, and must be deleted: pod db-0: " + MISSING
    assert explain(cluster, stateful_set("OnDelete")) is None
    assert explain(FakeCluster(), stateful_set()) is None


def test_an_attempt_to_create_that_succeeded_later_is_no_cause():
    refused = event(
        "db",
        "FailedCreate",
        'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: q',
    )
    created = event("db", "SuccessfulCreate", "create Pod db-0", when="2026-11-23T04:00:09Z", kind="Normal")
    assert explain(FakeCluster(refused), stateful_set()) == "its pods are refused: exceeded quota: q"
    assert explain(FakeCluster(created, refused), stateful_set()) is None


def test_a_daemon_set_is_explained_by_the_pods_of_its_newest_template():
    daemon_set = make(
        "DaemonSet",
        "agent",
        version="apps/v1",
        annotations={"deprecated.daemonset.template.generation": "3"},
        status={"observedGeneration": 1},
    )
    old = pod("agent-old", "agent", BROKEN, labels={"pod-template-generation": "2"})
    new = pod("agent-new", "agent", "ErrImageNeverPull", labels={"pod-template-generation": "3"})
    assert explain(FakeCluster(old), daemon_set) is None
    assert "pod agent-new: image" in (explain(FakeCluster(old, new), daemon_set) or "")
    daemon_set["metadata"]["annotations"] = {}
    assert explain(FakeCluster(old), daemon_set) == "pod agent-old: " + MISSING


def test_a_job_is_explained_by_the_pod_that_runs_then_by_the_last_that_failed():
    job = make("Job", "migrate", version="batch/v1")
    ended = {"name": "c", "state": {"terminated": {"exitCode": 5, "reason": "Error"}}}
    failed = pod("migrate-1", "migrate", phase="Failed", containerStatuses=[ended])
    running = pod("migrate-2", "migrate", BROKEN)
    cluster = FakeCluster(failed, logs={"c": "starting\nmigration broke\n\n"})
    assert explain(cluster, job) == "pod migrate-1: container c failed: exit code 5; last log line: migration broke"
    assert explain(FakeCluster(failed, running), job) == "pod migrate-2: " + MISSING


CRASH = [
    {
        "name": "c",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "message": "bad key s3cr3t-value"}},
    }
]


def crashing(**spec):
    return pod("tool", None, containerStatuses=CRASH, spec={"containers": [{"name": "c", **spec}]})


def secret(name="login", value="s3cr3t-value"):
    return make("Secret", name, data={"key": base64.b64encode(value.encode()).decode()})


def test_the_last_log_line_of_a_crashed_container_is_shown_without_the_secrets_it_uses():
    logs = {"previous:c": "hello\nlogin with s3cr3t-value refused\n", "c": "another container"}
    with_secret = crashing(envFrom=[{"secretRef": {"name": "login"}}])
    assert explain(FakeCluster(secret(), logs=logs), with_secret) == (
        "pod tool: container c crashes again and again (4 restarts): exit code 3: bad key ********; "
        "last log line: login with ******** refused"
    )


def test_a_termination_message_that_is_the_tail_of_the_log_is_told_once():
    broken = crashing()
    broken["status"]["containerStatuses"] = [
        {**CRASH[0], "lastState": {"terminated": {"exitCode": 3, "message": "starting\nno  config.\n"}}}
    ]
    log = {"previous:c": "starting\nno  config.\n"}
    assert (explain(FakeCluster(logs=log), broken) or "").endswith("exit code 3; last log line: no config")


def test_a_log_is_not_shown_when_the_secrets_of_its_pod_cannot_be_read():
    cluster = FakeCluster(secret(), logs={"previous:c": "login with s3cr3t-value refused"})
    cluster.errors["/secrets/"] = ApiError(403, "Forbidden", "no")
    said = explain(cluster, crashing(envFrom=[{"secretRef": {"name": "login"}}])) or ""
    assert said.endswith("exit code 3; its last words are not shown, since the Secrets it uses can't be read")


def test_secrets_of_the_rollout_are_hidden_too_and_a_missing_secret_is_no_hindrance():
    cluster = FakeCluster(logs={"previous:c": "token is abcd-efgh"})
    said = explain(cluster, crashing(envFrom=[{"secretRef": {"name": "gone"}}]), secrets=["abcd-efgh"]) or ""
    assert said.endswith("last log line: token is ********")


def test_without_a_log_the_cause_stands_alone():
    assert (explain(FakeCluster(), crashing()) or "").endswith("exit code 3: bad key s3cr3t-value")
    assert (explain(FakeCluster(logs={"previous:c": "\n \n"}), crashing()) or "").endswith("bad key s3cr3t-value")


def test_every_place_where_a_pod_can_name_a_secret_is_known():
    spec = {
        "initContainers": [{"envFrom": [{"secretRef": {"name": "a"}}, {"configMapRef": {"name": "x"}}]}],
        "containers": [
            {"env": [{"valueFrom": {"secretKeyRef": {"name": "b", "key": "k"}}}, {"name": "X", "value": "y"}]}
        ],
        "volumes": [
            {"secret": {"secretName": "c"}},
            {"projected": {"sources": [{"secret": {"name": "d"}}, {"configMap": {"name": "x"}}]}},
            {"emptyDir": {}},
        ],
    }
    assert secrets_used({"spec": spec}) == ["a", "b", "c", "d"]


UNBOUND = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "pod has unbound immediate PersistentVolumeClaims",
}


def test_an_unschedulable_pod_is_explained_by_its_unbound_claim():
    stuck = pod(
        "db-0", "db", conditions=[UNBOUND], spec={"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}
    )
    claim = make("PersistentVolumeClaim", "data", spec={"storageClassName": "fast"}, status={"phase": "Pending"})
    local = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"}}
    assert explain(FakeCluster(claim, local), stuck) == (
        "pod db-0: PersistentVolumeClaim data wants StorageClass fast, which doesn't exist: there is local"
    )
    assert explain(FakeCluster(), stuck) == "pod db-0: unschedulable: pod has unbound immediate PersistentVolumeClaims"
    bound = {**claim, "status": {"phase": "Bound"}}
    assert (
        explain(FakeCluster(bound), stuck)
        == "pod db-0: unschedulable: pod has unbound immediate PersistentVolumeClaims"
    )
    assert explain(FakeCluster(), bound) is None


def test_a_pod_in_creation_is_explained_by_its_events():
    creating = pod("tool", None, "ContainerCreating")
    mount = event("tool", "FailedMount", 'MountVolume.SetUp failed for volume "v" : configmap "nope" not found')
    assert explain(FakeCluster(mount), creating) == "pod tool: a volume can't be mounted: ConfigMap nope doesn't exist"
    assert explain(FakeCluster(), creating) == "pod tool: container c is being created"


def test_a_ready_pod_needs_no_explanation():
    assert (
        explain(FakeCluster(), pod("tool", None, phase="Running", conditions=[{"type": "Ready", "status": "True"}]))
        is None
    )


def test_a_custom_resource_is_explained_through_the_workload_it_owns():
    prometheus = make("Prometheus", "prometheus", version="monitoring.coreos.com/v1")
    owned = copy.deepcopy(stateful_set())
    owned["metadata"]["ownerReferences"] = [{"uid": "uid-prometheus"}]
    cluster = FakeCluster(owned, pod("db-0", "db", BROKEN, labels=revision("b")), pod("other", "else", BROKEN))
    assert explain(cluster, prometheus) == "StatefulSet db: pod db-0: " + MISSING


def test_a_custom_resource_without_children_is_explained_by_its_last_warning():
    thing = make("Thing", "a", version="example.org/v1")
    good = make("Deployment", "web", "a", version="apps/v1", spec={"replicas": 0}, status={"observedGeneration": 1})
    cluster = FakeCluster(
        good,
        event("a", "SyncFailed", "the first.", when="2026-11-23T04:00:00Z"),
        event("a", "SyncFailed", "the last.", when="2026-11-23T05:00:00Z"),
        event("a", "Synced", "fine", when="2026-11-23T06:00:00Z", kind="Normal"),
    )
    assert explain(cluster, thing) == "SyncFailed: the last"
    assert explain(FakeCluster(), thing) is None


def operator(image="mirror.example.org/x/prometheus-operator:v0.93.0", *, namespace="monitoring", **status):
    spec = {"replicas": 1, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}}
    found = make("Deployment", "prometheus-operator", version="apps/v1", spec=spec, status=status)
    found["metadata"]["namespace"] = namespace
    return found


PROMETHEUS = make("Prometheus", "p", version="monitoring.coreos.com/v1")


def test_a_custom_resource_without_its_operator_is_told_to_have_nobody():
    assert explain(FakeCluster(), PROMETHEUS) == (
        "nobody reconciles it: no Deployment of Prometheus Operator is in this cluster"
    )


def test_an_operator_that_runs_is_not_blamed():
    assert explain(FakeCluster(operator(availableReplicas=1)), PROMETHEUS) is None


def test_one_running_operator_of_two_is_enough():
    cluster = FakeCluster(operator(availableReplicas=1), operator(namespace="old", availableReplicas=0))
    assert explain(cluster, PROMETHEUS) is None


def test_an_operator_scaled_to_nothing_is_named():
    stopped = operator()
    stopped["spec"]["replicas"] = 0
    assert explain(FakeCluster(stopped), PROMETHEUS) == (
        "nobody reconciles it: Prometheus Operator (Deployment monitoring/prometheus-operator) is scaled to 0"
    )


def test_an_operator_that_cannot_start_is_explained_by_its_own_pod():
    broken = operator(observedGeneration=1, updatedReplicas=1, replicas=1)
    owned = make("ReplicaSet", "rs", "prometheus-operator", version="apps/v1", status={})
    failing = pod("operator-1", "rs", BROKEN)
    for one in (owned, failing):
        one["metadata"]["namespace"] = "monitoring"
    assert explain(FakeCluster(broken, owned, failing), PROMETHEUS) == (
        "nobody reconciles it: Prometheus Operator (Deployment monitoring/prometheus-operator) isn't running: "
        "pod operator-1: " + MISSING
    )


def test_a_webhook_beside_an_operator_is_not_the_operator():
    certificate = make("Certificate", "a", version="cert-manager.io/v1")
    webhook = operator("quay.io/jetstack/cert-manager-webhook:v1.21.2", availableReplicas=1)
    assert "no Deployment of cert-manager is" in explain(FakeCluster(webhook), certificate)


def test_operators_that_cannot_be_listed_are_not_said_to_be_missing():
    cluster = FakeCluster()
    cluster.errors["/deployments"] = ApiError(403, "Forbidden", "no")
    assert explain(cluster, PROMETHEUS) is None


def test_what_has_no_children_is_not_looked_into():
    cluster = FakeCluster()
    assert explain(cluster, make("ConfigMap", "a")) is None
    assert cluster.asked == []


@pytest.mark.parametrize("status", [0, 403, 500])
def test_what_cannot_be_read_explains_nothing_and_raises_nothing(status):
    cluster = FakeCluster(replica_set("new", "2"), pod("new-1", "new", "ContainerCreating"))
    cluster.errors["/events"] = ApiError(status, "No", "no")
    assert explain(cluster, deployment()) == "pod new-1: container c is being created"
    cluster.errors["/pods"] = ApiError(status, "No", "no")
    assert explain(cluster, deployment()) is None


def test_one_look_reads_every_list_once():
    cluster = FakeCluster(replica_set("new", "2"), pod("new-1", "new", BROKEN))
    look = Look(cluster)
    diagnose(look, deployment())
    before = list(cluster.asked)
    diagnose(look, deployment())
    assert cluster.asked == before
