# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that follows its set, and leaves alone what it did not write."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _loader, _render_folder
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request

CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {a: %s}}"
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: %s}}"


def render(folder, *texts, check=False, show_secrets=False):
    manifests = [manifest for text in texts for manifest in _loader.load(text, "t.yaml")]
    request = Request.of({"component": "demo", "namespace": "here"}, manifests, check, True)
    return _render_folder.run(request, str(folder), show_secrets, lambda _line: None)


def names(folder):
    return sorted(entry.name for entry in (folder / "demo").iterdir())


def changes(result):
    return {entry["name"]: entry["change"] for entry in result["objects"]}


def test_files_come_change_and_go(tmp_path):
    first = render(tmp_path, CONFIG_MAP % ("x", "one"), CONFIG_MAP % ("y", "one"))
    assert changes(first) == {"x": "created", "y": "created"}
    assert names(tmp_path) == [".rollout-index", "02-configmap_here_x.yaml", "02-configmap_here_y.yaml"]
    again = render(tmp_path, CONFIG_MAP % ("x", "one"), CONFIG_MAP % ("y", "one"))
    assert not again["changed"]
    assert again["diff"] == []
    last = render(tmp_path, CONFIG_MAP % ("x", "two"))
    assert changes(last) == {"x": "configured", "y": "deleted"}
    assert last["counts"]["deleted"] == 1
    assert "a: one" in last["diff"][0]["before"]
    assert "a: two" in last["diff"][0]["after"]
    assert last["diff"][1]["after"] == ""
    assert names(tmp_path) == [".rollout-index", "02-configmap_here_x.yaml"]


def test_check_mode_predicts_and_writes_nothing(tmp_path):
    assert changes(render(tmp_path, CONFIG_MAP % ("x", "one"), check=True)) == {"x": "created"}
    assert list(tmp_path.iterdir()) == []
    render(tmp_path, CONFIG_MAP % ("x", "one"))
    assert changes(render(tmp_path, CONFIG_MAP % ("y", "one"), check=True)) == {"x": "deleted", "y": "created"}
    assert names(tmp_path) == [".rollout-index", "02-configmap_here_x.yaml"]


def test_what_others_wrote_stays(tmp_path):
    render(tmp_path, CONFIG_MAP % ("x", "one"))
    note = tmp_path / "demo" / "kustomization.yaml"
    note.write_text("mine")
    render(tmp_path, CONFIG_MAP % ("y", "one"))
    assert note.read_text() == "mine"
    theirs = tmp_path / "demo" / "02-configmap_here_z.yaml"
    theirs.write_text("mine too")
    with pytest.raises(RolloutError, match=r"02-configmap_here_z\.yaml: is there already"):
        render(tmp_path, CONFIG_MAP % ("z", "one"))
    assert theirs.read_text() == "mine too"


def test_a_file_changed_by_hand_is_set_right(tmp_path):
    render(tmp_path, CONFIG_MAP % ("x", "one"))
    (tmp_path / "demo" / "02-configmap_here_x.yaml").write_text("{ not yaml")
    assert changes(render(tmp_path, CONFIG_MAP % ("x", "one"))) == {"x": "configured"}


def test_an_index_cannot_lead_elsewhere(tmp_path):
    victim = tmp_path / "victim.yaml"
    victim.write_text("keep")
    (tmp_path / "demo").mkdir()
    for text in (json.dumps({"files": ["../victim.yaml"]}), "{", "[]", json.dumps({"files": ["a.txt"]})):
        (tmp_path / "demo" / ".rollout-index").write_text(text)
        with pytest.raises(RolloutError, match="can't be read"):
            render(tmp_path, CONFIG_MAP % ("x", "one"))
    assert victim.read_text() == "keep"


def test_a_killed_run_leaves_no_file_without_an_owner(tmp_path, monkeypatch):
    real, calls = os.replace, []

    def replace(source, target):
        calls.append(target)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        render(tmp_path, CONFIG_MAP % ("x", "one"), CONFIG_MAP % ("y", "one"))
    monkeypatch.setattr(os, "replace", real)
    assert names(tmp_path) == [".rollout-index", "02-configmap_here_x.yaml"]
    assert changes(render(tmp_path, CONFIG_MAP % ("y", "one"))) == {"x": "deleted", "y": "created"}
    assert names(tmp_path) == [".rollout-index", "02-configmap_here_y.yaml"]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_hidden_or_private(tmp_path):
    result = render(tmp_path, SECRET % "hunter2-long", CONFIG_MAP % ("x", "one"))
    assert "secret values were left out of Secret here/s" in result["warnings"][0]
    hidden = tmp_path / "demo" / "02-secret_here_s.yaml.hidden"
    assert "hunter2" not in hidden.read_text()
    shown = render(tmp_path, SECRET % "hunter2-long", CONFIG_MAP % ("x", "one"), show_secrets=True)
    assert shown["warnings"] == []
    clear = tmp_path / "demo" / "02-secret_here_s.yaml"
    assert mode(clear) == 0o600
    assert not hidden.exists()
    clear.chmod(0o644)
    assert not render(tmp_path, SECRET % "hunter2-long", CONFIG_MAP % ("x", "one"), show_secrets=True)["changed"]
    assert mode(clear) == 0o600
    changed = render(tmp_path, SECRET % "hunter3-long", CONFIG_MAP % ("x", "one"), show_secrets=True)
    assert "aHVudGVy" not in json.dumps(changed)
    assert "(after)" in changed["diff"][0]["after"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(RolloutError, match=r"demo.* can't be written"):
        render(tmp_path, CONFIG_MAP % ("x", "one"))


def test_no_object_and_no_folder_leave_nothing(tmp_path):
    assert not render(tmp_path)["changed"]
    assert list(tmp_path.iterdir()) == []
