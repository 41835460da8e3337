# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories: the pinned key and no other, written once, and seen by a preview before they are there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _apt_preview,
    _keys,
    _repository,
    _sources,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Done,
    PackageError,
    Pin,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._repository import Repository
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._sources import Login

RECORDED = Path(__file__).parents[3] / "fixtures" / "packages"
KEY = (RECORDED / "key.asc").read_bytes()
FINGERPRINT = "A19589F584610951F0FACA8230F0B24B523CAFFD"
TARGETS = (RECORDED / "apt_indextargets.txt").read_text()
VENDOR = {
    "family": "apt",
    "name": "nvidia-cuda",
    "uri": "https://mirror.example/repos/debian13/x86_64/",
    "suite": "/",
    "components": [],
    "key_url": "https://mirror.example/repos/debian13/x86_64/key.pub",
    "key_fingerprint": FINGERPRINT,
}


@pytest.fixture
def debian(tmp_path):
    put(tmp_path, "usr/bin/apt-get")
    put(tmp_path, "etc/os-release", 'ID=debian\nVERSION_CODENAME="trixie"\n')
    put(tmp_path, "etc/apt/sources.list.d/debian.sources", "Types: deb\n")
    return tmp_path


@pytest.fixture
def rocky(tmp_path):
    put(tmp_path, "usr/bin/dnf")
    put(tmp_path, "etc/yum.repos.d/rocky.repo", "[baseos]\nbaseurl=http://a\n[crb]\nmirrorlist=http://b\nenabled=1\n")
    put(tmp_path, "etc/yum.repos.d/epel.repo", "[epel]\nmetalink=http://c\n[epel-testing]\nenabled=0\n")
    return tmp_path


def put(root, path, text=""):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def apt(text=TARGETS):
    return lambda argv, **_: Done(tuple(argv), 0, text, "")


def files(root, body, *components, run=None, login=Login(), fetch=lambda _address: KEY):  # noqa: B008
    found = _repository.wanted(Repository(body, components, login), run or apt(), str(root), fetch)
    return {item.path: item for item in found if item.text}


def unfetchable(_address):
    raise OSError("no route to host")


def test_the_fingerprint_is_that_of_gpg():
    assert _keys.fingerprint(KEY) == FINGERPRINT


@pytest.mark.parametrize("data", [b"", b"not a key", KEY[:80], b"\x99\x00", b"\xff\xff", b"\x00" * 40])
def test_what_is_no_key_has_no_fingerprint(data):
    assert _keys.fingerprint(data) == ""


@pytest.mark.parametrize(
    "pin",
    [
        {"key_fingerprint": FINGERPRINT.lower()},
        {"key_fingerprint": "A195 89F5 8461 0951 F0FA  CA82 30F0 B24B 523C AFFD"},
        {"key_sha256": hashlib.sha256(KEY).hexdigest()},
        {"key_sha256_without_version": hashlib.sha256(KEY).hexdigest(), "key_fingerprint": FINGERPRINT},
    ],
)
def test_a_pinned_key_is_taken(pin):
    assert _keys.fetched({"key_url": "x", **pin}, lambda _address: KEY) == KEY


def test_a_version_line_makes_no_difference_to_the_pin_without_it():
    signed = KEY.replace(b"-----\n\n", b"-----\nVersion: GnuPG v2.0.22 (GNU/Linux)\n\n", 1)
    pin = {"key_url": "x", "key_sha256_without_version": hashlib.sha256(KEY).hexdigest()}
    assert _keys.fetched(pin, lambda _address: signed) == signed
    assert _keys.fingerprint(signed) == FINGERPRINT


@pytest.mark.parametrize(
    ("repository", "fetch", "said"),
    [
        ({"key_fingerprint": "0" * 40}, lambda _address: KEY, f"its fingerprint is {FINGERPRINT}, expected was 000"),
        ({"key_sha256": "0" * 64}, lambda _address: KEY, "its sha256 is"),
        ({"key_fingerprint": FINGERPRINT}, lambda _address: b"<html>", "its fingerprint is unreadable"),
        ({}, lambda _address: KEY, "has no pin"),
        ({"key_fingerprint": FINGERPRINT}, unfetchable, "can't be fetched: no route to host"),
    ],
)
def test_any_other_key_is_refused_without_showing_a_login(repository, fetch, said):
    with pytest.raises(PackageError) as caught:
        _keys.fetched({"key_url": "https://me:secret@host/key", **repository}, fetch)
    assert said in caught.value.message
    assert "secret" not in caught.value.message


def test_a_vendors_repository_for_apt(debian):
    found = files(debian, VENDOR)
    assert list(found) == ["etc/apt/keyrings/nvidia-cuda.asc", "etc/apt/sources.list.d/openhands-nvidia-cuda.sources"]
    lines = found["etc/apt/sources.list.d/openhands-nvidia-cuda.sources"].text.splitlines()[1:]
    assert lines == [
        "Types: deb",
        "URIs: https://mirror.example/repos/debian13/x86_64/",
        "Suites: /",
        "Signed-By: /etc/apt/keyrings/nvidia-cuda.asc",
    ]


def test_a_repository_is_written_once(debian):
    found = list(files(debian, VENDOR).values())
    assert _repository.differing(found, str(debian)) == found
    _repository.write(found, str(debian))
    again = list(files(debian, VENDOR, fetch=unfetchable).values())
    assert again == found, "the key that is there is the pinned one: nothing is fetched"
    assert _repository.differing(again, str(debian)) == []


def test_a_key_that_was_exchanged_on_the_host_is_replaced(debian):
    put(debian, "etc/apt/keyrings/nvidia-cuda.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nother")
    assert files(debian, VENDOR)["etc/apt/keyrings/nvidia-cuda.asc"].text == KEY.decode()


def test_a_repository_of_somebody_elses_file_is_left_alone(debian):
    there = TARGETS + "https://mirror.example/repos/debian13/x86_64/\t/\t\t/usr/share/keyrings/cuda.gpg\n"
    assert files(debian, VENDOR, run=apt(there)) == {}


def test_a_login_is_for_root_alone_and_nowhere_else(debian):
    found = files(debian, VENDOR, login=Login("me", "hunter2"))
    entry = found.pop("etc/apt/auth.conf.d/openhands-nvidia-cuda.conf")
    assert entry.mode == 0o600
    assert "machine https://mirror.example/repos/debian13/x86_64/\nlogin me\npassword hunter2\n" in entry.text
    assert not any("hunter2" in item.text for item in found.values())
    _repository.write([entry], str(debian))
    assert (debian / entry.path).stat().st_mode & 0o777 == 0o600


def test_missing_components_come_from_where_main_comes_from(debian):
    found = files(debian, {}, "main", "contrib", "restricted")
    (item,) = found.values()
    assert item.path == "etc/apt/sources.list.d/openhands-driver-components.sources"
    assert [stanza.splitlines()[-4:] for stanza in item.text.split("\n\n")] == [
        [
            f"URIs: http://deb.debian.org/{archive}",
            f"Suites: {suite}",
            "Components: restricted",
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        ]
        for archive, suite in (
            ("debian", "trixie"),
            ("debian", "trixie-updates"),
            ("debian-security", "trixie-security"),
        )
    ]


def test_a_source_without_a_key_of_its_own_gets_none(debian):
    plain = "".join(line.rpartition("\t")[0] + "\t$(SIGNED_BY)\n" for line in TARGETS.splitlines())
    (item,) = files(debian, {}, "restricted", run=apt(plain)).values()
    assert "Signed-By" not in item.text


def test_components_that_are_there_need_nothing(debian):
    assert files(debian, {}, "main", "contrib", "non-free", "non-free-firmware") == {}
    with pytest.raises(PackageError, match="No source of the distribution's archive"):
        files(debian, {}, "contrib", run=apt(""))


def test_a_vendors_repository_for_dnf(rocky):
    body = {**VENDOR, "family": "dnf", "requires": ["epel", "crb"]}
    found = files(rocky, body)
    assert list(found) == ["etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-cuda", "etc/yum.repos.d/openhands-nvidia-cuda.repo"]
    text = found["etc/yum.repos.d/openhands-nvidia-cuda.repo"].text
    assert "[nvidia-cuda]\n" in text
    assert "gpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-cuda\n" in text
    _repository.write(list(found.values()), str(rocky))
    assert _repository.differing(list(files(rocky, body).values()), str(rocky)) == []


def test_a_dnf_repository_may_give_single_packages_alone(rocky):
    body = {**VENDOR, "family": "dnf", "title": "Tools", "includepkgs": ["tool-1.2-*", "tool-base-1.2-*"]}
    lines = files(rocky, body)["etc/yum.repos.d/openhands-nvidia-cuda.repo"].text.splitlines()
    assert {"name=Tools", "includepkgs=tool-1.2-* tool-base-1.2-*"} <= set(lines)
    text = files(rocky, {**VENDOR, "family": "dnf"})["etc/yum.repos.d/openhands-nvidia-cuda.repo"].text
    assert "includepkgs" not in text


def test_a_dnf_login_makes_its_file_secret(rocky):
    body = {**VENDOR, "family": "dnf"}
    repo = files(rocky, body, login=Login("me", "hunter2"))["etc/yum.repos.d/openhands-nvidia-cuda.repo"]
    assert (repo.mode, "password=hunter2" in repo.text) == (0o600, True)


def test_repositories_that_are_needed_beside_it_are_named_with_what_to_do(rocky):
    (rocky / "etc/yum.repos.d/epel.repo").write_text("[epel]\nenabled=0\nmetalink=http://c\n")
    with pytest.raises(PackageError, match=r"epel \(dnf install epel-release"):
        files(rocky, {**VENDOR, "family": "dnf", "requires": ["epel", "crb"]})


def test_a_preview_sees_what_the_host_does_not_have_yet(debian, tmp_path_factory):
    folder = tmp_path_factory.mktemp("preview")
    put(debian, "etc/apt/preferences.d/theirs", "Package: *\n")
    put(debian, _apt_preview.PREFERENCES, "ours of an earlier run")
    put(debian, "var/lib/apt/lists/deb.debian.org_Packages", "lists")
    new = list(files(debian, VENDOR).values())
    preview = _apt_preview.Preview(str(debian), str(folder))
    preview.pin([Pin("nvidia-*", "version 580.*", 1001), Pin("nvidia-*", "version *", -1)])
    preview.add_sources(_repository.preview(new, str(folder)))
    parts = {path.name: path.read_text() for path in (folder / "preferences.d").iterdir()}
    assert parts["theirs"] == "Package: *\n"
    assert parts["openhands-nvidia-driver.pref"].count("Package: nvidia-*") == 2
    source = (folder / "sources.list.d/openhands-nvidia-cuda.sources").read_text()
    (line,) = [line for line in source.splitlines() if line.startswith("Signed-By: ")]
    assert Path(line.removeprefix("Signed-By: ")).read_bytes() == KEY
    assert (folder / "sources.list.d/debian.sources").exists()
    assert [path.name for path in (folder / "new").iterdir()] == ["openhands-nvidia-cuda.sources"]
    assert (folder / "lists/deb.debian.org_Packages").read_text() == "lists"
    assert all(str(folder) in value.partition("=")[2] for value in preview.options()[1::2])
    assert not (debian / "etc/apt/keyrings").exists()


def test_what_apt_lists_is_read_and_foreign_lines_are_not():
    found = _sources.targets(TARGETS + "garbage\n")
    assert len(found) == len(TARGETS.splitlines())
    assert found[0].suite == "trixie"
