# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What every report of a cluster begins with, and how it gets onto the screen and into its file."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping

from ansible.errors import AnsibleActionFail
from ansible_collections.openhands.gpu_observability.plugins.module_utils._report import write_atomically
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._version import collection_version


def facts(options: Mapping[str, Any], started: float) -> Dict[str, Any]:
    """Whose report it is, of what, and when it was begun (seconds since the epoch)."""
    return {
        "collection_version": collection_version(),
        "cluster": options["cluster"],
        "kubernetes_version": options["kubernetes_version"],
        "started": datetime.fromtimestamp(started, timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 1),
    }


def place(options: Mapping[str, Any]) -> str:
    """The file as an absolute path; empty where none is wanted."""
    return os.path.abspath(options["path"]) if options["path"] else ""


def screen(known: Mapping[str, Any], how: str, lines: List[str], kind: str, path: str) -> str:
    """The text for the person: title, lines, where the file is. how: what was done to the cluster."""
    title = "%s: Kubernetes %s, collection %s, %s in %.1f s" % (
        known["cluster"],
        known["kubernetes_version"] or "unknown",
        known["collection_version"],
        how,
        known["seconds"],
    )
    return "\n".join(["", title, *lines, *(["%s: %s" % (kind, path)] if path else []), ""])


def save(path: str, kind: str, report: Mapping[str, Any]) -> None:
    """Write the file, if one is wanted. Raises AnsibleActionFail that says why it can't be written."""
    if not path:
        return
    try:
        write_atomically(path, report)
    except OSError as error:
        text = "The %s %s can't be written: %s." % (kind, path, error)
        raise AnsibleActionFail(text) from error  # type: ignore[no-untyped-call]
