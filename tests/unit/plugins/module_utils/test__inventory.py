# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record: what fits, and how it is packed."""

from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _inventory
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ObjectId


def entries(count: int) -> list[Entry]:
    digest = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(count)]
    return [
        Entry("v1", ObjectId("", "ConfigMap", "here", f"name-{number}"), str(uuid.UUID(one[:32])), one[:32], one[32:])
        for number, one in enumerate(digest)
    ]


def test_a_small_record_is_text():
    assert list(_inventory.encode(entries(1000))) == ["data"]
    assert _inventory.decode(_inventory.encode(entries(1000))) == entries(1000)


def test_five_thousand_objects_fit_with_all_that_is_known():
    encoded = _inventory.encode(entries(5000))
    (packed,) = encoded["binaryData"].values()
    assert len(base64.b64decode(packed)) < 500_000
    assert _inventory.decode(encoded) == entries(5000)


def test_more_keep_their_identity_at_least():
    bare = _inventory.decode(_inventory.encode(entries(16500)))
    assert [entry.uid for entry in bare] == [entry.uid for entry in entries(16500)]
    assert not any(entry.desired for entry in bare)


def test_what_does_not_fit_is_said():
    with pytest.raises(RolloutError, match="A record of 60000 objects is larger than a ConfigMap may be"):
        _inventory.encode(entries(60000))


@pytest.mark.parametrize(
    "body", [{}, {"data": {}}, {"data": {"objects.json": "{"}}, {"binaryData": {"objects.json.gz": "AAAA"}}]
)
def test_what_cannot_be_read_is_no_empty_record(body):
    with pytest.raises(RolloutError, match="can't be read"):
        _inventory.decode({"metadata": {"name": "r", "namespace": "here"}, **body})
