# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How a table of GPU hosts gets onto the screen and into its file, and what a task says of it."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Sequence

from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.folding import shortened
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _document
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._version import collection_version

display = Display()


def facts(title: str) -> Dict[str, str]:
    """What a document begins with: of what it is, by which collection, and when it was written."""
    now = datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds")
    return {"collection_version": collection_version(), "title": title, "written": now}


def publish(
    options: Mapping[str, Any], lines: Sequence[str], document: Mapping[str, Any], bad: List[str], text: str
) -> Dict[str, Any]:
    """Show the lines, write the document to the option ``path``, and answer the task's result.

    bad: hosts that aren't as they should be; with the option ``fail`` they fail the task. text: the sentence about
    them, for their number, that of all hosts, and their names. Raises AnsibleActionFail where the file can't be
    written.
    """
    path = _document.place(options)
    display.display("\n".join(["", *lines, *(["report: %s" % path] if path else []), ""]), stderr=True)
    _document.save(path, "report", document)
    result = {"changed": False, "ok": not bad, "path": path, "counts": document["counts"], "bad": bad}
    if bad:
        result["msg"] = text % (len(bad), len(options["hosts"]), shortened(bad, 200))
        result["failed"] = bool(options["fail"])
    return result
