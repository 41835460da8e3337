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
    # Nobody would see a label that isn't ours change if nothing was applied.
    assert _drift.compare(LIVE, changed(labels={"a": "b"})) is Change.UNCHANGED


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


def labelled(mine, **labels):
    """An object in which we own one label."""
    entry = {**OURS, "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}}
    return {"metadata": {"name": "x", "labels": {"a": mine, **labels}, "managedFields": [entry]}}


def test_what_admission_adds_with_every_write_is_no_drift():
    assert _drift.compare(labelled("1", count="1"), labelled("1", count="2")) is Change.UNCHANGED
    assert _drift.compare(labelled("1", count="1"), labelled("1")) is Change.UNCHANGED


def test_a_field_of_ours_that_differs_is():
    assert _drift.compare(labelled("1", count="1"), labelled("2", count="1")) is Change.CONFIGURED
    without = labelled("1")
    del without["metadata"]["labels"]
    assert _drift.compare(without, labelled("1")) is Change.CONFIGURED
