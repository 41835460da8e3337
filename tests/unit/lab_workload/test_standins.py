# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in looks like what it stands for, and says what it is."""

from __future__ import annotations

import pytest

pytest.importorskip("prometheus_client", reason="the stand-in is read with prometheus_client")

from labhttp import answer
from ollama_standin import build_registry, routes
from prometheus_client.parser import text_string_to_metric_families


def families(handler_routes):
    reply = answer(handler_routes, "GET", "/metrics", b"")
    return list(text_string_to_metric_families(reply.body.decode()))


def test_it_says_everywhere_that_it_is_a_stand_in():
    for family in families(routes(build_registry("x"))):
        if not family.name.endswith("_created"):
            assert "stand-in" in family.documentation


def test_ollama_series_are_those_of_the_reference_but_for_the_colliding_label():
    found = {family.name: family for family in families(routes(build_registry("o-1")))}
    labels = {name: set(family.samples[0].labels) - {"le"} for name, family in found.items() if "_created" not in name}
    assert labels == {
        "ollama_queue_size": {"model", "ollama_instance"},
        "ollama_model_load_seconds": {"model", "version"},
        "ollama_memory_usage_bytes": {"ollama_instance", "model"},
    }
