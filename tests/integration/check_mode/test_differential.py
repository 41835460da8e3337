# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our verdict on objects of upstream definitions is the API server's."""

from __future__ import annotations

import json
import os
import random
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _registry,
    _schema,
    _schema_cel,
    _schema_defaults,
    _schema_text,
)
from integration.check_mode import samples

EACH = int(os.environ.get("GPU_OBSERVABILITY_SAMPLES", "8"))
"""Objects of each version of each definition."""
SETTLED_SECONDS = 60.0


@pytest.fixture(scope="module")
def installed(empty_server, definitions):
    """Create the definitions and wait until their kinds are served."""
    root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda manifest: empty_server.request("POST", root, manifest.body), definitions))
    deadline = time.monotonic() + SETTLED_SECONDS
    for manifest in definitions:
        while not _established(empty_server.request("GET", f"{root}/{manifest.id.name}")):
            if time.monotonic() > deadline:
                pytest.fail(f"{manifest.id.name} is not established")
            time.sleep(0.1)
    return [found for found in (_registry.read(manifest.body, own=True) for manifest in definitions) if found]


def _established(body: dict[str, Any]) -> bool:
    conditions = body.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def objects(definition: _registry.Definition, version: str) -> list[dict[str, Any]]:
    """Objects good and bad, always the same ones."""
    schema = definition.versions[version]
    rng = random.Random(f"{definition.name}/{version}")
    found = []
    for number in range(EACH):
        body = samples.sample(schema, rng, share=rng.choice([0.1, 0.3, 0.6]), resource=True)
        if number % 4:
            body = samples.spoiled(body, rng)
        head = {"apiVersion": f"{definition.group}/{version}", "kind": definition.kind, "metadata": {"name": "x"}}
        found.append(head | body)
    return found


def refusal(server, definition: _registry.Definition, body: dict[str, Any]) -> str:
    """The server's refusal of a dry run; empty where it accepts."""
    where = "/namespaces/default" if definition.namespaced else ""
    path = f"/apis/{body['apiVersion']}{where}/{definition.plural}/x?fieldManager=test&force=true&dryRun=All"
    try:
        server.request("PATCH", path, body, "application/apply-patch+yaml")
    except urllib.error.HTTPError as error:
        return str(json.loads(error.read())["message"])
    return ""


def ours(schema: dict[str, Any], body: dict[str, Any]) -> tuple[list[tuple[str, str]], bool]:
    """(faults, whether everything was checked)"""
    filled = _schema_defaults.filled(schema, body)
    faults = _schema.check(schema, filled)
    outcome = _schema_cel.check(schema, filled) if not faults else _schema_cel.Outcome()
    return faults + outcome.faults, not outcome.unchecked and not _schema_text.unreadable(schema, filled)


def test_the_verdict_is_the_servers(empty_server, installed):
    cases = [
        (definition, version, body)
        for definition in installed
        for version in definition.versions
        for body in objects(definition, version)
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda case: refusal(empty_server, case[0], case[2]), cases))
    wrong, accepted, refused = [], 0, 0
    for (definition, version, body), answer in zip(cases, answers, strict=True):
        faults, whole = ours(definition.versions[version], body)
        accepted, refused = accepted + (not answer), refused + bool(answer)
        if bool(answer) != bool(faults) and (whole or not answer):
            wrong.append(
                f"{definition.kind} {version}: server: {answer or 'fine'}\n  ours: {faults}\n  {json.dumps(body)}"[
                    :1500
                ]
            )
    assert not wrong, f"{len(wrong)} of {len(cases)} differ:\n" + "\n".join(wrong[:20])
    assert accepted > len(cases) / 10
    assert refused > len(cases) / 10
