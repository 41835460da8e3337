# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run asks of the server: nothing twice, and nothing for each object that one call answers for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine_case import CONFIG_MAP, HOME, rollout
from fake_server import FakeServer

COUNT = 40
SET = "---\n".join(CONFIG_MAP % f"c-{number:02}" for number in range(COUNT))


class Counting(FakeServer):
    """Counts reads of ConfigMaps."""

    def __init__(self) -> None:
        super().__init__("here")
        self.reads: Counter[str] = Counter()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        if path == HOME + "configmaps":
            self.reads["list"] += 1
        elif path.startswith(HOME + "configmaps/c-"):
            self.reads["get"] += 1
        return super().get(path, query)


def test_what_only_has_to_exist_is_not_read_again_after_it_was_written() -> None:
    server = Counting()
    result = rollout(server, SET, wait=True)
    assert result["verdict"] == "current"
    assert server.reads == {"list": 2}


def test_one_that_drifted_has_the_others_read_once() -> None:
    server = Counting()
    rollout(server, SET, wait=True)
    server.reads.clear()
    result = rollout(server, SET.replace("one", "two", 1), wait=True)
    assert (result["counts"]["configured"], result["verdict"]) == (1, "current")
    assert server.reads == {"list": 1}
