# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan so many simulated hosts in this process, with the table and the document of all: hosts, seconds as JSON.

A program of its own, so that its peak memory is that of the plans. The facts of each kind of host are read once.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".collections"), str(ROOT / "tests")]

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import fleet  # noqa: E402
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host  # noqa: E402
from driver_case import plan  # noqa: E402
from gpu_trees import TREES  # noqa: E402


def main() -> None:
    """Plan, report, say how long it took."""
    hosts, report = int(sys.argv[1]), sys.argv[2]
    kinds = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in TREES.items():
            root = Path(folder) / name
            root.mkdir()
            make(root)
            kinds.append(json.dumps(_host.look(str(root))))
    facts = [json.loads(kinds[number % len(kinds)]) for number in range(hosts)]
    started = time.process_time()
    entries = [{"host": f"gpu{number:05d}", "plan": plan(one, branch="595")} for number, one in enumerate(facts)]
    planned = time.process_time() - started
    started = time.process_time()
    lines = fleet.lines(entries, 40)
    document = json.dumps(fleet.document(entries, {}))
    reported = time.process_time() - started
    made = {"planned": planned, "reported": reported, "lines": len(lines), "bytes": len(document)}
    Path(report).write_text(json.dumps(made), encoding="ascii")


if __name__ == "__main__":
    main()
