# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Kubernetes quantities in the form the API server stores: 0.5 -> 500m, 1024Mi -> 1Gi."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Any, Optional

_NUMBER = re.compile(r"^(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[a-zA-Z]*|[eE][+-]?\d+)$")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BY_EXPONENT = {exponent: suffix for suffix, exponent in _DECIMAL.items()}


def readable(value: Any) -> bool:
    """Whether the API server can read a value as a quantity."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    match = _NUMBER.match(str(value).strip())
    return match is not None and (
        match.group("suffix") in _DECIMAL or match.group("suffix") in _BINARY or match.group("suffix")[0] in "eE"
    )


def amount(value: Any) -> Optional[Decimal]:
    """A quantity as a number; None for what isn't one."""
    if not readable(value):
        return None
    match = _NUMBER.match(str(value).strip())
    number, suffix = (match.group("number"), match.group("suffix")) if match else ("0", "")
    if suffix in _BINARY[1:]:
        return Decimal(number) * Decimal(1024) ** _BINARY.index(suffix)
    return Decimal(number).scaleb(_DECIMAL[suffix]) if suffix in _DECIMAL else Decimal(number + suffix)


def canonical(value: Any) -> Any:
    """Return the canonical string of a quantity, or the value as it was when it isn't one we can read."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    match = _NUMBER.match(str(value).strip())
    if match is None:
        return value
    number, suffix = Decimal(match.group("number")), match.group("suffix")
    if suffix in _BINARY[1:]:
        return _binary(number * 1024 ** _BINARY.index(suffix))
    if suffix in _DECIMAL:
        return _decimal(number.scaleb(_DECIMAL[suffix]))
    # An exponent is kept as it was written: the server keeps that form too.
    return value


def _binary(number: Decimal) -> str:
    if number != number.to_integral_value() or abs(number) < 1024:
        return _decimal(number)
    whole, step = int(number), 0
    while whole and whole % 1024 == 0 and step < len(_BINARY) - 1:
        whole //= 1024
        step += 1
    return "%d%s" % (whole, _BINARY[step])


def _decimal(number: Decimal) -> str:
    number = number.scaleb(9).to_integral_value(rounding=ROUND_CEILING)
    whole, exponent = int(number), -9
    if whole == 0:
        return "0"
    while whole % 1000 == 0 and exponent < 18:
        whole //= 1000
        exponent += 3
    return "%d%s" % (whole, _BY_EXPONENT[exponent])
