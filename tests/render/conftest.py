# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the render tests share: roles as a rollout renders them, and the definitions' schemas."""

from __future__ import annotations

import copy
import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _loader, _overrides, _transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from house_tree import ROOT, load
from rules.rendering import render, role_variables, templates

SITE = {"platform_cluster": "test", "platform_kubeconfig": "/nowhere", "inventory_hostname": "test", "groups": {}}
"""What every inventory says of a cluster."""

Found = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def objects():
    """Render all templates of a role: (kind, name) -> object, after the site's transform and overrides."""

    seen: dict[str, Found] = {}

    def rendered(role: str, transform: dict[str, Any] | None = None, **variables: Any) -> Found:
        key = repr((role, transform, variables))
        if key not in seen:
            known = SITE | variables
            manifests = [Manifest(body, name) for name in templates(role) for body in render(role, name, known)]
            assert _overrides.apply(manifests, variables.get(f"{role}_overrides", [])) == []
            for manifest in manifests:
                _transform.apply(manifest.body, _transform.Transform.of(transform), role)
            seen[key] = {(manifest.id.kind, manifest.id.name): manifest.body for manifest in manifests}
        return copy.deepcopy(seen[key])

    return rendered


@pytest.fixture(scope="session")
def rendered_list():
    """Render all templates of a role to a plain list: names may repeat in other namespaces."""
    return lambda role, **variables: [body for name in templates(role) for body in render(role, name, SITE | variables)]


def upstream_folders() -> list[Path]:
    """Where copies of the upstream files may be: a named folder, one beside the checkout, the cache of rollouts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("GPU_OBSERVABILITY_CACHE") or Path(base) / "openhands-gpu-observability")
    given = os.environ.get("GPU_OBSERVABILITY_UPSTREAM")
    beside = ROOT.parent / "shared" / "upstream"
    return [Path(folder) for folder in (given, beside, cache / "upstream") if folder]


@cache
def definitions(version: str) -> dict[str, dict[str, Any]]:
    """Kind -> schema, from the definitions of an operator release that the lock pins."""
    lock = load(ROOT / "roles" / "platform" / "vars" / "main.yml")["platform_lock"]["prometheus_operator"]
    files = lock["releases"][version]["definitions"]
    folders = [folder for folder in upstream_folders() if all((folder / file["path"]).is_file() for file in files)]
    if not folders:
        pytest.skip(f"operator {version}'s definitions are not in GPU_OBSERVABILITY_UPSTREAM, ../shared or the cache")
    found = {}
    for file in files:
        content = (folders[0] / file["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], file["path"]
        (manifest,) = _loader.load(content.decode(), file["path"])
        spec = manifest.body["spec"]
        found[spec["names"]["kind"]] = spec["versions"][-1]["schema"]["openAPIV3Schema"]
    return found


@pytest.fixture(scope="session")
def lock():
    """The release lock."""
    return role_variables("platform")["platform_lock"]
