# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is printed, returned or left anywhere: not by success, check, diff or failure, on either way to run.

Every run is at -vvv with --diff, with a fact cache; each is searched for every canary in every form (hunt.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from integration.engine.conftest import Cluster, changes
from integration.secrets.hunt import WANTED, Hunt, b64, canary, deployment, forms, secret

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"seen": "plain-text"}}


@pytest.fixture(params=["local", "elsewhere"])
def hunt(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Hunt:
    """The same play on the controller, and as a module on a target."""
    return Hunt(cluster, tmp_path, request.param)


def test_the_search_finds_what_is_there(hunt):
    (hunt.folder / "there").mkdir()
    for number, form in enumerate(sorted(forms(canary("data")))):
        (hunt.folder / "there" / str(number)).write_text("x" + form)
    assert len(hunt.found_on_disk(hunt.folder / "there")) == len(forms(canary("data")))
    assert any(form in b64("abc" + canary("data") + "tail") for form in WANTED)


def test_check_success_change_and_no_change(hunt):
    result, output = hunt.run([secret(), deployment(), CONFIG_MAP], "--check")
    assert changes(result) == {"login": "created", "app": "created", "settings": "created"}
    result, output = hunt.run([secret(), deployment(), CONFIG_MAP])
    assert "seen: plain-text" in output
    assert "password: '********'" in output
    result, output = hunt.run([secret("old"), deployment("old"), CONFIG_MAP])
    assert changes(result)["login"] == "configured"
    assert "******** (before)" in output
    result, _output = hunt.run([secret("old"), deployment("old"), CONFIG_MAP])
    assert set(changes(result).values()) == {"unchanged"}
    result, _output = hunt.run([secret("old")], state="absent")
    assert changes(result)["app"] == "deleted"


def test_invalid_fields_and_refusals_that_repeat_the_value(hunt):
    broken = secret()
    broken["metadata"]["labels"] = {"api-token": canary("data") + " !"}
    result, _output = hunt.run([broken, CONFIG_MAP])
    assert result["failed"]
    assert "api-token" in result["msg"] or "labels" in result["msg"]
    wrong = deployment()
    wrong["spec"]["template"]["spec"]["containers"][0]["env"].append(
        {"name": "API_TOKEN", "value": {"a": canary("data")}}
    )
    result, _output = hunt.run([wrong])
    assert result["failed"]


POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "echo-secrets"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"]},
            ]
        },
        "validations": [
            {
                "expression": "!('password' in object.data)",
                "messageExpression": "'refused: ' + string(object.data['password']) + ' of ' + "
                "object.metadata.annotations['example.org/api-token']",
            }
        ],
    },
}


@pytest.fixture
def echo(cluster):
    """An admission policy that repeats what it refuses, in one namespace."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    binding = {
        "apiVersion": POLICY["apiVersion"],
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "echo-secrets"},
        "spec": {
            "policyName": "echo-secrets",
            "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}}
            },
        },
    }
    cluster.server.request("POST", path + "ies", POLICY)
    cluster.server.request("POST", path + "ybindings", binding)
    yield
    cluster.server.request("DELETE", path + "ybindings/echo-secrets")
    cluster.server.request("DELETE", path + "ies/echo-secrets")


def test_an_admission_refusal_that_repeats_the_value(hunt, echo):
    for _attempt in range(20):  # the server takes a moment to see a new policy
        result, _output = hunt.run([secret()], "--check")
        if result.get("failed"):
            break
    assert "refused: " in result["msg"]
    assert "********" in result["msg"]


def test_conflicts_hide_both_values(hunt):
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login"},
        "data": {"password": b64(canary("old"))},
    }
    hunt.cluster.apply_as("somebody", "secrets", theirs)
    hunt.cluster.apply_as("somebody", "deployments", deployment("old"), "/apis/apps/v1")
    result, _output = hunt.run([secret(), deployment()])
    assert result["failed"]
    assert "somebody" in result["msg"]


def test_logins_that_fail(hunt):
    result, _output = hunt.run([secret()], context="exec" if hunt.connection == "local" else "other")
    assert result["failed"]
    result, output = hunt.run([secret()], proxy="http://me:canary7proxy4f1d@127.0.0.1:9")
    assert result["failed"]
    assert "canary7proxy" not in result["msg"] + output


def test_an_address_of_upstream_with_a_password(hunt):
    files = [{"path": "a/b/v1/c.yaml", "sha256": "0" * 64}]
    result, output = hunt.run([secret()], upstream=files, upstream_base="http://me:canary7upstream4f1d@127.0.0.1:9")
    assert result["failed"]
    assert "canary7upstream" not in result["msg"] + output


def test_what_is_rendered(hunt):
    folder = hunt.folder / "rendered"
    _result, output = hunt.run([secret(), deployment(), CONFIG_MAP], state="rendered", render_to=str(folder))
    assert (folder / "demo" / f"02-configmap_{hunt.cluster.namespace}_settings.yaml").is_file()
    assert "secret values were left out" in output
    assert hunt.found_on_disk(folder) == {}
