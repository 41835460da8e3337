# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning against the server in memory: kinds and namespaces that are still to come."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Resource
from engine_case import CONFIG_MAP, changes, request
from fake_server import VERBS, FakeServer

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
    - name: v1
      served: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {size: {type: integer, default: 3}%s}}
"""
DEFINITION = CRD % ""
RULE = ", x: {type: string, pattern: 'a(?i)b', x-kubernetes-validations: [{rule: isQuantity(self)}]}"
WIDGET = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {%s}\n"
SERVED = Resource("example.org", "v1", "Widget", "widgets", namespaced=True, verbs=VERBS)
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.org"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer("here")


def check(server: FakeServer, text: str, schemas: str = DEFINITION, **options: Any) -> dict[str, Any]:
    wanted = request(text, **{"check_mode": True, "diff": True, **options})
    wanted.schemas = lambda: load(schemas, "run.yaml")
    return _engine.run(wanted, lambda _line: None, client=server)


def refused(server: FakeServer, text: str, **more: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        check(server, text, **more)
    assert not server.writes
    return [str(problem) for problem in caught.value.problems]


def test_the_definitions_of_the_run_are_read_once(server):
    wanted, read = request(WIDGET % "", check_mode=True), []
    wanted.schemas = lambda: read.append(1) or load(DEFINITION, "run.yaml")
    assert changes(_engine.run(wanted, lambda _line: None, client=server)) == {"w": "created"}
    assert len(read) == 1


def test_a_kind_of_the_run_is_shown_as_it_will_be(server):
    result = check(server, WIDGET % "")
    assert changes(result) == {"w": "created"}
    assert "size: 3" in result["diff"][0]["after"]
    assert "namespace: here" in result["diff"][0]["after"]
    assert result["warnings"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WIDGET % "size: big", 't.yaml:1: Widget here/w: spec.size: must be an integer, not "big"'),
        (WIDGET % "sise: 1", "t.yaml:1: Widget here/w: spec.sise: is not a field of this kind; did you mean size?"),
        ((WIDGET % "").replace("name: w", "name: W"), "t.yaml:1: Widget here/W: metadata.name: "),
        ((WIDGET % "").replace("Widget", "Wigdet"), "on this server; did you mean Widget?"),
        ((WIDGET % "").replace("org/v1", "org/v2"), "on this server; its definition in this run has: example.org/v1"),
    ],
)
def test_mistakes_in_a_kind_of_the_run(server, text, message):
    (found,) = refused(server, text)
    assert message in found


def test_outside_check_mode_only_the_set_itself_can_bring_a_kind(server):
    (found,) = refused(server, WIDGET % "", check_mode=False)
    assert "no kind Widget in example.org/v1 on this server; this run has Widget in example.org/v1" in found


def test_a_kind_that_nobody_defines_is_a_warning_where_nothing_speaks_against_it(server):
    result = check(server, WIDGET % "", schemas="")
    assert changes(result) == {"w": "created"}
    (warning,) = result["warnings"]
    assert warning.startswith("Not checked, as the cluster doesn't have these definitions yet: ")
    assert "objects of kinds that nobody here defines: 1 (example.org/v1 Widget)" in warning
    (found,) = refused(server, "apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: x}\n")
    assert "did you mean Deployment?" in found


def test_a_namespace_does_not_belong_on_a_cluster_wide_kind_that_is_coming(server):
    text = (WIDGET % "").replace("name: w", "name: w, namespace: here")
    (found,) = refused(server, text, schemas=DEFINITION.replace("Namespaced", "Cluster"))
    assert "metadata.namespace: Widget is a cluster-wide kind: remove the namespace" in found


def test_what_could_not_be_checked_is_said_in_one_sentence(server):
    result = check(server, WIDGET % "x: ab", CRD % RULE)
    (warning,) = result["warnings"]
    assert "CEL rules: 1" in warning
    assert "patterns: 1" in warning or "re2" not in warning


def served(server: FakeServer, definition: str) -> None:
    server.kinds.append(SERVED)
    server.put(CRD_PATH, load(definition, "")[0].body)


def test_the_definition_after_the_run_is_the_one_that_counts(server):
    served(server, DEFINITION)
    path = "DRY /apis/example.org/v1/namespaces/here/widgets/w"
    unknown = ApiError(500, "", "failed to create typed patch object (x): .spec.color: field not declared in schema")
    server.refuse[path] = [unknown]
    result = check(server, WIDGET % "color: red", CRD % ", color: {type: string}")
    assert changes(result) == {"w": "created"}
    server.refuse[path] = [unknown]
    (found,) = refused(server, WIDGET % "color: red")
    assert "field not declared" in found
    (found,) = refused(server, WIDGET % "size: 1", schemas=DEFINITION.replace("integer", "integer, minimum: 2"))
    assert "1 must be at least 2" in found


def test_a_version_that_the_run_takes_away_is_named(server):
    served(server, DEFINITION)
    (found,) = refused(server, WIDGET % "size: 1", schemas=DEFINITION.replace("name: v1", "name: v2"))
    assert "its definition in this run has: example.org/v2" in found


def test_who_may_not_read_definitions_has_the_servers_word(server):
    served(server, DEFINITION)
    server.refuse["GET " + CRD_PATH] = [ApiError(403, "Forbidden", "no")]
    assert changes(check(server, WIDGET % "size: 1", DEFINITION.replace("integer", "string"))) == {"w": "created"}
    server.refuse["GET " + CRD_PATH] = [ApiError(400, "BadRequest", "what?")]
    with pytest.raises(Exception, match="what"):
        check(server, WIDGET % "size: 1")


def test_objects_of_a_coming_namespace_are_tried_elsewhere(server):
    result = check(server, CONFIG_MAP % "one", namespace="later")
    assert changes(result) == {"one": "created"}
    assert "namespace: later" in result["diff"][0]["after"]
    assert "later doesn't exist yet" in result["warnings"][0]
    assert not server.writes
    server.refuse["DRY /api/v1/namespaces/default/configmaps/one"] = [ApiError(422, "Invalid", "wrong")]
    (found,) = refused(server, CONFIG_MAP % "one", namespace="later")
    assert "wrong" in found
    server.refuse["DRY /api/v1/namespaces/default/configmaps/one"] = [ApiError(403, "Forbidden", "no")]
    assert changes(check(server, CONFIG_MAP % "one", namespace="later")) == {"one": "created"}
    server.refuse["DRY /api/v1/namespaces/default/configmaps/one"] = [ApiError(401, "Unauthorized", "who?")]
    with pytest.raises(Exception, match=r"log|who"):
        check(server, CONFIG_MAP % "one", namespace="later")


def test_a_namesake_in_the_other_namespace_is_not_what_is_judged(server):
    server.put("/api/v1/namespaces/default/configmaps/one", {"data": {"theirs": "x"}})
    result = check(server, CONFIG_MAP % "one", namespace="later")
    assert "theirs" not in result["diff"][0]["after"]
    assert "name: one\n" in result["diff"][0]["after"]


CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast}
"""


def test_a_cluster_without_storage_is_one_whose_storage_is_still_to_come(server):
    (found,) = refused(server, CLAIM, check_mode=False)
    assert "no StorageClass fast in this cluster (it has: none)" in found
    result = check(server, CLAIM)
    assert changes(result) == {"data": "created"}
    assert "no StorageClass fast in this cluster (it has: none)" in result["warnings"][0]
    server.put("/apis/storage.k8s.io/v1/storageclasses/slow", {"metadata": {"name": "slow"}})
    (found,) = refused(server, CLAIM)
    assert "no StorageClass fast in this cluster (it has: slow)" in found


def test_what_only_the_write_shows_says_what_is_already_there(server):
    server.refuse["PATCH /api/v1/namespaces/here/configmaps/two"] = [ApiError(422, "Invalid", "no more room")]
    text = "\n---\n".join([CONFIG_MAP % "one", CONFIG_MAP % "two", CONFIG_MAP % "three", LATER])
    with pytest.raises(InvalidInput) as caught:
        _engine.run(request(text), lambda _line: None, client=server)
    assert caught.value.message.startswith("t.yaml:7: ConfigMap here/two: no more room")
    assert "Already written: created 2 ConfigMap; a rerun goes on from here." in caught.value.message
    assert changes(caught.value.result) == {"one": "created", "two": "skipped", "three": "created", "later": "skipped"}


LATER = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: later}\n"


POD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pod}\n"


def test_a_refusal_that_names_the_object_itself_is_not_about_another_of_the_set(server):
    path = "DRY /api/v1/namespaces/here/configmaps/pod"
    missing = 'pods "pod" is forbidden: error looking up service account here/%s: serviceaccount "%s" not found'
    server.refuse[path] = [ApiError(403, "Forbidden", missing % ("nowhere", "nowhere"))]
    (found,) = refused(server, POD)
    assert "nowhere" in found
    server.refuse[path] = [ApiError(403, "Forbidden", missing % ("one", "one"))]
    assert changes(check(server, POD + "---\n" + CONFIG_MAP % "one")) == {"pod": "created", "one": "created"}


BINDING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: later}
"""


def test_a_binding_waits_for_its_role(server):
    path = "DRY /apis/rbac.authorization.k8s.io/v1/namespaces/here/rolebindings/readers"
    error = ApiError(404, "NotFound", 'rolebindings.rbac.authorization.k8s.io "readers" not found')
    server.refuse[path] = [error]
    assert changes(check(server, BINDING + "---\n" + LATER)) == {"readers": "created", "later": "created"}
    server.refuse[path] = [error]
    assert "not found" in refused(server, BINDING)[0]


def test_what_our_own_look_found_is_not_said_again_in_the_servers_words(server):
    served(server, DEFINITION)
    path = "DRY /apis/example.org/v1/namespaces/here/widgets/w"
    server.refuse[path] = [ApiError(422, "Invalid", "the server's words")]
    (found,) = refused(server, WIDGET % "size: big", schemas=CRD % ", color: {type: string}")
    assert "must be an integer" in found


def test_sums_are_part_of_the_plan(server):
    quotas = "/api/v1/namespaces/here/resourcequotas"
    server.kinds.append(Resource("", "v1", "ResourceQuota", "resourcequotas", namespaced=True))
    server.put(quotas + "/small", {"metadata": {"name": "small"}, "spec": {"hard": {"configmaps": "1"}}})
    assert changes(check(server, CONFIG_MAP % "one")) == {"one": "created"}
    (found,) = refused(server, CONFIG_MAP % "one" + "---\n" + CONFIG_MAP % "two")
    assert "the ResourceQuota small allows 1 configmaps" in found
