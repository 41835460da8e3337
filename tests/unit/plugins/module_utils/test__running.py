# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images a component's pods run."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _running
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError


def thing(uid, *owners, **more):
    return {"metadata": {"uid": uid, "ownerReferences": [{"uid": owner} for owner in owners]}, **more}


def pod(uid, owner, image, phase="Running"):
    spec = {"containers": [{"name": "main", "image": image}]}
    return thing(uid, *([owner] if owner else []), spec=spec, status={"phase": phase})


class Lists:
    """Answers lists by the last part of the path."""

    def __init__(self, **items):
        self.items, self.asked = items, []

    def get(self, path, query=None):
        self.asked.append(path)
        return {"items": self.items.get(path.rsplit("/", 1)[1], [])}


def test_pods_are_found_through_what_stands_between():
    lists = Lists(
        pods=[
            pod("p1", "set", "a:1"),
            pod("p2", "set", "a:1"),
            pod("p3", "theirs", "b:1"),
            pod("p4", "set", "old:1", "Succeeded"),
            pod("own", "", "c:1"),
        ],
        replicasets=[thing("set", "deployment"), thing("theirs", "else")],
        deployments=[thing("deployment", "custom"), thing("else", "else")],
    )
    assert _running.containers(lists, ["here", "here"], {"custom", "own"}) == [
        {"container": "main", "image": "a:1", "pods": 2},
        {"container": "main", "image": "c:1", "pods": 1},
    ]
    assert sum(path.endswith("/pods") for path in lists.asked) == 1


def test_a_namespace_without_pods_costs_one_call():
    lists = Lists()
    assert _running.containers(lists, ["here"], {"x"}) == []
    assert len(lists.asked) == 1


def test_versions_are_tags_of_the_repositories_that_are_meant():
    running = [
        {"image": image}
        for image in ("r.io/a:v1.2", "r.io/a:main", "r.io/a@sha256:0123456789abcdef", "r.io/b:3", "vim:vx")
    ]
    assert _running.versions(running, ["r.io/a", "docker.io/vim"]) == ["1.2", "main", "sha256:0123456789ab", "vx"]


def test_what_may_not_be_seen_counts_as_nothing():
    class Closed(Lists):
        def get(self, path, query=None):
            if "pods" not in path:
                raise ApiError(403, "Forbidden", "no")
            return super().get(path, query)

    assert _running.containers(Closed(pods=[pod("p1", "set", "a:1")]), ["here"], {"set"}) != []

    class Broken(Lists):
        def get(self, path, query=None):
            raise ApiError(500, "InternalError", "no")

    with pytest.raises(ApiError):
        _running.containers(Broken(), ["here"], {"set"})
