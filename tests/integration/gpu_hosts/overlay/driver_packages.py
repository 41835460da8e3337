# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FAKE of the module of the same name: the package manager of a host that is a tree of plain files.

It has two versions, one of each branch, and keeps the real record of a change. ``fake/packages`` in the tree may hold
"hang" (until it says something else, or is gone) or "die" (end at once, with nothing changed).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Change

VERSIONS = {"570": "570.172.08", "580": "580.95.05"}
NAME = "nvidia-driver-cuda"
DICTS = ("packages", "repository", "wanted", "now", "login")
OTHERS = {"components": "list", "allow_downgrade": "bool", "prebuild": "bool", "timeout": "int", "lock_timeout": "int"}


def main() -> None:
    """Change the tree's driver to the newest of the wanted branch."""
    spec = {"state": {"type": "str", "default": "present"}, "state_dir": {"type": "path", "required": True}}
    spec.update({name: {"type": "dict", "default": {}} for name in DICTS})
    spec.update({name: {"type": kind} for name, kind in OTHERS.items()})
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    folder = module.params["state_dir"]
    root = Path(folder).parents[2]
    told = root / "fake/packages"
    kept = root / "fake/installed"
    installed = kept.read_text() if kept.exists() else ""
    wanted = target(module)
    moved = [{"name": NAME, "from": installed, "to": wanted}] if installed != wanted else []
    result = {"changes": moved, "rolled_back": False, "compiler_error": ""}
    result.update({name: [] for name in ("repaired", "rebuild", "settings", "before", "builds")})
    if module.params["state"] != "prepared" and not module.check_mode:
        (root / "fake/begun").touch()
        while read(told) == "hang":
            time.sleep(0.1)
        if read(told) == "die":
            module.fail_json(msg="killed", **result)
        sys.path.insert(0, os.environ["GPU_OBSERVABILITY_FAKES"])
        import fakes  # noqa: PLC0415 (found by the line above)

        fakes.install(root, wanted)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(wanted)
        if module.params["state"] == "present":
            about = _record.about(folder, module.params["wanted"], module.params["now"])
            _record.write(folder, _record.DONE, [Change(NAME, installed, wanted)], {}, about)
    module.exit_json(changed=bool(moved) and module.params["state"] != "prepared", **result)


def read(path: Path) -> str:
    """A file's text; empty where there is none."""
    return path.read_text() if path.exists() else ""


def target(module: AnsibleModule) -> str:
    """The version to have."""
    if module.params["state"] == "rolled_back":
        return str(_record.load(module.params["state_dir"]).changes[0].old)
    branch = module.params["wanted"].get("branch", "580")
    if branch not in VERSIONS:
        module.fail_json(msg="no package has branch %s" % branch)
    return VERSIONS[branch]


if __name__ == "__main__":
    main()
