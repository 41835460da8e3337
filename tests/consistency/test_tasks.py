# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task files that are included while a play runs, which no syntax check reads."""

from __future__ import annotations

import pytest
from ansible.parsing.mod_args import ModuleArgsParser
from house_tree import ROLE_IDS, ROLES, load

INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks")
KNOWN = {"_raw_params", "file", "apply"}


def tasks(entries):
    for entry in entries or []:
        for part in ("block", "rescue", "always"):
            yield from tasks(entry.get(part))
        if "block" not in entry:
            yield entry


@pytest.mark.parametrize("role", ROLES, ids=ROLE_IDS)
def test_every_include_has_a_file_and_no_other_argument(role):
    # "==" in a template that stands there alone is read as an argument.
    wrong = []
    for path in sorted((role / "tasks").glob("*.yml")):
        for task in tasks(load(path)):
            if any(name in task for name in INCLUDES):
                _action, arguments, _delegate = ModuleArgsParser(dict(task)).parse()
                wrong += [f"{path.name}: {task['name']}"] if set(arguments) - KNOWN else []
    assert not wrong
