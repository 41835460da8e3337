# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signal becomes an exception, and is delivered again once everything is set back."""

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._interrupt import (
    SIGNALS,
    Interrupted,
    interruptible,
)


@pytest.fixture
def delivered():
    """What reaches whoever handled the signals before."""
    got = []
    before = {each: signal.signal(each, lambda number, _frame: got.append(number)) for each in SIGNALS}
    yield got
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_changed_is_set_back_before_the_signal_goes_on(delivered, number):
    order = []

    def work():
        with interruptible():
            try:
                os.kill(os.getpid(), number)
                order.append("not reached")
            finally:
                order.append(f"set back, {len(delivered)} delivered")

    with pytest.raises(Interrupted, match="signal %d" % number):
        work()
    assert order == ["set back, 0 delivered"]
    assert delivered == [number]


def test_a_second_signal_doesnt_disturb_setting_back(delivered):
    order = []

    def work():
        with interruptible():
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                order.append("set back")

    with pytest.raises(Interrupted):
        work()
    assert order == ["set back"]
    assert delivered == [signal.SIGINT]


def test_without_a_signal_nothing_is_different(delivered):
    with interruptible():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    assert delivered == [signal.SIGTERM]


def test_no_except_exception_swallows_it():
    assert not issubclass(Interrupted, Exception)
