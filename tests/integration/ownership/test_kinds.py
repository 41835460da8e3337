# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rerun says unchanged for every kind; what was changed by hand is put back, once; what leaves the template goes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from integration.engine.conftest import changes
from integration.ownership.conftest import forget
from integration.ownership.kinds import CASES, Case


def _patched(body: Any, patch: Any) -> Any:
    """A JSON merge patch; null removes."""
    if not isinstance(patch, dict):
        return patch
    made = copy.deepcopy(body) if isinstance(body, dict) else {}
    for key, item in patch.items():
        if item is None:
            made.pop(key, None)
        else:
            made[key] = _patched(made.get(key), item)
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_created_unchanged_mended_and_unchanged(cluster, kubectl, case: Case):
    text, resource = (part.replace("NS", cluster.namespace) for part in (case.text, case.resource or case.kind))
    name = yaml.safe_load(text)["metadata"]["name"]
    for extra in case.first:
        cluster.rollout(extra.replace("NS", cluster.namespace), component="first")

    assert changes(cluster.rollout(text)) == {name: "created"}
    assert changes(cluster.rollout(text)) == {name: "unchanged"}
    # Without the short cut by fingerprints the server must say the same.
    forget(cluster)
    assert changes(cluster.rollout(text)) == {name: "unchanged"}

    kubectl("patch", resource.lower(), name, "--type=" + case.patch_type, "-p", json.dumps(case.by_hand))
    assert changes(cluster.rollout(text, check_mode=True)) == {name: "configured"}
    assert changes(cluster.rollout(text)) == {name: "configured"}
    assert changes(cluster.rollout(text)) == {name: "unchanged"}

    if case.less is not None:
        smaller = yaml.safe_dump(_patched(yaml.safe_load(text), case.less))
        assert changes(cluster.rollout(smaller)) == {name: "configured"}
        assert changes(cluster.rollout(smaller)) == {name: "unchanged"}
        left = json.loads(kubectl("get", resource.lower(), name, "-o", "json", "--show-managed-fields=false"))
        for path in case.gone:
            value: Any = left
            for step in path.split("/"):
                value = (value or {}).get(step)
            assert value is None, path
