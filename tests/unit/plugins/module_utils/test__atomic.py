# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are replaced as a whole, whatever happens meanwhile."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic


def write(path, content=b"new", **options):
    _atomic.write(str(path), content, **options)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_content_and_mode_are_right_from_the_start(tmp_path, monkeypatch, mode):
    real, modes = os.replace, []

    def replace(source, target):
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    previous = os.umask(0o077)
    try:
        write(tmp_path / "x", mode=mode)
    finally:
        os.umask(previous)
    assert (modes, (tmp_path / "x").read_bytes()) == ([mode], b"new")


def test_beside_it_no_other_program_sees_a_file(tmp_path, monkeypatch):
    real, sources = os.replace, []
    monkeypatch.setattr(os, "replace", lambda source, target: (sources.append(source), real(source, target)))
    write(tmp_path / "x.yaml")
    (name,) = [os.path.relpath(source, tmp_path) for source in sources]
    assert name.startswith(".x.yaml.")
    assert not name.endswith(".yaml")


@pytest.mark.parametrize("step", ["chmod", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_scrap(tmp_path, monkeypatch, step, error):
    (tmp_path / "x").write_bytes(b"old")

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write(tmp_path / "x", durable=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


def test_what_must_last_is_on_the_disk_before_it_has_its_name_and_its_name_before_this_returns(tmp_path, monkeypatch):
    real, calls = os.replace, []

    def fsync(descriptor):
        calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        if len(calls) == 1:
            assert os.stat(calls[0]).st_size == len(b"new")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda source, target: (calls.append("replace"), real(source, target)))
    write(tmp_path / "x", durable=True)
    assert calls[1:] == ["replace", str(tmp_path)]
    assert os.path.dirname(calls[0]) == str(tmp_path)
    calls.clear()
    write(tmp_path / "x")
    assert calls == ["replace"]


def test_a_bare_name_is_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("x", durable=True)
    assert (tmp_path / "x").exists()
