# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may become of claim templates, and which claims they mean."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _claims
from ansible_collections.openhands.gpu_observability.plugins.module_utils._claims import Growth


def template(storage: str = "1Gi", name: str = "data", **spec: object) -> dict:
    return {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": storage}}, **spec}}


def body(*templates: dict) -> dict:
    return {"spec": {"volumeClaimTemplates": list(templates)}}


def claim(name: str, storage: str = "1Gi", **status: object) -> dict:
    return {"metadata": {"name": name}, "spec": template(storage)["spec"], "status": status}


@pytest.mark.parametrize(
    ("quantity", "bytes_"),
    [("1Gi", 2**30), ("1024Mi", 2**30), ("1G", 1e9), ("1500m", 1.5), ("5", 5), ("1e3", 1000), ("x", 0), (None, 0)],
)
def test_sizes(quantity, bytes_):
    assert _claims.size(quantity) == bytes_


def test_growth_is_all_that_is_possible():
    live = body(template(volumeMode="Filesystem"), template("5Gi", "logs"))
    growths, faults = _claims.decide(live, body(template("2Gi"), template("5120Mi", "logs")))
    assert (growths, faults) == ([Growth("data", "1Gi", "2Gi")], [])


@pytest.mark.parametrize(
    ("wanted", "field", "said"),
    [
        (body(template("500Mi")), "[data].spec.resources.requests.storage", "can't shrink from 1Gi to 500Mi"),
        (body(template(storageClassName="b")), "[data].spec.storageClassName", 'from not set to "b"'),
        (body(template(volumeMode="Block")), "[data].spec.volumeMode", 'from "Filesystem" to "Block"'),
        (body(template(), template(name="more")), "[more]", "can't be added"),
        (body(), "[data]", "can't be removed"),
    ],
)
def test_all_else_is_refused(wanted, field, said):
    growths, (fault,) = _claims.decide(body(template()), wanted)
    assert growths == []
    assert fault.field == "spec.volumeClaimTemplates" + field
    assert said in fault.message


def test_claims_of_a_set_are_found_by_name_scaled_away_ones_too():
    others = [claim("data-web-extra-0"), claim("logs-web-0"), claim("data-web-a"), claim("mydata-web-0")]
    own = [claim("data-web-0"), claim("data-web-2"), claim("data-web-10", "9Gi")]
    found = _claims.of_set([*others, own[2], own[1], own[0]], "data", "web")
    assert found == own
    assert _claims.to_grow(found, "2Gi") == own[:2]


@pytest.mark.parametrize(
    ("phase", "storage_class", "said"),
    [
        ("Bound", {"allowVolumeExpansion": True}, ""),
        ("Bound", {"allowVolumeExpansion": False}, "doesn't allow growth"),
        ("Bound", {}, "doesn't allow growth"),
        ("Bound", None, "doesn't exist"),
        ("Pending", {"allowVolumeExpansion": True}, "only a bound claim can grow"),
    ],
)
def test_why_a_claim_cannot_grow(phase, storage_class, said):
    text = _claims.unable(claim("data-web-0", phase=phase), storage_class)
    assert said in text
    assert bool(text) == bool(said)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"capacity": {"storage": "2Gi"}}, ""),
        ({"capacity": {"storage": "1Gi"}}, "has 1Gi of 2Gi: its provisioner's resizer has not begun"),
        ({"conditions": [{"type": "FileSystemResizePending", "status": "True"}]}, "when a pod next mounts it"),
        ({"conditions": [{"type": "Resizing", "status": "True"}]}, "is being resized"),
        ({"conditions": [{"type": "ControllerResizeError", "status": "True", "message": "no room"}]}, "no room"),
    ],
)
def test_what_is_still_to_come(status, said):
    text = _claims.progress({**claim("data-web-0", "2Gi"), "status": status})
    assert said in text
    assert bool(text) == bool(said)
