# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others wrote is read whatever is in it."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _text


def test_a_byte_that_is_no_text_is_replaced(tmp_path):
    (tmp_path / "x").write_bytes(b"a\xffb")
    assert _text.read(str(tmp_path / "x")) == _text.readable(str(tmp_path / "x")) == "a\ufffdb"


def test_nothing_there_is_an_answer(tmp_path):
    assert _text.read(str(tmp_path / "x")) is None
    assert _text.readable(str(tmp_path / "x")) == ""


def test_what_is_there_and_cannot_be_read_is_an_error_unless_nobody_minds(tmp_path):
    with pytest.raises(IsADirectoryError):
        _text.read(str(tmp_path))
    assert _text.readable(str(tmp_path)) == ""
