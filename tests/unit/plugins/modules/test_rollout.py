# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' entries: what they take and what they hand on."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine, _info
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.modules import rollout, rollout_info


def answer(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def call(module, arguments, capsys) -> dict:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    return answer(capsys)


def test_the_request_file_is_read_and_gone(monkeypatch, tmp_path, capsys):
    path = tmp_path / "request.json"
    manifest = {"body": {"kind": "A", "apiVersion": "v1", "metadata": {"name": "a"}}, "source": "t", "line": 3}
    options = {"component": "demo", "namespace": "here", "wait": False, "kubeconfig": "/c"}
    path.write_text(json.dumps({"options": options, "manifests": [manifest]}))
    seen = []

    def run(request, emit, alive):
        seen.append(request)
        assert callable(alive), "the engine learns when nobody reads the answer any more"
        emit("demo: a line")
        return {"changed": True}

    monkeypatch.setattr(_engine, "run", run)
    result = call(rollout, {"component": "demo", "request_file": str(path), "_ansible_check_mode": True}, capsys)
    assert (result["changed"], result["progress"]) == (True, ["demo: a line"])
    assert not path.exists()
    (request,) = seen
    assert (request.namespace, request.check_mode, request.connection["kubeconfig"]) == ("here", True, "/c")
    assert request.manifests[0].line == 3


def test_a_failure_keeps_what_is_known(monkeypatch, tmp_path, capsys):
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"options": {"component": "demo"}, "manifests": []}))

    def run(request, emit, alive):
        raise RolloutError("it broke", {"changed": True, "objects": [{"name": "a"}]})

    monkeypatch.setattr(_engine, "run", run)
    result = call(rollout, {"component": "demo", "request_file": str(path)}, capsys)
    assert (result["failed"], result["changed"], result["msg"]) == (True, True, "it broke")
    assert result["objects"] == [{"name": "a"}]


def test_without_the_action_it_says_so(capsys):
    assert "renders on the controller" in call(rollout, {"component": "demo"}, capsys)["msg"]


def test_info_names_the_kubeconfig_but_not_its_content(monkeypatch, capsys):
    def run(params):
        raise RolloutError("kubeconfig /etc/lab.conf: no such file.")

    monkeypatch.setattr(_info, "run", run)
    result = call(rollout_info, {"component": "demo", "kubeconfig": "/etc/lab.conf"}, capsys)
    assert result["msg"] == "kubeconfig /etc/lab.conf: no such file."

    monkeypatch.setattr(_info, "run", lambda _params: {"changed": False, "reason": "token is abcdefgh"})
    content = {"users": [{"name": "u", "user": {"token": "abcdefgh"}}]}
    result = call(rollout_info, {"component": "demo", "kubeconfig": content}, capsys)
    assert "abcdefgh" not in json.dumps(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: component, resources"),
        ({"resources": [{"kind": "A", "name": "a", "label_selector": "b"}]}, "mutually exclusive: name|label_selector"),
    ],
)
def test_info_refuses_what_makes_no_sense(arguments, message, capsys):
    assert message in call(rollout_info, arguments, capsys)["msg"]
