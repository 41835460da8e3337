# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following a collection: the script of a server, played to one follower in this thread."""

from __future__ import annotations

import queue
import threading

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.look import Look
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, ObjectId, Resource
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.examiner import (
    ThreadedExaminer,
    children_of,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.news import Target, collections_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._watch import POLL, Follower, Watches
from fake_cluster import FakeCluster

THINGS = Resource("example.org", "v1", "Thing", "things", True)
A, B = (Target(THINGS, ObjectId("example.org", "Thing", "models", name)) for name in "ab")
METADATA = {"name": "a", "namespace": "models"}
LIST = "/apis/example.org/v1/namespaces/models/things"


def thing(name, version="1", **rest):
    return {"metadata": {"name": name, "namespace": "models", "resourceVersion": version}, **rest}


def listed(*objects, version="10"):
    return {"metadata": {"resourceVersion": version}, "items": list(objects)}


def event(kind, obj):
    return {"type": kind, "object": obj}


class Stop:
    """A stop that comes when the script is at its end; notes how long the follower would have waited."""

    def __init__(self):
        self.stopped, self.pauses = False, []

    def is_set(self):
        return self.stopped

    def set(self):
        self.stopped = True

    def wait(self, seconds):
        self.pauses.append(seconds)
        return self.stopped


class Server:
    """Plays answers in turn: a value, an error, or for a watch a list of events that may end in an error."""

    def __init__(self, stop, *script):
        self.stop, self.script, self.asked = stop, list(script), []

    def _next(self, what):
        self.asked.append(what)
        if len(self.script) == 1:
            self.stop.set()
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def get(self, path, query=None):
        return self._next(("get", path, dict(query or {})))

    def watch(self, path, query, timeout):
        for item in self._next(("watch", path, dict(query))):
            if isinstance(item, BaseException):
                raise item
            yield item


def follow(*script, targets=(A, B), brief=False):
    """Play a script to one follower; what it told, and the server and stop it met."""
    stop, found, go_on = Stop(), queue.SimpleQueue(), threading.Event()
    go_on.set()
    server = Server(stop, *script)
    (collection,) = collections_of(targets)
    Follower(server, collection, found, go_on, stop, brief=brief).run()
    told = []
    while not found.empty():
        told.append(found.get())
    return told, server, stop


def names(news):
    return {one.name: obj and obj["metadata"]["resourceVersion"] for one, obj in news.objects.items()}


def test_a_list_tells_what_there_is_and_what_there_is_not():
    told, server, _stop = follow(listed(thing("a", "7"), thing("other")))
    assert [names(news) for news in told] == [{"a": "7", "b": None}]
    assert told[0].objects[A.id]["kind"] == "Thing"
    assert told[0].objects[A.id]["apiVersion"] == "example.org/v1"
    assert server.asked == [("get", LIST, {})]


def test_a_single_object_is_read_by_its_name():
    _told, server, _stop = follow(listed(thing("a")), targets=[A])
    assert server.asked[0][2] == {"fieldSelector": "metadata.name=a"}


LABELLED = [Target(target.resource, target.id, component="demo") for target in (A, B)]
OURS = {"labelSelector": "gpu-observability.openhands.dev/component=demo"}
MISSING = ApiError(404, "NotFound", "no such thing")


def test_objects_of_ours_are_read_without_everybody_elses():
    told, server, _stop = follow(listed(thing("a"), thing("b")), [], targets=LABELLED)
    assert names(told[0]) == {"a": "1", "b": "1"}
    assert server.asked[0] == ("get", LIST, OURS)
    assert server.asked[1][2].items() >= OURS.items()


def test_one_that_the_selector_hides_is_asked_for_and_nothing_is_hidden_from_then_on():
    told, server, _stop = follow(listed(thing("a")), thing("b", "8"), [], targets=LABELLED)
    assert names(told[0]) == {"a": "1", "b": "8"}
    assert [path for _verb, path, _query in server.asked] == [LIST, LIST + "/b", LIST]
    assert "labelSelector" not in server.asked[2][2]


def test_one_that_is_not_there_yet_keeps_the_selector():
    told, server, _stop = follow(listed(thing("a")), MISSING, [event("ADDED", thing("b"))], [], targets=LABELLED)
    assert [names(news) for news in told] == [{"a": "1", "b": None}, {"b": "1"}]
    assert [verb for verb, _path, query in server.asked if query.items() >= OURS.items()] == ["get", "watch", "watch"]


def test_losing_its_label_does_not_look_like_being_deleted():
    told, server, _stop = follow(
        listed(thing("a"), thing("b")),
        [event("DELETED", thing("a", "11"))],
        thing("a", "11"),
        listed(thing("a", "12"), thing("b")),
        targets=LABELLED,
    )
    assert [names(news) for news in told] == [{"a": "1", "b": "1"}, {"a": "11"}, {"a": "12", "b": "1"}]
    assert server.asked[-1] == ("get", LIST, {})


def test_one_of_ours_that_is_deleted_is_gone():
    told, server, _stop = follow(
        listed(thing("a"), thing("b")), [event("DELETED", thing("a", "11"))], MISSING, [], targets=LABELLED
    )
    assert names(told[-1]) == {"a": None}
    assert server.asked[-1][2].items() >= OURS.items()


def test_a_watch_goes_on_from_the_list_and_then_from_the_last_version_seen():
    told, server, _stop = follow(
        listed(thing("a"), version="10"),
        [
            event("MODIFIED", thing("a", "11")),
            event("ADDED", thing("other", "12")),
            event("BOOKMARK", {"metadata": {"resourceVersion": "20"}}),
        ],
        [event("DELETED", thing("a", "21"))],
        [],
    )
    assert [names(news) for news in told] == [{"a": "1", "b": None}, {"a": "11"}, {"a": None}]
    watches = [query for verb, _path, query in server.asked if verb == "watch"]
    assert [query["resourceVersion"] for query in watches] == ["10", "20", "21"]
    assert watches[0]["allowWatchBookmarks"] == "true"


def test_what_only_has_to_exist_is_not_watched_once_it_does():
    told, server, stop = follow(listed(thing("a")), listed(), targets=[A], brief=True)
    assert len(told) == len(server.asked) == 1
    assert not stop.is_set()
    _told, server, _stop = follow(listed(), [event("ADDED", thing("a", "11"))], targets=[A], brief=True)
    assert [verb for verb, _path, _query in server.asked] == ["get", "watch"]


def test_a_deletion_is_told():
    told, _server, _stop = follow(listed(thing("a")), [event("DELETED", thing("a", "21"))], [], targets=[A])
    assert [names(news) for news in told] == [{"a": "1"}, {"a": None}]


@pytest.mark.parametrize(
    "gone",
    [
        [ApiError(410, "Expired", "too old")],
        [event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})],
    ],
)
def test_a_version_that_is_too_old_leads_to_a_new_list(gone):
    told, server, stop = follow(listed(thing("a")), gone, listed(thing("a", "30"), version="30"))
    assert [names(news)["a"] for news in told] == ["1", "30"]
    assert [verb for verb, _path, _query in server.asked] == ["get", "watch", "get"]
    assert stop.pauses == []


def test_a_lost_connection_is_told_and_reading_goes_on_after_growing_pauses():
    lost = ApiError(0, "", "connection refused")
    told, _server, stop = follow(listed(), [lost], lost, lost, lost, lost, lost, listed(thing("a")))
    assert [news.trouble.message if news.trouble else "read" for news in told] == [
        "read",
        *["connection refused"] * 6,
        "read",
    ]
    assert stop.pauses == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_the_pause_a_server_asks_for_is_kept_within_bounds():
    _told, _server, stop = follow(
        ApiError(429, "", "busy", retry_after=3), ApiError(429, "", "busy", retry_after=600), listed()
    )
    assert stop.pauses == [3, 4.0]


@pytest.mark.parametrize("status", [403, 405])
def test_where_watching_is_refused_lists_go_on(status):
    told, server, stop = follow(
        listed(thing("a")), ApiError(status, "", "no watch"), listed(thing("a", "2")), listed(thing("a", "3"))
    )
    assert [names(news)["a"] for news in told] == ["1", "2", "3"]
    assert [verb for verb, _path, _query in server.asked] == ["get", "watch", "get", "get"]
    assert stop.pauses == [POLL, POLL]


def test_where_listing_is_refused_each_object_is_read():
    forbidden = ApiError(403, "Forbidden", "no list")
    told, server, stop = follow(forbidden, thing("a", "2"), ApiError(404, "NotFound", "no b"), targets=[A, B])
    assert {obj and obj["metadata"]["resourceVersion"] for obj in told[0].objects.values()} == {"2", None}
    assert sorted(path for _verb, path, _query in server.asked) == [LIST, LIST + "/a", LIST + "/b"]
    assert stop.pauses == [POLL]


def test_where_nothing_may_be_read_that_is_told():
    forbidden = ApiError(403, "Forbidden", "not for you")
    told, _server, _stop = follow(forbidden, forbidden)
    assert told[0].trouble.status == 403
    assert told[0].objects == {}


def test_a_kind_that_is_not_served_is_told_and_asked_for_again():
    told, _server, stop = follow(ApiError(404, "NotFound", "page not found"), listed(thing("a")))
    assert (told[0].trouble.status, told[0].trouble.message) == (
        404,
        "the API server doesn't serve Thing of example.org/v1",
    )
    assert set(told[0].objects.values()) == {None}
    assert told[1].trouble is None
    assert stop.pauses[0] == POLL


def test_a_fault_of_ours_is_told_instead_of_ending_the_thread_in_silence():
    told, _server, _stop = follow(ValueError("odd"), listed())
    assert told[0].trouble.message == "ValueError: odd"
    assert told[1].trouble is None


def test_after_a_stop_a_running_watch_takes_nothing_more_in():
    told, _server, _stop = follow(listed(thing("a")), [event("MODIFIED", thing("a", "11"))])
    assert len(told) == 1


class Blocking:
    """A server whose watches block until they are closed."""

    def __init__(self):
        self.watching, self.closed = threading.Event(), threading.Event()

    def get(self, path, query=None):
        return listed(thing("a"))

    def watch(self, path, query, timeout):
        server = self

        class Stream:
            def __iter__(self):
                return self

            def __next__(self):
                server.watching.set()
                server.closed.wait()
                raise StopIteration

            def close(self):
                server.closed.set()

        return Stream()


def test_stopping_closes_streams_and_ends_the_threads():
    server = Blocking()
    watches = Watches(server, [A])
    watches.start()
    watches.follow()
    assert server.watching.wait(10)
    watches.stop()
    assert server.closed.is_set()
    for thread in watches._threads:
        thread.join(10)
        assert not thread.is_alive()
    assert [names(news) for news in watches.news()] == [{"a": "1"}]


def test_a_generator_that_runs_is_left_to_end_by_itself():
    entered, leave = threading.Event(), threading.Event()

    class Server:
        def get(self, path, query=None):
            return listed(thing("a"))

        def watch(self, path, query, timeout):
            entered.set()
            leave.wait()
            yield event("MODIFIED", thing("a", "2"))

    watches = Watches(Server(), [A])
    watches.start()
    watches.follow()
    assert entered.wait(10)
    watches.stop()
    leave.set()
    watches._threads[0].join(10)
    assert not watches._threads[0].is_alive()


def test_stopping_before_anything_was_followed_ends_the_threads():
    watches = Watches(Blocking(), [A])
    watches.start()
    watches.stop()
    watches._threads[0].join(10)
    assert not watches._threads[0].is_alive()


def test_a_claim_is_looked_at_with_classes_and_pods_until_it_is_bound():
    def claim(phase):
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": METADATA, "status": {"phase": phase}}

    local = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": METADATA}
    look = Look(FakeCluster(local, pod))
    assert children_of(look, claim("Pending")) == [local, pod]
    assert children_of(look, claim("Bound")) == ()
    assert children_of(look, custom("a")) == ()


def test_a_store_is_looked_at_with_its_gateways_and_a_bucket_claim_with_what_pods_need():
    store = {"apiVersion": "ceph.rook.io/v1", "kind": "CephObjectStore", "metadata": {**METADATA, "uid": "u"}}
    gateway = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "gateway", "namespace": METADATA["namespace"], "ownerReferences": [{"uid": "u"}]},
    }
    bucket = {"apiVersion": "objectbucket.io/v1alpha1", "kind": "ObjectBucketClaim", "metadata": METADATA}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": METADATA}
    look = Look(FakeCluster(gateway, settings))
    assert children_of(look, store) == [gateway]
    assert children_of(look, bucket) == [settings]


class Slow:
    """Answers nothing until it is let."""

    def __init__(self):
        self.asked, self.go = threading.Event(), threading.Event()

    def get(self, path, query=None):
        self.asked.set()
        self.go.wait()
        raise ApiError(0, "", "gone")


def custom(name):
    return {"apiVersion": "example.org/v1", "kind": "Thing", **thing(name)}


def test_an_examiner_takes_one_round_at_a_time_and_never_blocks_the_asker():
    server = Slow()
    examiner = ThreadedExaminer(server, [A, B])
    assert examiner.ask({A.id: custom("a")})
    assert server.asked.wait(10)
    assert not examiner.ask({A.id: custom("a")})
    assert examiner.answers() == {}
    examiner.stop()
    server.go.set()
    examiner._thread.join(10)
    assert not examiner._thread.is_alive()


def test_an_examiner_that_stumbles_answers_without_a_cause():
    class Odd:
        def get(self, path, query=None):
            raise ValueError("odd")

    examiner = ThreadedExaminer(Odd(), [A])
    examiner.ask({A.id: custom("a")})
    assert examiner._idle.wait(10)
    assert examiner.answers()[A.id].cause is None
    examiner.stop()
