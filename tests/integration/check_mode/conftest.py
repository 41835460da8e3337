# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that have nothing yet, and the definitions that this machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from integration.engine.apiserver import ApiServer, find_binaries
from integration.engine.conftest import cluster, namespace, server

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path(
    os.environ.get("GPU_OBSERVABILITY_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openhands-gpu-observability"
)
UPSTREAM = (ROOT.parent / "shared" / "upstream", CACHE / "upstream")
__all__ = ["cluster", "namespace", "server"]


def upstream() -> Path | None:
    """The first folder that has upstream's files in the layout OWNER/REPOSITORY/TAG/PATH."""
    return next((folder for folder in UPSTREAM if any(folder.glob("prometheus-operator/prometheus-operator/*"))), None)


def definition_files(folder: Path) -> list[Path]:
    """Files of definitions; below OWNER/REPOSITORY are releases, of which the last is enough."""
    files = sorted(path for path in folder.rglob("*.yaml") if "crd" in str(path.relative_to(folder)))
    return list({(path.relative_to(folder).parts[:2], path.name): path for path in files}.values())


@pytest.fixture(scope="session")
def upstream_folder() -> Path:
    """Upstream's files, or no test."""
    folder = upstream()
    if folder is None:
        pytest.skip("needs upstream definitions in ../shared/upstream or in the cache that the lab fills")
    return folder


@pytest.fixture(scope="session")
def definitions(upstream_folder: Path) -> list[Manifest]:
    """The newest release of every upstream definition that is here."""
    read = [load(path.read_text(encoding="utf-8"), path.name) for path in definition_files(upstream_folder)]
    every = [manifest for manifests in read for manifest in manifests]
    found = {one.id.name: one for one in every if one.body.get("kind") == "CustomResourceDefinition"}
    return list(found.values())


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A cluster on which nothing was ever rolled out."""
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs a kube-apiserver and etcd: %s" % found)
    made = ApiServer(tmp_path_factory.mktemp("empty"), *found)
    made.start()
    yield made
    made.stop()
