# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the modules' documentation, as tasks."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

MODULES = Path(__file__).resolve().parents[1] / "plugins" / "modules"


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks of a module's examples."""
    tree = ast.parse((MODULES / f"{module}.py").read_text(encoding="utf-8"))
    found = [node for node in tree.body if getattr(getattr(node, "targets", [None])[0], "id", "") == "EXAMPLES"]
    return yaml.safe_load(ast.literal_eval(found[0].value))  # type: ignore[attr-defined, no-any-return]
