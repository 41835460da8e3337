# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a container's status says about why it doesn't run."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import (
    RESTARTS,
    Cause,
    Code,
    LogWish,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.images import PULLING, image_cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    mapping,
    number,
    plural,
    text,
)

EXIT_CODES = {
    126: "its command isn't executable",
    127: "its command doesn't exist",
    128: "it couldn't be started",
    134: "aborted",
    137: "killed by SIGKILL",
    139: "segmentation fault",
    143: "ended by SIGTERM",
}

MISSING = re.compile(
    r"(?P<kind>secret|configmap|config map)s? \"?(?P<name>[^\s\"]+)\"? not found"
    r"|couldn't find key (?P<key>\S+) in (?P<of>Secret|ConfigMap) (?P<where>\S+)"
    r"|references non-existent (?P<thing>secret|config) key: (?P<lost>\S+)",
    re.IGNORECASE,
)
KINDS = {"secret": "Secret", "configmap": "ConfigMap", "config map": "ConfigMap", "config": "ConfigMap"}


def missing_reference(message: str) -> Optional[str]:
    """Which Secret, ConfigMap or key is missing, if the message says so."""
    found = MISSING.search(message)
    if not found:
        return None
    if found["name"]:
        return "%s %s doesn't exist" % (KINDS[found["kind"].lower()], found["name"])
    if found["key"]:
        return "%s %s has no key %s" % (found["of"], found["where"].rstrip(".,"), found["key"])
    return "its %s has no key %s" % (KINDS[found["thing"].lower()], found["lost"].rstrip(".,"))


def container_cause(status: Mapping[str, Any], spec: Mapping[str, Any]) -> Optional[Cause]:
    """Why one container isn't running; None when its status shows no trouble."""
    name, image = text(status, "name"), text(spec, "image") or text(status, "image")
    waiting = mapping(status, "state", "waiting")
    reason, message = text(waiting, "reason"), text(waiting, "message")
    if reason in PULLING or reason in ("InvalidImageName", "ErrImageNeverPull"):
        return image_cause(reason, message, image)
    if reason == "CreateContainerConfigError":
        lost = missing_reference(message)
        if lost:
            return Cause(Code.REFERENCE_MISSING, "container %s can't be created: %s" % (name, lost))
        # The kubelet ends such messages with names that we have said already.
        why = condensed(re.sub(r" \(pod: .*\)$", "", message))
        return Cause(Code.CONTAINER_CONFIG, "container %s can't be created: %s" % (name, why))
    if reason == "CrashLoopBackOff":
        return _crash(status, spec, mapping(status, "lastState", "terminated"), backing_off=True)
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        return Cause(Code.CONTAINER_START, "container %s can't be started: %s" % (name, _core(message) or reason))
    ended = mapping(status, "state", "terminated")
    if number(ended, "exitCode") != 0:
        return _crash(status, spec, ended, backing_off=False)
    return None


def _crash(status: Mapping[str, Any], spec: Mapping[str, Any], ended: Mapping[str, Any], backing_off: bool) -> Cause:
    name, restarts = text(status, "name"), number(status, "restartCount")
    times = " (%s)" % plural(restarts, "restart") if restarts else ""
    # For most of a back-off the kubelet shows how the container ended, not that it backs off.
    looping = backing_off or restarts >= RESTARTS
    what = "crashes again and again" if looping else "failed"
    words = "container %s %s%s: %s" % (name, what, times, _ended(ended, spec))
    # Kubernetes keeps the log of the container before; of one that never started there is none.
    started = text(ended, "reason") not in ("StartError", "ContainerCannotRun")
    return Cause(
        Code.CRASH_LOOP if looping else Code.CRASHED,
        words,
        count=restarts,
        said=_core(_last_line(text(ended, "message"))),
        log=LogWish(name, previous=backing_off) if started else None,
    )


def _last_line(message: str) -> str:
    """The end of a termination message, which may be the tail of a log."""
    lines = [line for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _core(message: str) -> str:
    """What a runtime says, without the layers it went through."""
    inner = message.rpartition("unable to start container process: ")[2]
    return condensed(re.sub(r": unknown$", "", inner.strip()), limit=200)


def _ended(ended: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    code, reason = number(ended, "exitCode"), text(ended, "reason")
    if reason == "OOMKilled":
        limit = text(spec, "resources", "limits", "memory")
        return "OOMKilled, it needs more memory than %s" % ("its limit of %s" % limit if limit else "the node has")
    meaning = EXIT_CODES.get(code, "")
    if reason in ("", "Error", "Completed"):
        reason = ""
    return ", ".join(part for part in ("exit code %d" % code, reason, meaning) if part)
