# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of the run reach the engine on a target where it needs them."""

from __future__ import annotations

import hashlib

from integration.engine.conftest import changes
from integration.engine.test_action import Play
from integration.engine.test_plan import custom, join, widget


def test_definitions_travel_to_a_target_for_check_mode_only(cluster, tmp_path):
    play = Play(cluster, tmp_path, "elsewhere")
    text = join(widget("valves", ", color: {type: string, default: red}"), widget("unused"))
    (play.folder / "valves.yaml").write_text(text)
    (play.templates / "valve.yaml.j2").write_text(custom("Valve", "one", "{size: 1}"))
    play.task["templates"] = ["valve.yaml.j2"]
    play.task["schemas"] = [{"path": "valves.yaml", "sha256": hashlib.sha256(text.encode()).hexdigest()}]
    play.task["upstream_base"] = f"file://{play.folder}"

    result, output = play.run("--check", "--diff")
    assert not result["failed"], output
    assert changes(result) == {"one": "created"}
    assert "+  color: red" in output

    result, output = play.run()
    assert result["failed"]
    assert "no kind Valve in test.example.org/v1 on this server" in result["msg"]
