# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinned files."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _upstream

TEXT = b"kind: A\n---\nkind: B\n"
SUM = hashlib.sha256(TEXT).hexdigest()
PATH = "owner/repo/v1/file.yaml"


class Source:
    def __init__(self, content=TEXT):
        self.content = content
        self.asked = []

    def __call__(self, address):
        self.asked.append(address)
        return self.content


def load(source, cache=None, base="https://raw.example.org/", files=None):
    said = []
    manifests = _upstream.load(files or [{"path": PATH, "sha256": SUM}], base, cache, said.append, source)
    return manifests, said


def test_a_file_is_fetched_once_and_kept(tmp_path):
    source = Source()
    manifests, said = load(source, str(tmp_path))
    assert [(m.body["kind"], m.source, m.line) for m in manifests] == [("A", PATH, 1), ("B", PATH, 3)]
    assert source.asked == ["https://raw.example.org/" + PATH]
    assert said == ["fetching https://raw.example.org/" + PATH]
    load(source, str(tmp_path))
    assert len(source.asked) == 1
    assert (tmp_path / PATH).read_bytes() == TEXT
    assert [name for name in os.listdir((tmp_path / PATH).parent) if name != "file.yaml"] == []


def test_a_damaged_cache_is_fetched_again(tmp_path):
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_bytes(b"half")
    source = Source()
    load(source, str(tmp_path))
    assert len(source.asked) == 1
    assert (tmp_path / PATH).read_bytes() == TEXT


def test_another_content_is_refused_with_both_sums(tmp_path):
    with pytest.raises(InvalidInput) as caught:
        load(Source(b"evil"), str(tmp_path))
    for part in (SUM, hashlib.sha256(b"evil").hexdigest(), "https://raw.example.org/" + PATH):
        assert part in caught.value.message
    assert not (tmp_path / PATH).exists()


def test_all_files_problems_come_together():
    files = [{"path": "a", "sha256": "1"}, {"path": "b", "sha256": "2"}]
    with pytest.raises(InvalidInput) as caught:
        load(Source(), files=files)
    assert [problem.source for problem in caught.value.problems] == ["a", "b"]


def test_a_path_stays_in_the_cache(tmp_path):
    with pytest.raises(InvalidInput, match="leads out of the cache folder"):
        load(Source(), str(tmp_path / "cache"), files=[{"path": "../x", "sha256": SUM}])


def test_a_local_base_needs_no_network(tmp_path):
    (tmp_path / "mirror dir" / PATH).parent.mkdir(parents=True)
    (tmp_path / "mirror dir" / PATH).write_bytes(TEXT)
    base = (tmp_path / "mirror dir").as_uri()
    manifests, _said = load(None, base=base)
    assert len(manifests) == 2
    with pytest.raises(InvalidInput, match="can't be fetched: No such file"):
        load(None, base=base, files=[{"path": "none", "sha256": SUM}])


def test_an_unreachable_base_is_named():
    with pytest.raises(InvalidInput, match=r"http://127\.0\.0\.1:1/owner/repo/v1/file\.yaml can't be fetched"):
        load(None, base="http://127.0.0.1:1")


def test_a_file_that_is_no_text(tmp_path):
    content = b"\xff\xfe"
    files = [{"path": "x", "sha256": hashlib.sha256(content).hexdigest()}]
    with pytest.raises(InvalidInput, match="isn't UTF-8 text"):
        load(Source(content), files=files)
