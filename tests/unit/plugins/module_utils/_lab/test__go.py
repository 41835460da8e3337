# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Go tool, played by a script, and the progress it makes."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _go
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import (
    Downloads,
    Go,
    GoError,
    Progress,
)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def script(tmp_path, body):
    path = tmp_path / "go"
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)
    return Go(str(path), {"PATH": "/usr/bin:/bin", "GOFLAGS": "-x"})


def test_environment_makes_builds_repeatable(tmp_path):
    go = script(tmp_path, 'echo "$CGO_ENABLED $GOFLAGS $GOTOOLCHAIN"')
    assert go.version() == "0 -mod=mod -buildvcs=false local"


def test_json_answers(tmp_path):
    go = script(
        tmp_path, 'case "$1 $2" in "mod download") echo \'{"Zip": "z"}\';; *) echo \'{"Replace": null}\';; esac'
    )
    assert go.download("m", "v1") == {"Zip": "z"}
    assert go.replaces("/go.mod") == []


def test_failure_ends_with_what_go_said(tmp_path):
    with pytest.raises(GoError, match="go mod download failed:\nno such module"):
        script(tmp_path, "echo no such module >&2; exit 1").download("m", "v1")


def test_watched_lines_reach_progress_and_log(tmp_path):
    said = []
    progress = Progress("x", 3, said.append, Clock())
    go = script(tmp_path, "echo a/b; echo '# warning'; echo 'two words'; printf c/d")
    go.watch(["build"], str(tmp_path), progress, str(tmp_path / "log"), niceness=1)
    assert progress.compiled == 2
    assert (tmp_path / "log").read_text() == "a/b\n# warning\ntwo words\nc/d\n"


def test_watched_failure_ends_with_the_last_lines(tmp_path):
    log = str(tmp_path / "log")
    with pytest.raises(GoError, match=r"go build -v failed \(all of it: .*/log\):\na/b\nboom"):
        script(tmp_path, "echo a/b; echo boom >&2; exit 2").watch(["build", "-v"], str(tmp_path), None, log)


def test_interrupted_build_is_ended(tmp_path):
    class Interrupt(Progress):
        def line(self, text):
            raise KeyboardInterrupt

    go = script(tmp_path, "echo a; exec sleep 600")
    with pytest.raises(KeyboardInterrupt):
        go.watch(["build"], str(tmp_path), Interrupt("x", 1, print, Clock()), str(tmp_path / "log"))


def test_progress_speaks_now_and_then():
    clock, said = Clock(), []
    progress = Progress("kubernetes 1.36.3 (2 of 9): kubernetes", 2738, said.append, clock)
    progress.line("k8s.io/api")
    progress.tick()
    assert said == []
    clock.now = _go.INTERVAL
    progress.tick()
    progress.tick()
    assert said == ["kubernetes 1.36.3 (2 of 9): kubernetes: 1 of at most 2738 packages compiled, 5 s"]


def test_downloads_count_modules():
    clock, said = Clock(), []
    progress = Downloads("x", 0, said.append, clock)
    progress.line("go: downloading a v1")
    progress.line("a/b")
    clock.now = 9
    progress.tick()
    assert said == ["x: 1 modules looked up, 9 s"]
