# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes from what kubelets, schedulers and controllers say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes import pods
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import (
    PATIENCE,
    Cause,
    Code,
    weightiest,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.claims import claim_cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.containers import (
    container_cause,
    missing_reference,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.creation import creation_cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.masking import masked
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.scheduling import scheduling_cause
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures" / "verdicts" / "causes"
CONTAINERS = [
    pytest.param(case, id=case["case"]) for case in yaml.safe_load_all((FIXTURES / "containers.yaml").read_text())
]
MESSAGES = yaml.safe_load((FIXTURES / "messages.yaml").read_text())


@pytest.mark.parametrize("case", CONTAINERS)
def test_container(case):
    cause = container_cause(case["status"], case["spec"])
    if case["code"] is None:
        assert cause is None
        return
    assert cause is not None
    assert (cause.code.value, cause.text) == (case["code"], case["text"])
    assert cause.said == case.get("said", "")
    assert cause.count == case.get("count", 0)
    assert (cause.log and [cause.log.container, cause.log.previous]) == case.get("log")


@pytest.mark.parametrize("case", MESSAGES["creation"], ids=lambda case: case["code"])
def test_creation(case):
    cause = creation_cause(case["message"])
    assert (cause.code.value, cause.text) == (case["code"], case["text"])


@pytest.mark.parametrize("case", MESSAGES["scheduling"], ids=lambda case: case["text"])
def test_scheduling(case):
    cause = scheduling_cause(case["message"])
    assert (cause.code.value, cause.text) == (case["code"], case["text"])


@pytest.mark.parametrize("case", MESSAGES["missing"], ids=lambda case: case["message"])
def test_missing_reference(case):
    assert missing_reference(case["message"]) == case["text"]


def test_every_code_has_a_patience():
    assert set(PATIENCE) == set(Code)


def test_the_weightiest_cause_is_the_one_that_ends_the_wait_soonest():
    late, soon, never = (Cause(code, code.value) for code in (Code.UNSCHEDULABLE, Code.IMAGE_INVALID, Code.NOT_READY))
    assert weightiest([never, late, soon]) is soon
    assert weightiest([never]) is never
    assert weightiest([]) is None


LOCAL = {"metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
CEPH = {"metadata": {"name": "ceph"}}
FREE = {"spec": {"storageClassName": "by-hand"}, "status": {"phase": "Available"}}


def claim(phase="Pending", **spec):
    return {"metadata": {"name": "data"}, "spec": spec, "status": {"phase": phase}}


CLAIMS = {
    "bound": (claim("Bound"), [LOCAL], [], [], None, ""),
    "lost": (claim("Lost", volumeName="pvc-1"), None, [], [], Code.CLAIM_LOST, "data has lost its volume pvc-1"),
    "no such class": (
        claim(storageClassName="fast"),
        [LOCAL, CEPH],
        [],
        [],
        Code.CLASS_MISSING,
        "data wants StorageClass fast, which doesn't exist: there is ceph, local (default)",
    ),
    "no class at all": (
        claim(storageClassName="fast"),
        [],
        [],
        [],
        Code.CLASS_MISSING,
        "the cluster has no StorageClass",
    ),
    "no default": (
        claim(),
        [CEPH],
        [],
        [],
        Code.CLASS_DEFAULT,
        "names no StorageClass and no default is set: there is ceph",
    ),
    "the default will do": (claim(), [LOCAL], [], [], None, ""),
    "classes can't be read": (claim(storageClassName="fast"), None, [], [], None, ""),
    "a volume made by hand needs no class": (claim(storageClassName="by-hand"), [LOCAL], [FREE], [], None, ""),
    "by hand, and none is free": (
        claim(storageClassName=""),
        [LOCAL],
        [FREE],
        [],
        Code.CLAIM_WAITS,
        "to be bound by hand",
    ),
    "provisioning failed": (
        claim(storageClassName="local"),
        [LOCAL],
        [],
        [
            {"reason": "Provisioning", "message": "started"},
            {"reason": "ProvisioningFailed", "message": "pool is full."},
        ],
        Code.PROVISIONING,
        "PersistentVolumeClaim data: pool is full",
    ),
    "provisioning failed, and is tried again": (
        claim(storageClassName="local"),
        [LOCAL],
        [],
        [
            {"reason": "ProvisioningFailed", "message": "pool is full."},
            {"reason": "Provisioning", "message": "started"},
        ],
        Code.CLAIM_WAITS,
        "is being provisioned",
    ),
    "nobody provisions": (
        claim(storageClassName="local"),
        [LOCAL],
        [],
        [
            {
                "reason": "ExternalProvisioning",
                "message": "Waiting for a volume to be created by the external provisioner 'x.org/y' or by hand",
            }
        ],
        Code.CLAIM_WAITS,
        "waits for provisioner x.org/y",
    ),
    "an event that tells nothing": (claim(storageClassName="local"), [LOCAL], [], [{"reason": "Other"}], None, ""),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claim(name):
    obj, classes, volumes, events, code, words = CLAIMS[name]
    cause = claim_cause(obj, classes, volumes, events)
    assert (cause and cause.code) == code
    assert words in (cause.text if cause else "")


EVENTS = {
    "a Secret that can't be mounted": (
        [{"reason": "FailedMount", "message": 'MountVolume.SetUp failed for volume "v" : secret "s" not found'}],
        Code.REFERENCE_MISSING,
        "a volume can't be mounted: Secret s doesn't exist",
    ),
    "a volume that can't be attached": (
        [{"reason": "FailedAttachVolume", "message": "Multi-Attach error for volume"}],
        Code.MOUNT,
        "a volume can't be mounted: Multi-Attach error for volume",
    ),
    "no network": (
        [{"reason": "FailedCreatePodSandBox", "message": "plugin failed"}],
        Code.SANDBOX,
        "its sandbox can't be made: plugin failed",
    ),
    "the node's network": (
        [{"reason": "NetworkNotReady", "message": "cni"}],
        Code.SANDBOX,
        "the node's network isn't ready: cni",
    ),
    "a probe": (
        [{"reason": "Scheduled"}, {"reason": "Unhealthy", "message": "Readiness probe failed: HTTP 503."}],
        Code.NOT_READY,
        "readiness probe failed: HTTP 503",
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_pod_events(name):
    events, code, words = EVENTS[name]
    assert pods.from_events(events) == Cause(code, words)


def test_pod_events_that_tell_nothing():
    assert pods.from_events([{"reason": "Killing"}, {}]) is None


def test_a_trouble_that_is_over_is_none():
    mount = {"reason": "FailedMount", "message": 'configmap "late" not found'}
    pulling = {"reason": "Pulling", "message": 'Pulling image "x:1"'}
    assert pods.from_events([mount, pulling]) == Cause(Code.NOT_READY, 'pulling image "x:1"')
    assert pods.from_events([mount, pulling, {"reason": "Pulled"}]) is None
    assert pods.from_events([pulling, mount]).code is Code.REFERENCE_MISSING


def test_what_is_not_ready_runs_or_is_being_created():
    creating = {"name": "a", "state": {"waiting": {"reason": "ContainerCreating"}}}
    running = {"name": "b", "ready": False, "state": {"running": {}}}
    ready = {"name": "c", "ready": True, "state": {"running": {}}}

    def said(*statuses):
        cause = pods.not_ready({"status": {"containerStatuses": list(statuses)}})
        return cause and cause.text

    assert said(creating, running, ready) == "container b runs, and isn't ready"
    assert said(creating, ready) == "container a is being created"
    assert said(ready, {"name": "d"}) is None
    assert said() == "no scheduler has looked at it yet"
    assert pods.not_ready({"spec": {"nodeName": "n1"}}) == Cause(Code.NOT_READY, "node n1 has not started it yet")


def test_a_container_that_its_probe_had_killed_is_told():
    unhealthy = {"reason": "Unhealthy", "message": "Liveness probe failed: HTTP 500."}
    killing = {"reason": "Killing", "message": "Container c failed liveness probe, will be restarted"}
    assert pods.killed_by_probe([unhealthy, killing]) == ", killed since its liveness probe failed: HTTP 500"
    silent = {"reason": "Unhealthy", "message": "Liveness probe failed: "}
    assert pods.killed_by_probe([silent, killing]) == ", killed since its liveness probe failed"
    assert pods.killed_by_probe([unhealthy]) == ""
    assert pods.killed_by_probe([killing, {"reason": "Unhealthy", "message": "Readiness probe failed"}]) == ""
    assert pods.killed_by_probe([unhealthy, {"reason": "Killing", "message": "Stopping container c"}]) == ""


def test_a_scheduling_gate_and_an_evicted_pod_are_told():
    gated = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}}
    evicted = {"status": {"phase": "Failed", "reason": "Evicted", "message": "no memory."}}
    assert pods.from_status(gated) == Cause(Code.UNSCHEDULABLE, "held back by a scheduling gate")
    assert pods.from_status(evicted) == Cause(Code.POD_FAILED, "failed: Evicted: no memory")
    assert pods.from_status({}) is None


@pytest.mark.parametrize(
    ("words", "clean"),
    [
        ("password=hunter2 next", "password=******** next"),
        ('{"api_key": "abc", "x": 1}', '{"api_key": ********, "x": 1}'),
        ("cannot reach postgres://user:pass@db:5432/x", "cannot reach postgres://user:********@db:5432/x"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer ********"),
        (
            "post to https://hooks.slack.com/services/T0/B0/xyz failed",
            "post to https://hooks.slack.com/services/******** failed",
        ),
        ("jwt eyJhbGciOiJIUzI1NiJ9.e30.abc", "jwt ********"),
        ("nothing secret here: exit 3", "nothing secret here: exit 3"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(words, clean):
    assert masked(words) == clean


@given(
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=6), st.text(max_size=20), st.text(max_size=20)
)
def test_a_known_secret_is_never_shown(secret, before, after):
    shown = masked(before + secret + after, [secret])
    assert secret not in shown or secret in "********"


def test_a_secret_of_several_lines_is_hidden_line_by_line():
    assert masked("read BEGIN-KEY and MIIabcdef", ["BEGIN-KEY\nMIIabcdef\n"]) == "read ******** and ********"
    assert masked("a is on", ["on"]) == "a is on"
    assert masked("pin 1234", ["1234"]) == "pin ********"
