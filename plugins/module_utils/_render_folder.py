# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A rendered set in a folder: written file by file, and what we wrote earlier and is no longer wanted removed.

An index names the files that are ours. It is written before the first of them and again at the end, so that a run
that was killed leaves no file without an owner, and nothing of anybody else's is ever overwritten or removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Dict, List, Mapping, Optional, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _atomic,
    _loader,
    _mask,
    _rendered,
    _text,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    InvalidInput,
    Problem,
    RolloutError,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._rendered import File
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Emit, Object

INDEX = ".rollout-index"
"""Without an ending: ``kubectl apply -f FOLDER`` reads every ``.json`` and ``.yaml``."""

_OPEN, _PRIVATE = 0o644, 0o600


def run(
    request: Request,
    target: str,
    show_secrets: bool,
    emit: Emit,
) -> Dict[str, Any]:
    """Bring ``target``/component to what is rendered, and return the task's result. Raises RolloutError."""
    started = time.monotonic()
    folder = os.path.join(target, request.component)
    secrets = _mask.secret_values(manifest.body for manifest in request.manifests)
    try:
        files = _rendered.files(request, show_secrets)
        secrets |= _mask.secret_values(file.item.manifest.body for file in files)
        result = _Folder(folder, request, files).run()
    except OSError as error:
        raise RolloutError("%s can't be written: %s." % (error.filename or folder, error.strerror)) from error
    except RolloutError as error:
        error.message = _mask.scrub(error.message, secrets)
        error.args = (error.message,)
        error.result = _mask.scrub_result(error.result, secrets)
        raise
    number = result["counts"]
    emit(
        "%d files: %d created, %d configured, %d deleted"
        % tuple([len(files)] + [number[key] for key in ("created", "configured", "deleted")])
    )
    return _mask.scrub_result({**result, "seconds": round(time.monotonic() - started, 3)}, secrets)


class _Folder:
    def __init__(self, path: str, request: Request, files: List[File]) -> None:
        self.path, self.request, self.files = path, request, files
        self.index = os.path.join(path, INDEX)
        self.ours = self._read_index()
        self.wanted = {file.name: file for file in files}
        self.entries: List[Dict[str, Any]] = []
        self.diffs: List[Dict[str, str]] = []

    def run(self) -> Dict[str, Any]:
        before = {name: _text.read(os.path.join(self.path, name)) for name in {*self.wanted, *self.ours}}
        changes = {file.name: _change(before[file.name], file.text) for file in self.files}
        gone = sorted(name for name in self.ours - set(self.wanted) if before[name] is not None)
        self._check_foreign(before, changes)
        for file in self.files:
            self._note(file, changes[file.name], before[file.name])
        for name in gone:
            self._note_gone(name, before[name] or "")
        if not self.request.check_mode:
            self._write(changes, gone)
        number = {change.value: sum(1 for e in self.entries if e["change"] == change.value) for change in Change}
        result: Dict[str, Any] = {
            "changed": any(entry["change"] != Change.UNCHANGED.value for entry in self.entries),
            "component": self.request.component,
            "rendered_to": self.path,
            "objects": self.entries,
            "counts": number,
            "warnings": self._warnings(),
        }
        if self.request.diff:
            result["diff"] = self.diffs
        return result

    def _check_foreign(self, before: Mapping[str, Optional[str]], changes: Mapping[str, Change]) -> None:
        foreign = [n for n, change in changes.items() if change is Change.CONFIGURED and n not in self.ours]
        if foreign:
            text = "is there already and %s doesn't name it: move it away, or render to another folder" % INDEX
            raise InvalidInput([Problem(text, os.path.join(self.path, n)) for n in foreign], "No file was written.")

    def _note(self, file: File, change: Change, before: Optional[str]) -> None:
        self.entries.append(
            {
                "api_version": file.item.api_version,
                "kind": file.item.id.kind,
                "namespace": file.item.id.namespace,
                "name": file.item.id.name,
                "change": change.value,
                "verdict": "",
                "reason": "secret values left out" if file.hidden else "",
                "seconds": 0.0,
                "source": file.item.source,
                "file": file.name,
            }
        )
        if change is not Change.UNCHANGED:
            self._diff(file.name, before, file.text)

    def _note_gone(self, name: str, before: str) -> None:
        body = _object(before)
        metadata = body.get("metadata") or {}
        self.entries.append(
            {
                "api_version": str(body.get("apiVersion") or ""),
                "kind": str(body.get("kind") or ""),
                "namespace": str(metadata.get("namespace") or ""),
                "name": str(metadata.get("name") or ""),
                "change": Change.DELETED.value,
                "verdict": "",
                "reason": "no longer part of the set",
                "seconds": 0.0,
                "source": "",
                "file": name,
            }
        )
        self._diff(name, before, "")

    def _diff(self, name: str, before: Optional[str], after: str) -> None:
        path = os.path.join(self.path, name)
        old, new = _mask.masked_pair(_object(before or ""), _object(after))
        shown = {"before": _rendered.dump(old) if old else "", "after": _rendered.dump(new) if new else ""}
        self.diffs.append({"before_header": path, "after_header": path, **shown})

    def _warnings(self) -> List[str]:
        hidden = [str(file.item.id) for file in self.files if file.hidden]
        if not hidden:
            return []
        return [
            "%s: secret values were left out of %s. These files end in %s, which kubectl doesn't read: bring the "
            "objects into the cluster by other means, or set render_secrets."
            % (self.request.component, ", ".join(hidden), _rendered.HIDDEN_SUFFIX)
        ]

    def _write(self, changes: Mapping[str, Change], gone: List[str]) -> None:
        wanted = set(self.wanted)
        if not wanted and not self.ours:
            return
        os.makedirs(self.path, exist_ok=True)
        if not wanted <= self.ours:
            self._write_index(wanted | self.ours)
        for file in self.files:
            path = os.path.join(self.path, file.name)
            private = file.secret and not file.hidden
            mode = _PRIVATE if private else _OPEN
            if changes[file.name] is not Change.UNCHANGED:
                _atomic.write(path, file.text.encode("utf-8"), mode)
            elif private and os.stat(path).st_mode & 0o077:
                os.chmod(path, mode)
        for name in gone:
            os.unlink(os.path.join(self.path, name))
        if wanted != self.ours:
            self._write_index(wanted)

    def _read_index(self) -> Set[str]:
        text = _text.read(self.index)
        if text is None:
            return set()
        try:
            names = json.loads(text)["files"]
            if all(isinstance(name, str) and _plain(name) for name in names):
                return set(names)
        except (ValueError, KeyError, TypeError):
            pass
        raise RolloutError(
            "%s can't be read. It names the files that were rendered; restore it, or remove the whole folder."
            % self.index
        )

    def _write_index(self, names: Set[str]) -> None:
        content = {"component": self.request.component, "files": sorted(names)}
        _atomic.write(self.index, (json.dumps(content, indent=1) + "\n").encode("utf-8"), _OPEN)


def _plain(name: str) -> bool:
    """Whether a name from the index is one that can be ours: a file of this folder."""
    return name == os.path.basename(name) and name.endswith((_rendered.SUFFIX, _rendered.HIDDEN_SUFFIX))


def _change(before: Optional[str], text: str) -> Change:
    if before is None:
        return Change.CREATED
    return Change.UNCHANGED if before == text else Change.CONFIGURED


def _object(text: str) -> Object:
    """The first object of a file; empty where it can't be read: a file changed by hand may hold anything."""
    with contextlib.suppress(RolloutError):
        for manifest in _loader.load(text, ""):
            return manifest.body
    return {}
