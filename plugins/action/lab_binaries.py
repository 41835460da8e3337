# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get the lab's binaries, showing how a build goes on while it does."""

from __future__ import annotations

import os
import platform
import shutil
from typing import Any, Dict, List, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import Go, GoError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._links import keep_links
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._obtain import Obtainer, Unobtainable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._upstream import extract, missing_folders

display = Display()

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

ARGUMENT_SPEC = {
    "builds": {"type": "list", "elements": "dict", "required": True},
    "cache_dir": {"type": "path", "required": True},
    "link_dir": {"type": "path", "required": True},
    "sources_dir": {"type": "path", "required": True},
    "release_base": {"type": "str", "default": ""},
    "go": {"type": "str", "default": "go"},
    "niceness": {"type": "int", "default": 0},
}


class ActionModule(ActionBase):
    """Runs on the controller, which is the lab's machine, because a module can't speak before it ends."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        try:
            recipes = [recipe for row in options["builds"] for recipe in Recipe.from_options(row, ARCHITECTURE)]
            result.update(self._obtain(recipes, options))
        except (ValueError, Unobtainable, GoError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error
        return result

    def _obtain(self, recipes: List[Recipe], options: Dict[str, Any]) -> Dict[str, Any]:
        go = Go(options["go"], os.environ)
        obtainer = Obtainer(options["cache_dir"], options["sources_dir"], options["release_base"], go, self._say)
        obtainer.niceness = options["niceness"]
        upstream_dir = os.path.join(options["cache_dir"], "upstream")
        binaries: Dict[str, Dict[str, str]] = {}
        sources: Dict[str, str] = {}
        links: Dict[str, str] = {}
        upstream: List[str] = []
        missing = [recipe.title for recipe in recipes if obtainer.at_hand(recipe) is None]
        if self._task.check_mode and missing:
            return {"changed": True, "msg": "Would get " + ", ".join(missing), "binaries": {}, "sources": {}}
        for recipe in recipes:
            position = f"{missing.index(recipe.title) + 1} of {len(missing)}" if recipe.title in missing else ""
            found = obtainer.obtain(recipe, position)
            sources[recipe.title] = found.source
            binaries[f"{recipe.name}-{recipe.version}"] = found.paths
            for name, path in found.paths.items():
                # The first build of a name wins: further versions are for images only.
                links.setdefault(name, path)
            upstream += self._upstream(recipe, upstream_dir, go)
        linked = keep_links(options["link_dir"], links, self._task.check_mode)
        changed = bool(missing or upstream or linked)
        return {
            "changed": changed,
            "binaries": binaries,
            "sources": sources,
            "links": links,
            "linked": linked,
            "upstream": upstream,
        }

    def _upstream(self, recipe: Recipe, folder: str, go: Go) -> List[str]:
        """Have the raw files of a project; returns the folders that are new."""
        missing = missing_folders(recipe, folder)
        if self._task.check_mode or not missing:
            return missing
        if shutil.which(go.program) is None:
            display.warning(
                f"{recipe.title}: its raw files come out of its Go module, and there is no Go tool (lab_go). Put"
                f" {', '.join(missing)} below {folder}, or point platform_upstream_base elsewhere."
            )
            return []
        return extract(recipe, folder, go)

    def _say(self, line: str) -> None:
        display.display(line, stderr=True)
