# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds are judged by their files, explained by their logs, and tried without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _dkms, _dkms_log
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Done, Module
from fake_debian import link

LOG = (Path(__file__).parents[3] / "fixtures" / "packages" / "make_log_open_550.txt").read_text("utf-8")
FIRST = "nvidia/nv-pci.c:237:9: error: too few arguments to function \u2018pci_resize_resource\u2019"
KERNEL = "6.12.117+deb13-amd64"
MODULE = Module("nvidia-current", "550.163.01")
CONF = """PACKAGE_NAME="nvidia-current"
PACKAGE_VERSION="550.163.01"
BUILT_MODULE_NAME[0]="nvidia"
DEST_MODULE_NAME[0]="$PACKAGE_NAME"
"""


@pytest.fixture
def root(tmp_path):
    put(tmp_path, "usr/src/nvidia-current-550.163.01/dkms.conf", CONF)
    for kernel in (KERNEL, "6.12.9+deb13-amd64"):
        put(tmp_path, f"lib/modules/{kernel}/build/Makefile")
    put(tmp_path, "lib/modules/6.1.0-no-headers/modules.dep")
    return tmp_path


def put(root, path, text=""):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def test_the_recorded_failure():
    assert _dkms_log.first_error(LOG) == FIRST
    assert _dkms_log.subject(LOG) == ("nvidia-current-open", "550.163.01", KERNEL)


def test_the_head_of_an_older_dkms():
    log = "DKMS make.log for nvidia-current-535.261.03 for kernel 6.1.0-50-amd64 (x86_64)\n"
    assert _dkms_log.subject(log) == ("nvidia-current", "535.261.03", "6.1.0-50-amd64")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("x.h:1: fatal error: no.h: No such file\nmake: *** [a] Error 1", "x.h:1: fatal error: no.h: No such file"),
        ("make: *** [x] Error 2\nERROR: modpost: GPL-incompatible module", "ERROR: modpost: GPL-incompatible module"),
        ("/bin/sh: 1: gcc: not found\nmake: *** [x] Error 127", "/bin/sh: 1: gcc: not found"),
        ("cc1: out: No space left on device\nmake: *** [x]", "cc1: out: No space left on device"),
        ("a.c:1:2: warning: error: none\nmake[2]: *** [a.o] Error 1\nmake: *** [b]", "make[2]: *** [a.o] Error 1"),
        ("CONFTEST: dma_fence_set_error\nall fine", ""),
    ],
)
def test_other_ways_to_fail(log, said):
    assert _dkms_log.first_error(log) == said


def test_only_kernels_with_headers_count_oldest_first(root):
    assert _dkms.kernels(str(root)) == ["6.12.9+deb13-amd64", KERNEL]
    assert _dkms.worth_trying(str(root), "6.12.9+deb13-amd64") == ["6.12.9+deb13-amd64", KERNEL]
    assert _dkms.worth_trying(str(root), "a kernel of another world") == [KERNEL]
    assert _dkms.worth_trying(str(root / "nowhere"), KERNEL) == []


def test_modules_of_a_package(root):
    files = ["/usr/share/doc/x", "/usr/src/nvidia-current-550.163.01/dkms.conf", "/usr/src/gone-1/dkms.conf"]
    assert _dkms.modules_in(files, str(root), "nvidia-kernel-dkms") == [
        Module("nvidia-current", "550.163.01", "nvidia-kernel-dkms")
    ]
    assert _dkms.modules_below(str(root)) == [MODULE]


def test_a_module_is_installed_when_all_its_files_are(root):
    def lacks():
        return _dkms.lacking(str(root), [MODULE], [KERNEL]) == [(MODULE, KERNEL)]

    tree = root / "var/lib/dkms/nvidia-current"
    assert lacks()
    put(root, f"var/lib/dkms/nvidia-current/550.163.01/{KERNEL}/x86_64/module/nvidia-current.ko.xz")
    put(root, f"var/lib/dkms/nvidia-current/550.163.01/{KERNEL}/x86_64/module/nvidia-current-uvm.ko.xz")
    link(tree / "550.163.01/source", "/usr/src/nvidia-current-550.163.01")
    assert lacks(), "built"
    link(tree / f"kernel-{KERNEL}-x86_64", f"550.163.01/{KERNEL}/x86_64")
    assert lacks(), "DKMS says installed, and no file is there"
    put(root, f"lib/modules/{KERNEL}/updates/dkms/nvidia-current.ko.xz")
    assert lacks(), "one of two"
    put(root, f"lib/modules/{KERNEL}/updates/dkms/nvidia-current-uvm.ko.xz")
    assert not lacks()


class Dkms:
    """A stand-in for dkms: notes how it was called, leaves a log or a file behind."""

    def __init__(self, root, *, fails=False):
        self.root, self.fails, self.calls = root, fails, []

    def __call__(self, argv, timeout=0, cwd="/", env=None):
        self.calls.append(list(argv))
        tree = argv[argv.index("--dkmstree") + 1] if "--dkmstree" in argv else str(self.root / "var/lib/dkms")
        put(self.root, "var/lib/dkms/mok.key", "made on the way")
        where = Path(tree) / "nvidia-current/550.163.01"
        if self.fails:
            put(where, "build/make.log", LOG)
            return Done(tuple(argv), 10, "", "Error! Bad return status")
        put(where, f"{KERNEL}/x86_64/module/nvidia-current.ko")
        link(where / "source", "/usr/src/nvidia-current-550.163.01")
        link(where.parent / f"kernel-{KERNEL}-x86_64", f"550.163.01/{KERNEL}/x86_64")
        put(self.root, f"lib/modules/{KERNEL}/updates/dkms/nvidia-current.ko")
        return Done(tuple(argv), 0, "", "")


def test_building_what_lacks(root):
    dkms = Dkms(root)
    assert _dkms.install(dkms, str(root), MODULE, KERNEL, 10) is None
    assert dkms.calls == [["dkms", "install", "--force", "-m", "nvidia-current", "-v", "550.163.01", "-k", KERNEL]]


def test_a_build_that_fails_is_explained_and_its_log_kept(root):
    failed = _dkms.install(Dkms(root, fails=True), str(root), MODULE, KERNEL, 10)
    assert (failed.error, failed.kernel) == (FIRST, KERNEL)
    assert (root / failed.log.lstrip("/")).read_text("utf-8") == LOG
    assert str(failed).startswith(
        f"nvidia-current 550.163.01 does not build for kernel {KERNEL}: nvidia/nv-pci.c:237:9"
    )


def test_dkms_that_says_yes_without_a_file_is_not_believed(root):
    failed = _dkms.install(lambda argv, **_: Done(tuple(argv), 0, "", ""), str(root), MODULE, KERNEL, 10)
    assert failed is not None


def test_a_build_that_takes_too_long(root):
    failed = _dkms.install(lambda argv, **_: Done(tuple(argv), -2, "", "", True), str(root), MODULE, KERNEL, 10)
    assert failed.error == "the build took too long and was ended"


@pytest.mark.parametrize("fails", [False, True])
def test_a_trial_leaves_the_hosts_dkms_alone(root, tmp_path_factory, fails):
    unpacked = tmp_path_factory.mktemp("unpacked")
    dkms = Dkms(root, fails=fails)
    failures = _dkms.trial(dkms, str(root), str(unpacked), [(MODULE, KERNEL)], 10)
    assert [failure.error for failure in failures] == [FIRST] * fails
    (call,) = dkms.calls
    assert call[-4:] == ["--sourcetree", f"{unpacked}/usr/src", "--dkmstree", f"{unpacked}/dkms"]
    assert not (root / "var/lib/dkms/mok.key").exists()
    assert not (root / "var/lib/dkms/nvidia-current").exists()


def test_a_trial_keeps_a_signing_key_that_was_there(root, tmp_path_factory):
    put(root, "var/lib/dkms/mok.key", "mine")
    _dkms.trial(Dkms(root), str(root), str(tmp_path_factory.mktemp("unpacked")), [(MODULE, KERNEL)], 10)
    assert (root / "var/lib/dkms/mok.key").exists()
