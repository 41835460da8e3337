# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to a binary, in their order, with a Go tool played by a script."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tarfile
import threading
import urllib.error
import zipfile

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _elf, _obtain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._cache import Cache
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import Go
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._links import keep_links
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._obtain import Obtainer, Unobtainable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._upstream import extract, missing_folders

GO = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$1 $2" in
  "env GOVERSION") echo go1.26.8;;
  "mod download") printf '{"GoMod": "%s", "Zip": "%s"}' "$CALLS" "$ZIP";;
  "mod edit") echo '{"Go": "'"${NEEDS:-1.25}"'", "Replace": null}';;
  "mod tidy") echo "go: finding a";;
  "list -deps") echo a; echo b;;
  build*) [ -z "$BROKEN" ] || { echo "undefined: x"; exit 1; }
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho version 1.2.3\\n' > "$2"; chmod 755 "$2";;
esac
"""
ROW = {
    "name": "tool",
    "versions": ["1.2.3"],
    "binaries": ["tool", "helper"],
    "module": "example.org/tool",
    "module_version": "v{version}",
    "packages": {"tool": "cmd/tool", "helper": "cmd/helper"},
    "archive": "tool-{version}.tar.gz",
    "static": False,
    "upstream": {"repository": "owner/tool", "tag": "v{version}", "folders": ["crds"]},
}
PROGRAM = "#!/bin/sh\necho version {version}\n"


@pytest.fixture
def recipe():
    return Recipe.from_options(ROW)[0]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Folders, a Go tool, and a PATH without the binaries."""
    (tmp_path / "go").write_text(GO)
    (tmp_path / "go").chmod(0o755)
    (tmp_path / "calls").touch()
    (tmp_path / "path").mkdir()
    (tmp_path / "sources/own").mkdir(parents=True)
    (tmp_path / "sources/own/main.go").write_text("package main")
    monkeypatch.setenv("PATH", f"{tmp_path}/path:/usr/bin:/bin")
    return tmp_path


def obtainer(world, release_base="", **environment):
    said = []
    values = {"PATH": "/usr/bin:/bin", "CALLS": str(world / "calls"), "ZIP": str(world / "module.zip"), **environment}
    go = Go(str(world / "go"), values)
    made = Obtainer(str(world / "cache"), str(world / "sources"), release_base, go, said.append)
    made.said = said
    return made


def calls(world):
    return (world / "calls").read_text()


def programs(folder, version="1.2.3"):
    for name in ("tool", "helper"):
        (folder / name).write_text(PROGRAM.format(version=version))
        (folder / name).chmod(0o755)


def archive(world, names=("tool", "helper"), version="1.2.3"):
    (world / "release").mkdir(exist_ok=True)
    path = world / "release/tool-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        for name in names:
            content = PROGRAM.format(version=version).encode()
            member = tarfile.TarInfo(f"tool-1.2.3/bin/{name}")
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return path


def test_built_once_and_cached_by_version(world, recipe):
    made = obtainer(world).obtain(recipe, "1 of 1")
    assert made.source == "built"
    assert made.paths["tool"] == str(world / "cache/binaries/tool/1.2.3/tool")
    assert calls(world).count("build -v -trimpath") == 2
    (world / "calls").write_text("")
    assert obtainer(world).obtain(recipe, "").source == "cached"
    assert calls(world) == ""


def test_progress_says_what_is_built(world, recipe):
    made = obtainer(world)
    made.obtain(recipe, "2 of 9")
    assert "tool 1.2.3 (2 of 9): downloading example.org/tool v1.2.3" in made.said
    assert "tool 1.2.3 (2 of 9): building helper" in made.said


def test_changed_flags_build_again(world, recipe):
    obtainer(world).obtain(recipe, "")
    changed = Recipe.from_options({**ROW, "tags": "other"})[0]
    assert obtainer(world).obtain(changed, "").source == "built"
    assert obtainer(world).obtain(changed, "").source == "cached"


def test_own_program_is_one_file_with_links(world):
    row = {"name": "own", "versions": ["1"], "binaries": ["one", "two"], "main": "own"}
    made = obtainer(world).obtain(Recipe.from_options(row)[0], "")
    assert os.readlink(made.paths["one"]) == "own"
    assert (world / "cache/work/own-1/main.go").read_text() == "package main"
    (world / "sources/own/main.go").write_text("package main // changed")
    assert obtainer(world).at_hand(Recipe.from_options(row)[0]) is None


def test_killed_build_leaves_nothing_that_counts(world, recipe):
    (world / "cache/binaries/tool/.1.2.3.partialdead").mkdir(parents=True)
    (world / "cache/binaries/tool/1.2.3").mkdir()
    assert obtainer(world).at_hand(recipe) is None
    assert obtainer(world).obtain(recipe, "").source == "built"
    assert not (world / "cache/binaries/tool/.1.2.3.partialdead").exists()


def test_prepared_module_is_not_tidied_again(world, recipe):
    with pytest.raises(Unobtainable, match="undefined: x"):
        obtainer(world, BROKEN="1").obtain(recipe, "")
    obtainer(world).obtain(recipe, "")
    assert calls(world).count("mod tidy") == 1


def test_failed_build_names_the_software_and_the_log(world, recipe):
    with pytest.raises(Unobtainable, match=r"tool 1\.2\.3 can't be built: (.|\n)*build\.log(.|\n)*undefined: x"):
        obtainer(world, BROKEN="1").obtain(recipe, "")
    assert not (world / "cache/binaries/tool/1.2.3").exists()


def test_too_old_go_is_named(world, recipe):
    with pytest.raises(Unobtainable, match=r"needs Go 1\.99 or newer, .*/go is 1\.26\.8\. Name a newer one in lab_go"):
        obtainer(world, NEEDS="1.99").obtain(recipe, "")


def test_missing_go_is_named(world, recipe):
    (world / "go").unlink()
    with pytest.raises(Unobtainable, match=r"can't be built: .*No such file"):
        obtainer(world).obtain(recipe, "")


def test_path_comes_before_building(world, recipe):
    programs(world / "path")
    made = obtainer(world).obtain(recipe, "")
    assert (made.source, made.paths["helper"]) == ("path", str(world / "path/helper"))
    assert calls(world) == ""


def test_other_version_on_path_does_not_serve(world, recipe):
    programs(world / "path", version="1.2.30")
    assert obtainer(world).obtain(recipe, "").source == "built"


def test_dynamic_program_does_not_serve_where_it_goes_into_an_image(world):
    programs(world / "path")
    recipe = Recipe.from_options({**ROW, "static": True})[0]
    assert _obtain.problem(recipe, "tool", str(world / "path/tool")) == "is not a static program for this machine"


def test_program_that_can_t_run_does_not_serve(world, recipe):
    (world / "path/tool").write_text("no program")
    (world / "path/tool").chmod(0o755)
    assert "can't be asked" in _obtain.problem(recipe, "tool", str(world / "path/tool"))


def test_archive_comes_before_building(world, recipe):
    path = archive(world)
    (world / "release/tool-1.2.3.tar.gz.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest() + "  x\n")
    made = obtainer(world, f"file://{world}/release/").obtain(recipe, "")
    assert made.source == "archive"
    assert os.access(made.paths["helper"], os.X_OK)
    assert calls(world) == ""
    changed = Recipe.from_options({**ROW, "tags": "other"})[0]
    assert obtainer(world).obtain(changed, "").source == "cached", "build flags say nothing about a release"


def test_absent_archive_is_built_and_said(world, recipe):
    made = obtainer(world, f"file://{world}/release")
    assert made.obtain(recipe, "").source == "built"
    assert any("no file://" in line for line in made.said)


def test_wrong_checksum_is_refused(world, recipe):
    archive(world)
    (world / "release/tool-1.2.3.tar.gz.sha256").write_text("0" * 64)
    with pytest.raises(Unobtainable, match=r"its \.sha256 file says 0000"):
        obtainer(world, f"file://{world}/release").obtain(recipe, "")


def test_archive_without_a_binary_is_refused(world, recipe):
    archive(world, names=("tool",))
    with pytest.raises(Unobtainable, match="lacks helper"):
        obtainer(world, f"file://{world}/release").obtain(recipe, "")


def test_archive_with_another_version_is_refused(world, recipe):
    archive(world, version="9.9.9")
    with pytest.raises(Unobtainable, match=r"tool from file.* is not version 1\.2\.3: it says 'version 9\.9\.9'"):
        obtainer(world, f"file://{world}/release").obtain(recipe, "")


def test_damaged_archive_is_refused(world, recipe):
    archive(world).write_bytes(b"damaged")
    with pytest.raises(Unobtainable, match="can't be read"):
        obtainer(world, f"file://{world}/release").obtain(recipe, "")


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (urllib.error.HTTPError("a", 404, "gone", {}, None), True),
        (urllib.error.HTTPError("a", 503, "busy", {}, None), False),
        (urllib.error.URLError(ConnectionRefusedError("refused")), False),
    ],
)
def test_only_absence_means_build_it(monkeypatch, error, absent):
    def fail(*_arguments, **_more):
        raise error

    monkeypatch.setattr(_obtain, "open_url", fail)
    if absent:
        assert _obtain.fetch("http://x/a", io.BytesIO()) is False
    else:
        with pytest.raises(Unobtainable, match="lab_release_base: http://x/a"):
            _obtain.fetch("http://x/a", io.BytesIO())


def test_second_run_waits_for_the_first(world, recipe):
    cache = Cache(str(world / "cache/binaries"))
    (world / "cache/binaries/tool").mkdir(parents=True)
    waited = threading.Event()
    with open(world / "cache/binaries/tool/.1.2.3.lock", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        def waiting():
            waited.set()
            fcntl.flock(held, fcntl.LOCK_UN)

        with cache.lock(recipe, waiting):
            assert waited.is_set()


def test_damaged_note_counts_as_absent(world, recipe):
    obtainer(world).obtain(recipe, "")
    (world / "cache/binaries/tool/1.2.3/.origin.json").write_text("{")
    assert obtainer(world).at_hand(recipe) is None


def test_upstream_files_come_out_of_the_module(world, recipe):
    with zipfile.ZipFile(world / "module.zip", "w") as opened:
        opened.writestr("example.org/tool@v1.2.3/crds/deep/a.yaml", "a: 1")
        opened.writestr("example.org/tool@v1.2.3/other/b.yaml", "b: 1")
    root = str(world / "upstream")
    assert missing_folders(recipe, root) == ["crds"]
    assert extract(recipe, root, obtainer(world).go) == ["owner/tool/v1.2.3/crds"]
    assert (world / "upstream/owner/tool/v1.2.3/crds/deep/a.yaml").read_text() == "a: 1"
    assert extract(recipe, root, obtainer(world).go) == []
    wrong = Recipe.from_options({**ROW, "upstream": {**ROW["upstream"], "folders": ["none"]}})[0]
    with pytest.raises(FileNotFoundError, match="nothing below"):
        extract(wrong, root, obtainer(world).go)
    assert os.listdir(world / "upstream/owner/tool/v1.2.3") == ["crds"]
    plain = Recipe.from_options({**ROW, "upstream": None})[0]
    assert (missing_folders(plain, root), extract(plain, root, obtainer(world).go)) == ([], [])


def test_links_are_exactly_the_wanted(tmp_path):
    folder = str(tmp_path / "bin")
    assert keep_links(folder, {"a": "/x/a"}, check_mode=True) == ["a"]
    assert not os.path.exists(folder)
    assert keep_links(folder, {"a": "/x/a", "b": "/x/b"}, check_mode=False) == ["a", "b"]
    os.symlink("/torn", os.path.join(folder, ".b.new"))
    assert keep_links(folder, {"b": "/y/b"}, check_mode=False) == [".b.new", "a", "b"]
    assert {name: os.readlink(os.path.join(folder, name)) for name in os.listdir(folder)} == {"b": "/y/b"}
    assert keep_links(folder, {"b": "/y/b"}, check_mode=False) == []


def test_static_programs_are_told_from_dynamic_ones(tmp_path):
    def program(kinds, machine=None, magic=b"\x7fELF\x02\x01"):
        machine = _elf.MACHINES[os.uname().machine] if machine is None else machine
        header = magic + b"\0" * 12 + machine.to_bytes(2, "little") + b"\0" * 12 + (64).to_bytes(8, "little")
        header += b"\0" * 14 + (56).to_bytes(2, "little") + len(kinds).to_bytes(2, "little")
        table = b"".join(kind.to_bytes(4, "little") + b"\0" * 52 for kind in kinds)
        path = tmp_path / "program"
        path.write_bytes(header.ljust(64, b"\0") + table)
        return _elf.is_static_program(str(path))

    assert program([1, 2])
    assert not program([1, _elf.PT_INTERP])
    assert not program([])
    assert not program([1], machine=3)
    assert not program([1], magic=b"#!/bin")
    assert not _elf.is_static_program(str(tmp_path / "none"))
