# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running lab, and a way to run a playbook on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import urllib3
from playbook_case import KUBECONFIG, ROOT, Playbook


@pytest.fixture(scope="session")
def lab_api() -> Any:
    """The kubernetes package's dynamic client on the lab, as an outsider's eye."""
    if not Path(KUBECONFIG).exists():
        pytest.skip(f"no lab is running (no kubeconfig at {KUBECONFIG}): make lab")
    kubernetes = pytest.importorskip("kubernetes", reason="the kubernetes package is not installed")
    api = kubernetes.config.new_client_from_config(KUBECONFIG)
    try:
        kubernetes.client.VersionApi(api).get_code(_request_timeout=5)
    except (kubernetes.client.ApiException, urllib3.exceptions.HTTPError) as error:
        pytest.skip(f"the lab's API server does not answer ({error.__class__.__name__}): make lab")
    return kubernetes.dynamic.DynamicClient(api)


@pytest.fixture
def playbook(tmp_path: Path, lab_api: Any) -> Playbook:
    """A runner on this checkout."""
    return Playbook(ROOT, tmp_path)
