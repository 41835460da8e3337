# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a set, on a clock that only moves when the waiter sleeps."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import ClassVar

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import PATIENCE, Cause, Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    ObjectId,
    Resource,
    Status,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import CustomCondition
from ansible_collections.openhands.gpu_observability.plugins.module_utils._wait import (
    GRACE,
    LOOK_MOST,
    TICK,
    Target,
    wait_for,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.news import (
    Insight,
    News,
    Trouble,
    collections_of,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.settling import (
    CRASHED,
    OPERATED,
    UNPROBED,
)
from fake_cluster import FakeCluster
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = {
    "Deployment": Resource("apps", "v1", "Deployment", "deployments", True),
    "DaemonSet": Resource("apps", "v1", "DaemonSet", "daemonsets", True),
    "Job": Resource("batch", "v1", "Job", "jobs", True),
    "ConfigMap": Resource("", "v1", "ConfigMap", "configmaps", True),
    "PersistentVolumeClaim": Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    "Thing": Resource("example.org", "v1", "Thing", "things", True),
}


def target(kind, name="web"):
    return Target(KINDS[kind], ObjectId(KINDS[kind].group, kind, "models", name))


def body(kind, name="web", **rest):
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "models", "generation": 1},
        **rest,
    }


def deployment(ready, probed=True, **status):
    container = {"name": "c", **({"readinessProbe": {"httpGet": {"port": 80}}} if probed else {})}
    return body(
        "Deployment",
        spec={"replicas": 1, "template": {"spec": {"containers": [container]}}},
        status={
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": int(ready),
            **status,
        },
    )


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


class Feed:
    """Plays a script: seconds after the start to what is read then."""

    def __init__(self, clock, script):
        self.clock, self.script = clock, sorted(script, key=lambda entry: entry[0])
        self.calls = []

    def start(self):
        self.began = self.clock()
        self.calls.append("start")

    def follow(self):
        if "follow" not in self.calls:
            self.calls.append("follow")

    def news(self):
        due = [news for at, news in self.script if at <= self.clock() - self.began]
        self.script = self.script[len(due) :]
        return due

    def stop(self):
        self.calls.append("stop")


class Examiner:
    """Answers at once from a function of the seconds since the first question; None: never answers."""

    def __init__(self, clock, insight):
        self.clock, self.insight = clock, insight
        self.rounds, self.pending, self.stopped = [], {}, False
        self.busy_until = 0.0

    @property
    def busy(self):
        return self.clock() < self.busy_until

    def ask(self, objects):
        self.rounds.append((self.clock(), sorted(target.kind for target in objects)))
        if self.insight is not None:
            self.pending = {target: self.insight(self.clock() - self.rounds[0][0]) for target in objects}
        return True

    def answers(self):
        answers, self.pending = self.pending, {}
        return answers

    def stop(self):
        self.stopped = True


class Run:
    """One wait with everything in reach."""

    def __init__(self, targets, script, timeout=60, insight=None, **options):
        self.clock, self.lines = Clock(), []
        self.feed = Feed(self.clock, script)
        self.examiner = Examiner(self.clock, insight)
        self.outcomes = wait_for(
            FakeCluster(),
            targets,
            timeout=timeout,
            emit=self.lines.append,
            clock=self.clock,
            sleep=self.clock.sleep,
            feed=self.feed,
            examiner=self.examiner,
            **options,
        )
        self.seconds = self.clock() - 1000.0

    @property
    def verdict(self):
        return self.outcomes[0].verdict


def read(*targets, **objects):
    """What one list brings for targets that share a collection; by kind."""
    (collection,) = collections_of(targets)
    return News(collection, {one.id: objects.get(one.id.kind) for one in targets})


def trouble(one, status, message="no"):
    (collection,) = collections_of([one])
    return News(collection, trouble=Trouble(status, message))


WEB = target("Deployment")


def causing(code, count=0):
    return lambda _seconds: Insight(Cause(code, "pod x: trouble", count))


def test_no_targets_need_no_waiting():
    assert wait_for(FakeCluster(), [], timeout=9, emit=print) == []


def test_a_set_that_is_current_at_once_takes_one_read_and_no_watch_no_look_no_line():
    run = Run([WEB], [(0, read(WEB, Deployment=deployment(True, probed=False)))])
    assert run.verdict.status is Status.CURRENT
    assert run.seconds == 0
    assert run.feed.calls == ["start", "stop"]
    assert run.examiner.rounds == []
    assert run.lines == []


def test_readiness_is_seen_within_a_tick_and_timed():
    config = target("ConfigMap")
    script = [
        (0, read(config, ConfigMap=body("ConfigMap"))),
        (0, read(WEB, Deployment=deployment(False))),
        (7.25, read(WEB, Deployment=deployment(True))),
    ]
    run = Run([config, WEB], script)
    assert [outcome.verdict.status for outcome in run.outcomes] == [Status.CURRENT] * 2
    assert [outcome.id.kind for outcome in run.outcomes] == ["ConfigMap", "Deployment"]
    assert run.outcomes[0].seconds <= TICK
    assert 7.25 <= run.outcomes[1].seconds <= 7.25 + TICK + 0.01
    assert run.seconds <= 7.25 + TICK + 0.01
    assert run.feed.calls == ["start", "follow", "stop"]


def test_the_set_is_done_only_when_all_are_current_at_once():
    job = target("Job")
    script = [
        (0, read(WEB, Deployment=deployment(True))),
        (0, read(job, Job=body("Job", status={"startTime": "x", "active": 1}))),
        (5, read(WEB, Deployment=deployment(False))),
        (6, read(job, Job=body("Job", status={"conditions": [{"type": "Complete", "status": "True"}]}))),
        (9, read(WEB, Deployment=deployment(True))),
    ]
    run = Run([WEB, job], script)
    assert all(outcome.verdict.status is Status.CURRENT for outcome in run.outcomes)
    assert 9 <= run.seconds < 9.2


def test_at_the_timeout_every_unfinished_object_has_its_cause():
    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=20, insight=causing(Code.NOT_READY))
    assert run.verdict.status is Status.IN_PROGRESS
    assert run.verdict.reason == "0 of 1 pod available: pod x: trouble"
    assert 20 <= run.seconds <= 20.2


def test_a_timeout_of_zero_takes_one_look():
    run = Run([WEB], [(0.3, read(WEB, Deployment=deployment(False)))], timeout=0, insight=causing(Code.NOT_READY))
    assert run.verdict.reason == "0 of 1 pod available: pod x: trouble"
    assert run.seconds < 1


def test_what_is_never_read_says_so():
    run = Run([WEB], [], timeout=3)
    assert run.verdict.status is Status.IN_PROGRESS
    assert run.verdict.reason == "not read in time"
    assert run.seconds <= 4


def test_what_does_not_exist_is_waited_for():
    run = Run([WEB], [(0, read(WEB)), (4, read(WEB, Deployment=deployment(True)))])
    assert run.verdict.status is Status.CURRENT
    run = Run([WEB], [(0, read(WEB))], timeout=4)
    assert (run.verdict.status, run.verdict.reason) == (Status.NOT_FOUND, "does not exist")


def test_a_failure_for_good_ends_the_wait_at_once_and_is_explained():
    late = deployment(
        False, conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}]
    )
    run = Run([WEB], [(0, read(WEB, Deployment=late))], insight=causing(Code.NOT_READY))
    assert run.verdict.terminal
    assert run.verdict.reason == "made no progress within spec.progressDeadlineSeconds: pod x: trouble"
    assert run.seconds <= TICK * 2


LATE = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}]


def test_a_failure_is_explained_by_a_fresh_look():
    def exploring(seconds):
        return Insight(Cause(Code.NOT_READY, "pod x: is being created" if seconds < 8.2 else "pod x: failed"))

    script = [
        (0, read(WEB, Deployment=deployment(False))),
        (9.5, read(WEB, Deployment=deployment(False, conditions=LATE))),
    ]
    run = Run([WEB], script, insight=exploring)
    assert run.verdict.reason.endswith("progressDeadlineSeconds: pod x: failed")
    assert run.seconds < 10


def test_of_very_many_objects_each_has_its_turn_to_be_looked_at():
    targets = [target("Deployment", f"web-{number:03}") for number in range(120)]
    bodies = {
        one.id: {**deployment(False), "metadata": {"name": one.id.name, "namespace": "models"}} for one in targets
    }
    (collection,) = collections_of(targets)

    class Noting(Examiner):
        looks: ClassVar[list[set[str]]] = []

        def ask(self, objects):
            self.looks.append({one.name for one in objects})
            return super().ask(objects)

    clock = Clock()
    examiner = Noting(clock, None)
    options = {"clock": clock, "sleep": clock.sleep, "examiner": examiner, "emit": print}
    wait_for(FakeCluster(), targets, timeout=8, feed=Feed(clock, [(0, News(collection, bodies))]), **options)
    assert [len(names) for names in examiner.looks[:3]] == [LOOK_MOST] * 3
    assert len(set.union(*examiner.looks[:3])) == len(targets)


@pytest.mark.parametrize(("takes", "apart"), [(0.0, 2.0), (0.1, 2.0), (1.0, 10.0), (5.0, 20.0)])
def test_a_look_that_takes_long_is_taken_less_often(takes, apart):
    clock = Clock()

    class Slow(Examiner):
        def ask(self, objects):
            if self.busy:
                return False
            self.busy_until = self.clock() + takes
            return super().ask(objects)

    examiner = Slow(clock, lambda _seconds: Insight(Cause(Code.NOT_READY, "pod x: is being created")))
    wait_for(
        FakeCluster(),
        [WEB],
        timeout=65,
        emit=print,
        clock=clock,
        sleep=clock.sleep,
        feed=Feed(clock, [(0, read(WEB, Deployment=deployment(False)))]),
        examiner=examiner,
    )
    looks = [when for when, _kinds in examiner.rounds]
    pauses = [later - sooner for sooner, later in pairwise(looks)][:-1]
    assert pauses
    assert all(apart <= pause <= apart + 0.6 + takes for pause in pauses), pauses


def test_a_round_that_is_under_way_at_the_end_is_not_taken_for_the_fresh_look():
    clock = Clock()

    class Slow(Examiner):
        """Its first round takes 9 seconds and tells what it saw at its start."""

        def ask(self, objects):
            if self.busy:
                return False
            self.started = self.clock()
            self.rounds.append((self.started, []))
            self.asked = list(objects)
            self.busy_until = self.started + (9 if len(self.rounds) == 1 else 0)
            return True

        def answers(self):
            if self.busy or not self.rounds or not self.asked:
                return {}
            words = "pod x: is being created" if len(self.rounds) == 1 else "pod x: failed"
            asked, self.asked = self.asked, []
            return {one: Insight(Cause(Code.NOT_READY, words)) for one in asked}

    script = [
        (0, read(WEB, Deployment=deployment(False))),
        (9.5, read(WEB, Deployment=deployment(False, conditions=LATE))),
    ]
    (outcome,) = wait_for(
        FakeCluster(),
        [WEB],
        timeout=60,
        emit=print,
        clock=clock,
        sleep=clock.sleep,
        feed=Feed(clock, script),
        examiner=Slow(clock, None),
    )
    assert outcome.verdict.reason.endswith("pod x: failed")


def test_what_ended_the_wait_stays_the_answer_though_the_object_flaps_while_it_is_explained():
    script = [
        (0, read(WEB, Deployment=deployment(False, conditions=LATE))),
        (0.1, read(WEB, Deployment=deployment(False))),
    ]
    run = Run([WEB], script, insight=None)
    assert run.verdict.terminal
    assert "progressDeadlineSeconds" in run.verdict.reason


def test_a_failure_that_might_mend_itself_is_given_some_time():
    empty = body("DaemonSet", spec={}, status={"observedGeneration": 1, "desiredNumberScheduled": 0})
    script = [(0, read(target("DaemonSet"), DaemonSet=empty))]
    run = Run([target("DaemonSet")], script, timeout=90, insight=lambda _seconds: Insight())
    assert run.verdict.terminal
    assert 30 <= run.seconds <= 31.2
    full = body(
        "DaemonSet",
        spec={},
        status={
            "observedGeneration": 1,
            "desiredNumberScheduled": 1,
            "updatedNumberScheduled": 1,
            "numberAvailable": 1,
        },
    )
    script = [(0, read(target("DaemonSet"), DaemonSet=empty)), (20, read(target("DaemonSet"), DaemonSet=full))]
    assert Run([target("DaemonSet")], script, timeout=90).verdict.status is Status.CURRENT


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.CRASH_LOOP])
def test_every_cause_ends_the_wait_when_its_patience_is_over(code):
    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=400, insight=causing(code))
    patience = PATIENCE[code]
    if patience is None:
        assert not run.verdict.terminal
        assert run.seconds >= 400
    else:
        assert run.verdict.terminal
        assert run.verdict.status is Status.FAILED
        assert patience <= run.seconds <= patience + 4


@pytest.mark.parametrize(("code", "seconds"), [(Code.QUOTA, 20), (Code.WEBHOOK_DOWN, 60), (Code.EVENT, 30)])
def test_a_known_cause_decides_how_long_a_failure_may_last_and_an_idle_one_does_not(code, seconds):
    refused = deployment(False, conditions=[{"type": "ReplicaFailure", "status": "True", "message": "refused"}])
    run = Run([WEB], [(0, read(WEB, Deployment=refused))], timeout=400, insight=causing(code))
    assert run.verdict.terminal
    assert run.verdict.reason == "pod x: trouble"
    assert seconds <= run.seconds <= seconds + 4


def test_a_crash_loop_is_final_after_three_restarts_of_which_one_was_seen():
    def crashing(seconds):
        return Insight(Cause(Code.CRASH_LOOP, "pod x: crashes", int(seconds // 10)))

    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=400, insight=crashing)
    assert run.verdict.terminal
    assert 30 <= run.seconds <= 34


def test_a_pod_that_sits_out_the_back_off_of_older_crashes_is_waited_for():
    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=200, insight=causing(Code.CRASH_LOOP, 40))
    assert not run.verdict.terminal

    def again(seconds):
        return Insight(Cause(Code.CRASH_LOOP, "pod x: crashes", 40 if seconds < 100 else 41))

    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=200, insight=again)
    assert run.verdict.terminal
    assert 100 <= run.seconds <= 104


def test_the_time_between_two_crashes_does_not_start_the_count_anew():
    def flapping(seconds):
        running = int(seconds) % 10 < 5
        return Insight(
            Cause(Code.NOT_READY, "runs") if running else Cause(Code.CRASH_LOOP, "crashes", int(seconds // 10))
        )

    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=400, insight=flapping)
    assert run.verdict.terminal
    assert run.seconds < 45


def test_without_a_readiness_probe_what_became_available_must_stay_so_for_a_moment():
    script = [
        (0, read(WEB, Deployment=deployment(False, probed=False))),
        (2, read(WEB, Deployment=deployment(True, probed=False))),
        (3, read(WEB, Deployment=deployment(False, probed=False))),
        (12, read(WEB, Deployment=deployment(True, probed=False))),
    ]
    run = Run([WEB], script)
    assert run.verdict.status is Status.CURRENT
    assert 12 + UNPROBED <= run.seconds <= 12.2 + UNPROBED


def test_what_crashed_meanwhile_must_stay_available_longer():
    script = [(0, read(WEB, Deployment=deployment(False))), (10, read(WEB, Deployment=deployment(True)))]
    run = Run([WEB], script, insight=causing(Code.CRASHED))
    assert 10 + CRASHED <= run.seconds <= 10.2 + CRASHED


def prometheus(reconciled="True", updated=2):
    # As the operator was seen to write it: the new generation beside what it found for the old one.
    conditions = [{"type": "Available", "status": "True"}, {"type": "Reconciled", "status": reconciled}]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": "p", "namespace": "models", "generation": 2},
        "spec": {"replicas": 2},
        "status": {
            "conditions": [{**condition, "observedGeneration": 2} for condition in conditions],
            **dict.fromkeys(("replicas", "availableReplicas"), 2),
            "updatedReplicas": updated,
        },
    }


def operated(fresh):
    kind = Resource("monitoring.coreos.com", "v1", "Prometheus", "prometheuses", True)
    return Target(kind, ObjectId("monitoring.coreos.com", "Prometheus", "models", "p"), fresh=fresh)


def test_an_operator_is_not_believed_at_once_about_what_was_just_written():
    one = operated(fresh=True)
    script = [
        (0, read(one, Prometheus=prometheus())),
        (2, read(one, Prometheus=prometheus(updated=0))),
        (20, read(one, Prometheus=prometheus())),
    ]
    run = Run([one], script)
    assert run.verdict.status is Status.CURRENT
    assert 20 + OPERATED <= run.seconds <= 20.2 + OPERATED
    refused = [(0, read(one, Prometheus=prometheus())), (2, read(one, Prometheus=prometheus("False")))]
    assert Run([one], refused, timeout=60).verdict.status is Status.FAILED


def test_an_operator_is_believed_about_what_was_there_before():
    one = operated(fresh=False)
    assert Run([one], [(0, read(one, Prometheus=prometheus()))]).seconds < 0.2


def test_an_operator_that_has_not_handed_the_image_on_is_waited_for_however_long_it_takes():
    one = operated(fresh=True)
    wanted = {**prometheus(), "spec": {"replicas": 2, "image": "prometheus:v3"}}

    def insight(seconds):
        containers = [{"name": "prometheus", "image": "prometheus:v3" if seconds > 30 else "prometheus:v2"}]
        template = {"spec": {"containers": containers}}
        return Insight(children=[{"kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {"template": template}}])

    run = Run([one], [(0, read(one, Prometheus=wanted))], insight=insight)
    assert run.verdict.status is Status.CURRENT
    assert run.seconds > 30 + OPERATED
    late = Run([one], [(0, read(one, Prometheus=wanted))], timeout=20, insight=insight)
    assert "has not given StatefulSet s the image prometheus:v3 yet" in late.verdict.reason


def test_minimum_ready_seconds_and_nothing_to_run_need_no_watching():
    waiting, ready = deployment(False, probed=False), deployment(True, probed=False)
    ready["spec"]["minReadySeconds"] = 5
    assert Run([WEB], [(0, read(WEB, Deployment=waiting)), (2, read(WEB, Deployment=ready))]).seconds < 2.2
    none = deployment(False, probed=False)
    none["spec"]["replicas"] = 0
    none["status"] = {"observedGeneration": 1, "replicas": 0}
    assert Run([WEB], [(0, read(WEB, Deployment=waiting)), (2, read(WEB, Deployment=none))]).seconds < 2.2


def test_a_running_pod_is_watched_too():
    pod = Target(Resource("", "v1", "Pod", "pods", True), ObjectId("", "Pod", "models", "p"))

    def running(ready):
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            "spec": {"containers": [{}]},
            "status": status,
        }

    run = Run([pod], [(0, read(pod, Pod=running(False))), (2, read(pod, Pod=running(True)))])
    assert 2 + UNPROBED <= run.seconds <= 2.2 + UNPROBED


def test_a_job_that_is_removed_after_it_completed_stays_current():
    job = target("Job")
    done = body(
        "Job", spec={"ttlSecondsAfterFinished": 0}, status={"conditions": [{"type": "Complete", "status": "True"}]}
    )
    script = [
        (0, read(job, Job=done)),
        (0, read(WEB, Deployment=deployment(False))),
        (3, read(job)),
        (5, read(WEB, Deployment=deployment(True))),
    ]
    run = Run([job, WEB], script)
    assert run.verdict.status is Status.CURRENT
    del done["spec"]["ttlSecondsAfterFinished"]
    assert Run([job, WEB], script, timeout=8).verdict.status is Status.NOT_FOUND


def test_a_claim_is_judged_with_its_class_as_soon_as_it_is_read():
    claim = target("PersistentVolumeClaim")
    pending = body("PersistentVolumeClaim", spec={"storageClassName": "local"}, status={"phase": "Pending"})
    local = {"kind": "StorageClass", "metadata": {"name": "local"}, "volumeBindingMode": "WaitForFirstConsumer"}
    script = [(0, read(claim, PersistentVolumeClaim=pending))]
    run = Run([claim], script, insight=lambda _seconds: Insight(children=[local]))
    assert run.verdict.status is Status.CURRENT
    assert run.seconds < 0.3


def test_a_kind_without_a_status_is_current_once_its_definition_says_so():
    thing = target("Thing")
    script = [(0, read(thing, Thing=body("Thing")))]
    assert Run([thing], script, insight=lambda _seconds: Insight(reports_status=False)).verdict.status is Status.CURRENT
    run = Run([thing], script, timeout=5, insight=lambda _seconds: Insight(reports_status=True))
    assert run.verdict.status is Status.IN_PROGRESS
    assert "no controller" in run.verdict.reason


def test_a_condition_of_the_site_is_waited_for():
    thing = target("Thing")
    script = [
        (0, read(thing, Thing=body("Thing", status={"n": 1}))),
        (3, read(thing, Thing=body("Thing", status={"n": 2}))),
    ]
    rule = CustomCondition("example.org/v1", "Thing", None, "status.n == `2`")
    assert 3 <= Run([thing], script, conditions=[rule]).seconds < 3.2


def test_lost_connections_are_borne_until_the_deadline():
    script = [
        (0, read(WEB, Deployment=deployment(False))),
        (2, trouble(WEB, 0, "connection refused")),
        (40, read(WEB, Deployment=deployment(True))),
    ]
    assert Run([WEB], script).verdict.status is Status.CURRENT
    run = Run([WEB], script[:2], timeout=30)
    assert run.verdict.status is Status.IN_PROGRESS
    assert run.verdict.reason == "the API server doesn't answer: connection refused (last seen: 0 of 1 pod available)"


def test_what_was_current_is_not_doubted_because_nobody_answers():
    job = target("Job")
    done = body("Job", status={"conditions": [{"type": "Complete", "status": "True"}]})
    script = [
        (0, read(WEB, Deployment=deployment(True))),
        (0, read(job, Job=body("Job", status={"startTime": "x"}))),
        (1, trouble(WEB, 0)),
        (2, read(job, Job=done)),
    ]
    assert Run([WEB, job], script).seconds < 2.2


@pytest.mark.parametrize(
    ("status", "words", "patience"), [(401, "refuses the credentials", 10), (403, "may not read", 5)]
)
def test_refused_credentials_end_the_wait_soon(status, words, patience):
    run = Run([WEB], [(0, trouble(WEB, status, "sorry")), (3, trouble(WEB, status, "sorry"))], timeout=60)
    assert run.verdict.terminal
    assert words in run.verdict.reason
    assert run.verdict.reason.endswith("sorry")
    assert patience <= run.seconds <= patience + 1


def test_a_kind_that_is_not_served_is_waited_for_and_named():
    run = Run([WEB], [(0, trouble(WEB, 404, "the API server doesn't serve it"))], timeout=5)
    assert run.verdict.status is Status.NOT_FOUND
    assert run.verdict.reason == "the API server doesn't serve it"


def deleted(**metadata):
    obj = deployment(True)
    obj["metadata"].update(metadata)
    return obj


def test_what_shall_be_gone_is_waited_for():
    dying = deleted(deletionTimestamp="2026-11-23T04:00:00Z", finalizers=["x.org/y"])
    run = Run([WEB], [(0, read(WEB, Deployment=dying)), (3, read(WEB))], expect_absent=True)
    assert (run.verdict.status, run.verdict.reason) == (Status.NOT_FOUND, "gone")
    assert 3 <= run.seconds < 3.2
    run = Run([WEB], [(0, read(WEB, Deployment=dying))], timeout=6, expect_absent=True)
    assert run.verdict.status is Status.TERMINATING
    assert "x.org/y" in run.verdict.reason
    assert run.lines == ["0 of 1 gone; waiting for %s: %s (1 s)" % (WEB.id, run.verdict.reason)]


def test_what_shall_be_gone_and_is_not_being_deleted_is_told():
    run = Run([WEB], [(0, read(WEB, Deployment=deployment(True)))], timeout=3, expect_absent=True)
    assert run.verdict.status is Status.IN_PROGRESS
    assert "not being deleted" in run.verdict.reason


def test_a_kind_that_is_not_served_any_more_is_gone():
    assert Run([WEB], [(0, trouble(WEB, 404))], expect_absent=True).verdict.reason == "gone"


def test_what_is_being_deleted_is_not_explained_by_its_children():
    run = Run(
        [WEB],
        [(0, read(WEB, Deployment=deleted(deletionTimestamp="x")))],
        timeout=5,
        insight=causing(Code.IMAGE_INVALID),
    )
    assert (run.verdict.status, run.verdict.reason) == (Status.TERMINATING, "being deleted")


def test_progress_is_told_upon_change_and_not_too_often():
    job, things = target("Job"), target("ConfigMap")
    script = [
        (0, read(WEB, Deployment=deployment(False))),
        (0, read(job, Job=body("Job", status={"startTime": "x", "active": 1}))),
        (0, read(things, ConfigMap=body("ConfigMap"))),
        (2, read(WEB, Deployment=deployment(False, replicas=2))),
        (8, read(WEB, Deployment=deployment(True))),
    ]
    run = Run([things, WEB, job], script, timeout=50)
    assert run.lines == [
        "1 of 3 current; waiting for Deployment models/web: 0 of 1 pod available (and 1 more) (1 s)",
        "1 of 3 current; waiting for Deployment models/web: 1 old pod to be removed (and 1 more) (6 s)",
        "2 of 3 current; waiting for Job models/web: 0 of 1 completion done, 1 running (11 s)",
        "2 of 3 current; waiting for Job models/web: 0 of 1 completion done, 1 running (41 s)",
    ]


def test_progress_names_what_failed_before_what_merely_takes_time():
    empty = body("DaemonSet", spec={}, status={"observedGeneration": 1, "desiredNumberScheduled": 0})
    agents = target("DaemonSet")
    run = Run(
        [WEB, agents], [(0, read(WEB, Deployment=deployment(False))), (0, read(agents, DaemonSet=empty))], timeout=3
    )
    assert "waiting for DaemonSet models/web: no node matches" in run.lines[0]


def test_children_are_looked_at_after_a_second_and_then_every_other():
    run = Run([WEB], [(0, read(WEB, Deployment=deployment(False)))], timeout=10, insight=causing(Code.NOT_READY))
    gaps = [later[0] - earlier[0] for earlier, later in zip(run.examiner.rounds, run.examiner.rounds[1:], strict=False)]
    assert run.examiner.rounds[0][0] >= 1001
    assert len(gaps) >= 4
    assert min(gaps[:-1]) >= 2, "only the look at the end comes sooner"


def test_an_interrupt_stops_all_readers():
    clock = Clock()
    feed, examiner = Feed(clock, []), Examiner(clock, None)

    def interrupt(_seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_for(
            FakeCluster(), [WEB], timeout=9, emit=print, clock=clock, sleep=interrupt, feed=feed, examiner=examiner
        )
    assert feed.calls[-1] == "stop"
    assert examiner.stopped


STATES = st.sampled_from(
    [None, deployment(False), deployment(True), deployment(True, probed=False), deleted(deletionTimestamp="x")]
)
CAUSES = st.none() | st.sampled_from([Insight(), *(Insight(Cause(code, code.value, 3)) for code in Code)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), STATES | st.sampled_from([0, 401, 403, 404, 500])), max_size=8),
    st.floats(0, 20),
    CAUSES,
    st.booleans(),
)
def test_waiting_never_overruns_and_every_unfinished_object_has_a_reason(events, timeout, insight, absent):
    script = [(at, trouble(WEB, what) if isinstance(what, int) else read(WEB, Deployment=what)) for at, what in events]
    answer = None if insight is None else lambda _seconds: insight
    run = Run([WEB], script, timeout=timeout, insight=answer, expect_absent=absent)
    assert run.seconds <= timeout + GRACE + TICK + 0.001
    assert run.verdict.reason or run.verdict.status is Status.CURRENT
    done = run.verdict.status is (Status.NOT_FOUND if absent else Status.CURRENT)
    assert done or run.verdict.terminal or run.seconds >= timeout - 0.001


class StandingClock(Clock):
    """Stands still until the threads have done what the test waits for; then the time is over."""

    def __init__(self, happened):
        super().__init__()
        self.happened = happened

    def sleep(self, seconds):
        time.sleep(0)  # lets the threads run
        if self.happened():
            self.now += 100


def test_real_threads_read_and_explain():
    cluster = FakeCluster(deployment(True), body("ConfigMap"), body("Thing"))
    cluster.objects.append(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.org"},
            "spec": {
                "versions": [{"name": "v1beta1", "subresources": {"status": {}}}, {"name": "v1", "subresources": {}}]
            },
        }
    )
    clock = StandingClock(lambda: False)
    targets = [WEB, target("ConfigMap"), target("Thing")]
    outcomes = wait_for(cluster, targets, timeout=60, emit=print, clock=clock, sleep=clock.sleep)
    assert [outcome.verdict.status for outcome in outcomes] == [Status.CURRENT] * 3


def test_an_unreadable_api_is_told_by_the_real_readers():
    cluster = FakeCluster()
    cluster.errors["/"] = ApiError(403, "Forbidden", "not for you")
    clock = StandingClock(lambda: len(cluster.asked) > 1)
    (outcome,) = wait_for(cluster, [WEB], timeout=50, emit=print, clock=clock, sleep=clock.sleep)
    assert outcome.verdict.reason == "the credentials may not read it: not for you"
