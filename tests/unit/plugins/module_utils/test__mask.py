# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets stay hidden."""

from __future__ import annotations

import base64
import json

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _diff, _mask
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Manifest
from hypothesis import given
from hypothesis import strategies as st


def secret(**data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": data}


def test_equal_values_look_equal_and_changed_ones_differ():
    before, after = _mask.masked_pair(secret(same="YQ==", other="Yg==", gone="Yw=="), secret(same="YQ==", other="ZA=="))
    assert before["data"] == {"same": "********", "other": "******** (before)", "gone": "********"}
    assert after["data"] == {"same": "********", "other": "******** (after)"}


@given(st.dictionaries(st.text("abc", min_size=1), st.binary(min_size=6), min_size=1))
def test_no_value_is_left(values):
    encoded = {key: base64.b64encode(value).decode() for key, value in values.items()}
    body = {**secret(**encoded), "stringData": {"plain": "correct-horse"}}
    body["metadata"]["annotations"] = {_mask.LAST_APPLIED: json.dumps(encoded)}
    shown = json.dumps(_mask.masked_pair(body, {}) + _mask.masked_pair({}, body) + _mask.masked_pair(body, body))
    for value in encoded.values():
        assert value not in shown
    assert "correct-horse" not in shown


def test_other_kinds_only_lose_what_kubectl_left():
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {_mask.LAST_APPLIED: "x", "b": "c"}}}
    (before, _after) = _mask.masked_pair(body, body)
    assert before["metadata"]["annotations"] == {_mask.LAST_APPLIED: "********", "b": "c"}
    assert body["metadata"]["annotations"][_mask.LAST_APPLIED] == "x"


def test_values_are_removed_from_text_longest_first():
    known = _mask.secret_values([secret(a=base64.b64encode(b"horse").decode(), b="////"), {"kind": "ConfigMap"}])
    assert {"horse", base64.b64encode(b"horse").decode(), "////"} <= known
    assert _mask.scrub("a horse and horses", {"horse", "horses"}) == "a ******** and ********"
    assert _mask.secret_values([{"kind": "Secret", "stringData": {"pin": "123"}}]) == set()


def test_keys_inside_a_file_are_known_one_by_one():
    text = 'receivers:\n  - routing_key: "R0UT1NGKEY0123456789"\n    url: https://hooks.example.org/T00/B00/XyZ\n'
    known = _mask.secret_values([{"kind": "Secret", "stringData": {"alertmanager.yaml": text}}])
    message = "bad key R0UT1NGKEY0123456789 for https://hooks.example.org/T00/B00/XyZ in receivers"
    assert _mask.scrub(message, known) == "bad key ******** for ******** in receivers"


def test_a_diff_shows_what_matters():
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "uid": "1"}, "status": {"a": 1}}
    manifest = Manifest({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}})
    item = Item(manifest, manifest.id, live=live, change=Change.CONFIGURED)
    assert _diff.entry(item) == {
        "before_header": "v1 ConfigMap x",
        "after_header": "v1 ConfigMap x",
        "before": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n",
        "after": "apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: x\n",
    }
    item.change = Change.DELETED
    assert _diff.entry(item)["after"] == ""
    item.change = Change.UNCHANGED
    assert _diff.entry(item) is None
