# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quantities in canonical form."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._quantity import canonical, readable
from hypothesis import given
from hypothesis import strategies as st

SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.5, "500m"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        (2, "2"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1000Ki", "1000Ki"),
        ("0.5Ki", "512"),
        ("0", "0"),
        ("0Gi", "0"),
        ("1000M", "1G"),
        ("1e3", "1e3"),
        (".5", "500m"),
        ("0.1n", "1n"),
        ("half", "half"),
        (True, True),
        (None, None),
        ("1Zi", "1Zi"),
    ],
)
def test_the_servers_form(given, expected):
    assert canonical(given) == expected


def size(text: str) -> Decimal:
    for number, suffix in enumerate(BINARY, 1):
        if text.endswith(suffix):
            return Decimal(text[:-2]) * 1024**number
    suffix = text[-1] if text[-1].isalpha() else ""
    return Decimal(text.removesuffix(suffix)).scaleb(SUFFIXES[suffix])


@given(st.integers(0, 10**6), st.sampled_from([*SUFFIXES, *BINARY]))
def test_the_value_stays_and_twice_is_once(number, suffix):
    text = "%d%s" % (number, suffix)
    once = canonical(text)
    assert size(once) == size(text)
    assert canonical(once) == once


@pytest.mark.parametrize("value", ["1", 1, 0.5, "100Mi", "1e3", "1E3", "5E", "-1"])
def test_what_can_be_read(value):
    assert readable(value)


@pytest.mark.parametrize("value", ["", "half", "1 Gi", "1GB", None, True, [], "Gi", "1Zi"])
def test_what_cannot(value):
    assert not readable(value)
