# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set as files: names that stay apart, text that every reader of YAML takes the same way."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _loader, _rendered, _scopes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest, ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x), max_leaves=5
)
SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.org"},
    "spec": {"group": "example.org", "names": {"kind": "Thing"}, "scope": "Namespaced", "versions": [VERSION]},
}


def rendered(text, schemas=list, show_secrets=False, **options):
    settings = {"component": "demo", "namespace": "here", **options}
    return _rendered.files(Request.of(settings, _loader.load(text, "t.yaml"), False, False, schemas), show_secrets)


@settings(max_examples=60)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_written_is_what_is_read(body):
    (manifest,) = _loader.load(_rendered.dump({"kind": "X", **body}), "")
    assert manifest.body == {"kind": "X", **body}


@pytest.mark.parametrize(
    "text", ["1e3", "12e3", "08", "0o17", "y", "N", "yes", "on", "~", "null", ".5", "+1", "=", "1_0"]
)
def test_text_that_looks_like_something_else_is_quoted(text):
    # go-yaml, which kubectl reads with, takes y for true and 1e3 and 08 for numbers; PyYAML alone would not quote them.
    assert _rendered.dump({"a": text}).strip() in (f"a: '{text}'", f'a: "{text}"')


def test_lines_stay_readable_and_nothing_is_an_alias():
    shared = {"x": 1}
    assert _rendered.dump({"spec": {"b": shared, "a": shared}, "kind": "K", "data": {"f": "one\ntwo\n"}}) == (
        "kind: K\nspec:\n  b:\n    x: 1\n  a:\n    x: 1\ndata:\n  f: |\n    one\n    two\n"
    )


NAMES = st.text("aA_%-.:~é", min_size=1, max_size=5)


@given(st.lists(st.builds(ObjectId, st.sampled_from(["", "apps", "example.org"]), NAMES, NAMES, NAMES), unique=True))
def test_names_stay_apart_where_case_does_not_count(identities):
    taken = set()
    names = [_rendered.file_name(identity, taken) for identity in identities]
    assert len({name.lower() for name in names}) == len(names)
    assert all("/" not in name and len(name.encode()) < 250 for name in names)


def test_names_say_stage_kind_namespace_and_name():
    assert _rendered.file_name(ObjectId("apps", "Deployment", "a-b", "c"), set()) == "06-deployment_a-b_c"
    custom = ObjectId("monitoring.coreos.com", "Prometheus", "m", "k8s")
    assert _rendered.file_name(custom, set()) == "08-prometheus.monitoring.coreos.com_m_k8s"
    long = _rendered.file_name(ObjectId("", "ConfigMap", "m", "x" * 253), set())
    assert len(long) == 211
    assert long != _rendered.file_name(ObjectId("", "ConfigMap", "m", "x" * 252 + "y"), set())


def test_files_are_in_the_order_of_the_rollout_and_fitted_to_the_site():
    text = (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: "
        "[{name: a, image: example.org/a:1}]}}}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: here}}\n"
    )
    change = {"kind": "Deployment", "name": "web", "merge": {"spec": {"replicas": 2}}}
    first, second = rendered(text, transform={"image_mirror": "mirror.example/x"}, overrides=[change])
    assert first.name == "00-namespace_here.yaml"
    body = yaml.safe_load(second.text)
    assert body["metadata"]["namespace"] == "here"
    assert body["metadata"]["labels"]["gpu-observability.openhands.dev/component"] == "demo"
    assert body["spec"]["replicas"] == 2
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror.example/x/a:1"


SECRETS = """
{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: hunter2-long}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers:
  [{name: a, args: ["--api-token=hunter2-flag"], env: [{name: DB_PASSWORD, value: hunter2-env}]}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
"""


def test_secret_values_are_left_out_and_such_files_are_none_that_kubectl_reads():
    files = {file.item.id.kind: file for file in rendered(SECRETS)}
    assert {kind: file.name.rsplit(".", 1)[1] for kind, file in files.items()} == {
        "ConfigMap": "yaml",
        "Secret": "hidden",
        "Deployment": "hidden",
    }
    everything = "".join(file.text for file in files.values())
    assert "hunter2" not in everything
    assert "aHVudGVy" not in everything
    assert "--api-token=********" in everything


def test_secret_values_are_written_where_asked_for():
    files = rendered(SECRETS, show_secrets=True)
    assert all(file.name.endswith(".yaml") for file in files)
    assert [file.secret for file in files] == [False, True, True]
    assert "aHVudGVyMi1sb25n" in "".join(file.text for file in files)


def test_a_kind_that_is_not_known_is_a_problem_with_a_hint():
    with pytest.raises(InvalidInput) as caught:
        rendered("{apiVersion: example.org/v1, kind: Thing, metadata: {name: x}}")
    assert "t.yaml:1: Thing x: whether Thing in example.org/v1 belongs into a namespace isn't known" in str(
        caught.value
    )
    assert "option schemas" in str(caught.value)
    with pytest.raises(InvalidInput, match="did you mean Deployment"):
        rendered("{apiVersion: apps/v1, kind: Deploiment, metadata: {name: x}}")
    with pytest.raises(InvalidInput, match="Deployment is a kind of apps"):
        rendered("{apiVersion: v1, kind: Deployment, metadata: {name: x}}")


def test_definitions_of_the_run_say_where_a_kind_belongs():
    (file,) = rendered("{apiVersion: example.org/v1, kind: Thing, metadata: {name: x}}", lambda: [Manifest(DEFINITION)])
    assert file.name == "08-thing.example.org_here_x.yaml"


def test_definitions_of_the_run_say_what_is_wrong_with_an_object():
    text = "{apiVersion: example.org/%s, kind: Thing, metadata: {name: x}, spec: {size: much}}"
    with pytest.raises(InvalidInput, match=r"Thing here/x: spec\.size: "):
        rendered(text % "v1", lambda: [Manifest(DEFINITION)])
    with pytest.raises(InvalidInput, match=r"no version example.org/v2 \(it has: example.org/v1\)"):
        rendered(text % "v2", lambda: [Manifest(DEFINITION)])


def test_definitions_are_read_only_when_they_are_needed():
    def never():
        raise AssertionError

    assert rendered("{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}", never)
    with_definition = yaml.safe_dump_all(
        [DEFINITION, {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "x"}}]
    )
    assert [file.item.id.namespace for file in rendered(with_definition)] == ["", "here"]


def test_no_kind_is_in_both_tables():
    for group, kinds in _scopes.NAMESPACED.items():
        assert not kinds & _scopes.CLUSTER_WIDE.get(group, frozenset())
