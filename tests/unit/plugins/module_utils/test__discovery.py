# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server serves."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _discovery
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

VERBS = ["get", "list"]
CORE = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": ""},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced", "verbs": VERBS},
                        {"resource": "nodes", "responseKind": {"kind": "Node"}, "scope": "Cluster", "verbs": VERBS},
                    ],
                }
            ],
        }
    ],
}
APPS = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": "apps"},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "deployments",
                            "responseKind": {"kind": "Deployment"},
                            "scope": "Namespaced",
                            "verbs": VERBS,
                        },
                    ],
                }
            ],
        },
        {"metadata": {"name": "broken.example.org"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
    ],
}
LEGACY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {"name": "apps", "versions": [{"version": "v1"}]},
            {"name": "down.example.org", "versions": [{"version": "v1"}]},
        ],
    },
    "/api/v1": {
        "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": VERBS},
            {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": VERBS},
            {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": VERBS},
        ]
    },
    "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": VERBS}]},
}


def modern(path, headers):
    assert "APIGroupDiscoveryList" in headers["Accept"]
    return {"/api": CORE, "/apis": APPS}[path]


def legacy(path, headers):
    if "down.example.org" in path:
        raise ApiError(503, "ServiceUnavailable", "down")
    return LEGACY[path]


@pytest.mark.parametrize("fetch", [modern, legacy])
def test_new_and_old_servers_say_the_same(fetch):
    found, stale = _discovery.survey(fetch)
    assert len(stale) == 1
    assert {key: (r.plural, r.namespaced) for key, r in found.items()} == {
        ("v1", "Pod"): ("pods", True),
        ("v1", "Node"): ("nodes", False),
        ("apps/v1", "Deployment"): ("deployments", True),
    }
    deployment = found[("apps/v1", "Deployment")]
    assert deployment.path("ns", "x") == "/apis/apps/v1/namespaces/ns/deployments/x"
    assert deployment.verbs == {"get", "list"}


def test_an_old_server_that_refuses_is_an_error():
    def refuses(path, headers):
        if path == "/api/v1":
            raise ApiError(403, "Forbidden", "no")
        return LEGACY[path]

    with pytest.raises(ApiError):
        _discovery.survey(refuses)


@pytest.mark.parametrize(
    ("api_version", "kind", "text"),
    [
        ("v1", "Deployment", "this server has Deployment in apps/v1"),
        ("apps/v1", "Deploymnt", "did you mean Deployment?"),
        ("apps/v1", "Zebra", "apps/v1 has: Deployment"),
        ("example.org/v1", "Zebra", "its CustomResourceDefinition isn't installed"),
        ("policy.k8s.io/v1", "Zebra", ""),
    ],
)
def test_an_unknown_kind_gets_a_hint(api_version, kind, text):
    assert _discovery.hint(api_version, kind, _discovery.survey(modern)[0].values()).startswith(text)


def test_an_api_that_is_down_is_told_apart_from_one_that_lacks_a_kind():
    assert _discovery.survey(modern)[1] == {"broken.example.org/v1"}
    assert _discovery.survey(legacy)[1] == {"down.example.org/v1"}


def test_the_registration_of_an_api_says_what_is_wrong_with_it():
    down = {"type": "Available", "status": "False", "reason": "MissingEndpoints", "message": "no endpoints"}
    name = "v1.broken.example.org"
    assert (
        _discovery.complaint(name, {"status": {"conditions": [down]}})
        == "the APIService v1.broken.example.org isn't available (MissingEndpoints: no endpoints)"
    )
    assert _discovery.complaint(name, {"status": {"conditions": [{**down, "status": "True"}]}}) == ""
    assert _discovery.complaint(name, {}) == ""
