# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image archives: what is in them, and that the same input gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _archives, _oci
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._oci import Entry, Image


@pytest.fixture
def image(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    entries = (*_oci.base_entries(), Entry("bin/x", 0o755, source=str(program)), Entry("bin/sh", 0o777, link="x"))
    return Image("lab.local/x:v1", entries, ("/bin/x",), "1000", {"A": "1"})


def archive(image, tmp_path):
    target = io.BytesIO()
    digest = _oci.write_archive(image, target, str(tmp_path))
    target.seek(0)
    return digest, target


def blob(opened, digest):
    return opened.extractfile("blobs/" + digest.replace(":", "/")).read()


def test_archive_is_a_chain_of_digests(image, tmp_path):
    digest, target = archive(image, tmp_path)
    with tarfile.open(fileobj=target) as opened:
        index = json.load(opened.extractfile("index.json"))
        assert index["manifests"][0]["digest"] == digest
        assert index["manifests"][0]["annotations"]["io.containerd.image.name"] == "lab.local/x:v1"
        manifest = json.loads(blob(opened, digest))
        for part in (manifest["config"], *manifest["layers"]):
            content = blob(opened, part["digest"])
            assert part["size"] == len(content)
            assert part["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
        config = json.loads(blob(opened, manifest["config"]["digest"]))
        assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
        assert config["config"]["Entrypoint"] == ["/bin/x"]
        assert config["config"]["User"] == "1000"
        assert "A=1" in config["config"]["Env"]
        assert opened.extractfile("oci-layout").read()
    assert os.listdir(tmp_path) == ["program"]


def test_layer_has_files_links_and_every_parent(image, tmp_path):
    target = io.BytesIO()
    _oci.write_layer(image.entries, target)
    target.seek(0)
    with tarfile.open(fileobj=target) as layer:
        names = layer.getnames()
        assert names == sorted(names)
        assert {"bin", "bin/x", "bin/sh", "etc", "etc/passwd", "tmp"} <= set(names)
        assert layer.getmember("bin/sh").linkname == "x"
        assert layer.getmember("tmp").mode == 0o1777
        assert layer.extractfile("bin/x").read() == b"\x7fELF"
        assert {(member.mtime, member.uid, member.gid) for member in layer} == {(0, 0, 0)}


def test_same_input_same_digest(image, tmp_path):
    first, _target = archive(image, tmp_path)
    os.utime(tmp_path / "program", (1, 1))
    assert archive(image, tmp_path)[0] == first


def test_later_entry_wins(tmp_path):
    target = io.BytesIO()
    _oci.write_layer([Entry("a", content=b"1"), Entry("a", content=b"22")], target)
    target.seek(0)
    with tarfile.open(fileobj=target) as layer:
        assert layer.extractfile("a").read() == b"22"


def test_fingerprint_follows_the_sources(image, tmp_path):
    first = _oci.fingerprint(image)
    assert _oci.fingerprint(image) == first
    (tmp_path / "program").write_bytes(b"another")
    assert _oci.fingerprint(image) != first
    assert _oci.fingerprint(Image("lab.local/x:v2", image.entries)) != _oci.fingerprint(
        Image("lab.local/x:v1", image.entries)
    )


def test_archive_tells_what_it_holds(image, tmp_path):
    digest, target = archive(image, tmp_path)
    path = tmp_path / "x.tar"
    path.write_bytes(target.getvalue())
    assert _archives.archive_digests(str(path)) == {"lab.local/x:v1": digest}


def tar(path, **files):
    with tarfile.open(path, "w") as opened:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return str(path)


def test_archive_without_index_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no index\.json"):
        _archives.archive_digests(tar(tmp_path / "x.tar", manifest_json=b"[]"))


def test_archive_without_names_is_refused(tmp_path):
    index = json.dumps(
        {"manifests": [{"digest": "sha256:1", "annotations": {"org.opencontainers.image.ref.name": "1"}}]}
    )
    with pytest.raises(ValueError, match="no full name"):
        _archives.archive_digests(tar(tmp_path / "x.tar", index_json=index.encode()))


def test_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.tar").write_text("not a tar")
    with pytest.raises(ValueError, match="not a tar archive"):
        _archives.archive_digests(str(tmp_path / "x.tar"))


def test_listing_of_containerd():
    listing = "REF TYPE DIGEST SIZE\nlab.local/x:v1 application/x sha256:1 2 MiB linux/amd64 -\nbroken\n"
    assert _archives.present_images(listing) == {"lab.local/x:v1": "sha256:1"}
