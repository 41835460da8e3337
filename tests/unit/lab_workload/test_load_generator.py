# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the load generator sends, how fast, and which settings it takes."""

from __future__ import annotations

import json
import random

import pytest
from labhttp import answer
from load_generator import MAX_RATE, LoadGenerator, Settings


class Stop(Exception):
    pass


def generator(**settings):
    sent = []

    def send(model, fail, delay):
        sent.append((model, fail, delay))
        return 500 if fail else 200

    return LoadGenerator(["a", "b"], send, Settings(**settings), random.Random(7)), sent


def put(generator, body):
    return answer(generator.routes(), "PUT", "/settings", json.dumps(body).encode())


def test_models_take_turns():
    load, sent = generator()
    for _ in range(4):
        load.step()
    assert [model for model, _fail, _delay in sent] == ["a", "b", "a", "b"]


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0, 0), (0.5, 430, 570), (1.0, 1000, 1000)])
def test_the_error_rate_is_the_share_told_to_fail(rate, low, high):
    load, sent = generator(error_rate=rate)
    for _ in range(1000):
        load.step()
    assert low <= sum(fail for _model, fail, _delay in sent) <= high


def test_answers_are_counted_by_status():
    load, _sent = generator(error_rate=1.0)
    load.step()
    assert answer(load.routes(), "GET", "/sent", b"").body == {"500": 1}


def test_the_delay_goes_with_every_request():
    load, sent = generator(delay=1.5)
    load.step()
    assert sent == [("a", False, 1.5)]


def test_no_rate_sends_nothing():
    load, sent = generator(rate=0)
    assert load.step() > 0
    assert sent == []


def run(load, clock_steps, turns):
    """Run with a clock that takes the given time for each answer; returns the pauses asked for."""
    pauses = []
    now = 0.0
    original = load.step

    def step():
        nonlocal now
        now += clock_steps
        return original()

    def sleep(seconds):
        nonlocal now
        pauses.append(round(seconds, 6))
        now += seconds
        if len(pauses) == turns:
            raise Stop

    load.step = step
    with pytest.raises(Stop):
        load.run(clock=lambda: now, sleep=sleep)
    return pauses


def test_the_time_an_answer_takes_is_part_of_the_pause():
    load, _sent = generator(rate=10)
    assert run(load, 0.04, 3) == [0.06, 0.06, 0.06]


def test_a_slow_server_gets_no_burst_afterwards():
    load, _sent = generator(rate=10)
    assert run(load, 0.5, 3) == [0.0, 0.0, 0.0]


def test_settings_are_shown_and_changed_one_by_one():
    load, _sent = generator()
    assert put(load, {"error_rate": 0.5}).body == {"error_rate": 0.5, "rate": 10.0, "delay": 0.0}
    assert put(load, {"rate": 3}).body == {"error_rate": 0.5, "rate": 3.0, "delay": 0.0}
    assert answer(load.routes(), "GET", "/settings", b"").body == {"error_rate": 0.5, "rate": 3.0, "delay": 0.0}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"error_rate": 1.1}, "error_rate"),
        ({"error_rate": -0.1}, "error_rate"),
        ({"error_rate": True}, "error_rate"),
        ({"error_rate": "0.5"}, "error_rate"),
        ({"delay": 11}, "delay"),
        ({"rate": MAX_RATE + 1}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"errorrate": 1}, "errorrate"),
        ({}, "error_rate"),
        ([], "error_rate"),
    ],
)
def test_a_bad_setting_is_refused_by_name_and_changes_nothing(body, named):
    load, _sent = generator()
    reply = put(load, body)
    assert reply.status == 400
    assert named in reply.body["error"]
    assert load.settings == Settings()
