# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the engine in a process of its own each time: imports once, then forks a run for every line it reads.

A line is JSON: {"options": ..., "text": YAML, "log": file}. The answer is two lines: the run's pid, and its exit
status as os.waitpid has it. The result, or the error, and the progress go into the log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

# The folder above is on PYTHONPATH, as every test has it.
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine, _loader
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request


def work(line: str) -> int:
    """One run; what it has to say goes into the log."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what comes after the run's own cleaning up ends it without a word
    asked = json.loads(line)
    said: list[str] = []
    request = Request.of(asked["options"], _loader.load(asked["text"], "set.yaml"), False, False)
    try:
        outcome = {"result": _engine.run(request, said.append, environ={})}
    except RolloutError as error:
        outcome = {"error": error.message}
    except Exception:  # noqa: BLE001 (the test shows it)
        outcome = {"error": traceback.format_exc()}
    Path(asked["log"]).write_text(json.dumps({**outcome, "progress": said}), encoding="utf-8")
    return 0 if "result" in outcome else 3


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os._exit(work(line))
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main()
