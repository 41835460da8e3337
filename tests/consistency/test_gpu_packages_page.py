# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/gpu_hosts_packages.md is what the tables say."""

from __future__ import annotations

import importlib.util

from house_tree import ROOT


def test_the_page_is_that_of_the_tables():
    spec = importlib.util.spec_from_file_location("gpu_packages", ROOT / "tools" / "gpu_packages.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text("utf-8") == tool.page(), "run make docs"
