# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FAKE of the module of the same name: the package manager of a host that is a tree of plain files.

It has two versions, one of each branch. ``fake/packages`` in the tree may hold "fail" or "hang".
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

VERSIONS = {"570": "570.172.08", "580": "580.95.05"}
DICTS = ("packages", "repository", "wanted", "now", "login")
OTHERS = {"components": "list", "allow_downgrade": "bool", "prebuild": "bool", "timeout": "int", "lock_timeout": "int"}


def main() -> None:
    """Change the tree's driver to the newest of the wanted branch."""
    spec = {"state": {"type": "str", "default": "present"}, "state_dir": {"type": "path", "required": True}}
    spec.update({name: {"type": "dict", "default": {}} for name in DICTS})
    spec.update({name: {"type": kind} for name, kind in OTHERS.items()})
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    root = Path(module.params["state_dir"]).parents[2]
    branch = module.params["wanted"].get("branch", "580")
    if branch not in VERSIONS:
        module.fail_json(msg="no package has branch %s" % branch)
    wanted = VERSIONS[branch]
    kept = root / "fake/installed"
    installed = kept.read_text() if kept.exists() else ""
    changes = [{"name": "nvidia-driver-cuda", "from": installed, "to": wanted}] if installed != wanted else []
    told = (root / "fake/packages").read_text() if (root / "fake/packages").exists() else ""
    result = {"changes": changes, "rolled_back": False, "compiler_error": ""}
    result.update({name: [] for name in ("repaired", "rebuild", "settings", "before", "builds")})
    if module.params["state"] == "present" and not module.check_mode:
        if told == "fail":
            module.fail_json(msg="the archive of nvidia-driver-cuda is damaged", **{**result, "rolled_back": True})
        (root / "fake/begun").touch()
        while (root / "fake/packages").exists() and told == "hang":
            time.sleep(0.1)
        sys.path.insert(0, os.environ["GPU_OBSERVABILITY_FAKES"])
        import fakes  # noqa: PLC0415 (found by the line above)

        fakes.install(root, wanted)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(wanted)
    module.exit_json(changed=bool(changes) and module.params["state"] == "present", **result)


if __name__ == "__main__":
    main()
