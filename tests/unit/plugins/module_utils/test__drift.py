# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a change, and whose field it is."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _drift
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change

OURS = {"manager": _drift.FIELD_MANAGER, "operation": "Apply", "time": "t1", "fieldsV1": {"f:data": {}}}
LIVE = {
    "metadata": {"name": "x", "resourceVersion": "1", "managedFields": [OURS]},
    "data": {"a": "b"},
    "status": {"phase": "Bound"},
}


def changed(**metadata):
    body = copy.deepcopy(LIVE)
    body["metadata"].update(metadata)
    return body


def test_new_same_and_different():
    assert _drift.compare(None, LIVE) is Change.CREATED
    assert _drift.compare(LIVE, LIVE) is Change.UNCHANGED
    assert _drift.compare(LIVE, {**LIVE, "data": {"a": "c"}}) is Change.CONFIGURED
    assert _drift.compare(LIVE, changed(labels={"a": "b"})) is Change.CONFIGURED


def test_time_version_status_and_others_fields_are_no_change():
    theirs = {"manager": "other", "operation": "Update", "fieldsV1": {"f:status": {}}}
    later = changed(resourceVersion="2", managedFields=[theirs, {**OURS, "time": "t2"}])
    assert _drift.compare(LIVE, {**later, "status": {"phase": "Lost"}}) is Change.UNCHANGED


@pytest.mark.parametrize(
    "entry",
    [
        {**OURS, "fieldsV1": {"f:data": {"f:a": {}}}},
        {**OURS, "operation": "Update"},
        {**OURS, "subresource": "status"},
        {**OURS, "manager": "other"},
    ],
)
def test_another_entry_of_ours_is_a_change(entry):
    assert _drift.compare(changed(managedFields=[entry]), LIVE) is Change.CONFIGURED
    assert _drift.same_content(changed(managedFields=[entry]), LIVE)
