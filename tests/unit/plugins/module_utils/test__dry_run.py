# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs that meet somebody else's fields."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import CONFIG_MAP, HOME, changes, rollout
from fake_server import FakeServer

ONE = HOME + "configmaps/one"
TEXT = CONFIG_MAP % "one"
NO_DRY_RUN = ApiError(400, "BadRequest", "admission webhook x does not support dry run")


@pytest.fixture
def server() -> FakeServer:
    return FakeServer("here")


def contested(server: FakeServer, manager: str) -> None:
    """Ours, in which a manager has set another value."""
    rollout(server, TEXT)
    server.wishes[ONE]["openhands-gpu-observability"]["data"].clear()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "theirs"}}
    server.put(ONE, body, manager)
    server.writes.clear()


def unable(server: FakeServer) -> None:
    """Admission that can't dry-run."""
    server.refuse["DRY " + ONE] = [NO_DRY_RUN]


def test_a_person_gives_way_where_nothing_could_be_tried_before(server: FakeServer) -> None:
    contested(server, "kubectl-edit")
    unable(server)
    result = rollout(server, TEXT)
    assert changes(result) == {"one": "configured"}
    assert server.get(ONE)["data"] == {"a": "one"}
    assert "took data.a over from kubectl-edit" in result["warnings"][0]


def test_a_program_stops_it_there_too(server: FakeServer) -> None:
    contested(server, "operator")
    unable(server)
    with pytest.raises(InvalidInput, match=r"data.a: is owned by the field manager operator .*it is .theirs., the set"):
        rollout(server, TEXT)
    assert server.get(ONE)["data"] == {"a": "theirs"}


def test_what_take_over_names_is_taken_without_a_dry_run(server: FakeServer) -> None:
    contested(server, "operator")
    unable(server)
    entry = {"kind": "ConfigMap", "name": "one", "fields": ["data.a"]}
    rollout(server, TEXT, take_over=[entry])
    assert server.get(ONE)["data"] == {"a": "one"}


def test_a_conflict_in_check_mode_writes_nothing_and_says_the_same(server: FakeServer) -> None:
    contested(server, "operator")
    with pytest.raises(InvalidInput) as checked:
        rollout(server, TEXT, check_mode=True)
    with pytest.raises(InvalidInput) as run:
        rollout(server, TEXT)
    assert str(checked.value) == str(run.value)
    assert server.writes == []
