# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the render tests share: roles as a rollout renders them, and the definitions' schemas."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _loader, _overrides, _transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _upstream
from house_tree import ROOT, load
from rules.rendering import render, role_variables, templates

SITE = {"platform_cluster": "test", "platform_kubeconfig": "/nowhere", "inventory_hostname": "test", "groups": {}}
"""What every inventory says of a cluster."""

Found = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def objects():
    """Render all templates of a role: (kind, name) -> object, after the site's transform and overrides."""

    def rendered(role: str, transform: dict[str, Any] | None = None, **variables: Any) -> Found:
        known = SITE | variables
        manifests = [Manifest(body, name) for name in templates(role) for body in render(role, name, known)]
        assert _overrides.apply(manifests, variables.get(f"{role}_overrides", [])) == []
        for manifest in manifests:
            _transform.apply(manifest.body, _transform.Transform.of(transform), role)
        found = {(manifest.id.kind, manifest.id.name): manifest.body for manifest in manifests}
        return found

    return rendered


def upstream_folder() -> Path | None:
    """Where a checked copy of the upstream files is, if this machine has one."""
    given = os.environ.get("GPU_OBSERVABILITY_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(given or Path(base) / "openhands-gpu-observability") / "upstream"
    return folder if folder.is_dir() else None


@cache
def definitions(version: str) -> dict[str, dict[str, Any]]:
    """Kind -> schema, from the definitions of an operator release that the lock pins."""
    folder = upstream_folder()
    lock = load(ROOT / "roles" / "platform" / "vars" / "main.yml")["platform_lock"]["prometheus_operator"]
    files = lock["releases"][version]["definitions"]
    if folder is None or not all((folder / file["path"]).is_file() for file in files):
        pytest.skip(f"the definitions of operator {version} are not in the cache: a lab or a rollout fetches them")
    found = {}
    for file in files:
        content = _upstream.read(file["path"], file["sha256"], folder.as_uri(), None, lambda line: None, _upstream._fetch)
        (manifest,) = _loader.load(content.decode(), file["path"])
        spec = manifest.body["spec"]
        found[spec["names"]["kind"]] = spec["versions"][-1]["schema"]["openAPIV3Schema"]
    return found


@pytest.fixture(scope="session")
def lock():
    """The release lock."""
    return role_variables("platform")["platform_lock"]
