# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links stay inside the root; what can't be read is told, what isn't there is not."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root


@pytest.fixture
def outside(tmp_path):
    """A file beside the root that must not be read."""
    (tmp_path / "secret").write_text("outside")
    return tmp_path


@pytest.fixture
def folder(outside):
    """A root with one file."""
    (outside / "root" / "etc").mkdir(parents=True)
    (outside / "root" / "etc" / "file").write_text("inside\n")
    return outside / "root"


@pytest.mark.parametrize(
    "target", ["/etc/file", "file", "../etc/file", "../../../../../../etc/file", "/../etc/./file", "//etc//file"]
)
def test_links_are_followed_inside(folder, target):
    (folder / "etc" / "link").symlink_to(target)
    assert Root(str(folder)).text("/etc/link") == "inside"


@pytest.mark.parametrize("target", ["../../secret", "../../../secret"])
def test_links_do_not_lead_out(folder, outside, target):
    (folder / "etc" / "link").symlink_to(target)
    (folder / "etc" / "absolute").symlink_to(outside / "secret")
    root = Root(str(folder))
    assert (root.text("/etc/link"), root.text("/etc/absolute"), root.unread) == ("", "", [])


def test_a_folder_that_is_a_link_to_the_outside_is_empty(folder, outside):
    (folder / "sys").symlink_to(outside)
    root = Root(str(folder))
    assert (root.names("/sys"), root.text("/sys/secret"), root.is_file("/sys/secret")) == ([], "", False)


def test_dots_in_a_path_do_not_lead_out(folder):
    assert Root(str(folder)).text("/../../secret") == ""


def test_a_link_of_links_is_followed(folder):
    (folder / "lib").symlink_to("usr/lib")
    (folder / "usr").mkdir()
    (folder / "usr" / "lib").symlink_to("/etc")
    root = Root(str(folder))
    assert root.text("/lib/file") == "inside"
    assert root.inside("/lib/file") == "/etc/file"


def test_a_loop_is_told(folder):
    (folder / "etc" / "a").symlink_to("b")
    (folder / "etc" / "b").symlink_to("a")
    root = Root(str(folder))
    assert (root.text("/etc/a"), root.inside("/etc/b")) == ("", "")
    assert root.unread == [
        {"path": "/etc/a", "reason": os.strerror(errno.ELOOP)},
        {"path": "/etc/b", "reason": os.strerror(errno.ELOOP)},
    ]


def test_the_target_of_a_link_is_named_without_its_path(folder):
    (folder / "etc" / "driver").symlink_to("../../bus/pci/drivers/nvidia")
    root = Root(str(folder))
    assert (root.link("/etc/driver"), root.link("/etc/file"), root.link("/etc/absent")) == ("nvidia", "", "")
    assert root.unread == []


def test_what_is_absent_is_no_trouble(folder):
    root = Root(str(folder))
    assert (root.text("/etc/absent"), root.names("/etc/file"), root.number("/etc/absent")) == ("", [], None)
    assert root.unread == []


def test_a_folder_and_a_pipe_are_no_files(folder):
    os.mkfifo(folder / "etc" / "pipe")
    root = Root(str(folder))
    assert (root.data("/etc/pipe"), root.data("/etc")) == (None, None)
    assert root.unread == []


def test_what_is_no_number_is_told_once(folder):
    root = Root(str(folder))
    assert (root.number("/etc/file"), root.number("/etc/file", 16)) == (None, None)
    assert root.unread == [{"path": "/etc/file", "reason": "holds 'inside' where a number belongs"}]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_file_that_refuses_is_told(folder, monkeypatch, code):
    def refuse(*_arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    root = Root(str(folder))
    assert (root.text("/etc/file"), root.names("/etc")) == ("", [])
    reason = os.strerror(code)
    assert root.unread == [{"path": "/etc/file", "reason": reason}, {"path": "/etc", "reason": reason}]


def test_a_read_that_fails_is_told(folder, monkeypatch):
    def fail(*_arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "read", fail)
    root = Root(str(folder))
    assert root.data("/etc/file") is None
    assert root.unread == [{"path": "/etc/file", "reason": os.strerror(errno.EIO)}]


def test_a_file_is_read_to_its_end_in_small_parts(folder, monkeypatch):
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 2)))
    root = Root(str(folder))
    assert (root.text("/etc/file"), root.data("/etc/file", 3)) == ("inside", b"ins")


def test_the_real_root_is_read_as_it_is(folder):
    root = Root("/")
    assert root.text(str(folder / "etc" / "file")) == "inside"
    assert root.inside(str(folder / "etc")) == str(folder / "etc")


def test_names_that_json_may_not_take_are_left_out(folder):
    (folder / "etc" / os.fsdecode(b"\xff")).write_text("strange")
    (folder / "etc" / "link").symlink_to(os.fsdecode(b"/sys/\xff"))
    root = Root(str(folder))
    assert (root.names("/etc"), root.link("/etc/link")) == (["file", "link"], "?")


def test_any_file_name_can_be_printed(folder):
    strange = os.fsdecode(b"/etc/\xff")
    root = Root(str(folder))
    root.note(strange, "why")
    assert root.unread == [{"path": "/etc/?", "reason": "why"}]
    assert _root.printable("plain") == "plain"
