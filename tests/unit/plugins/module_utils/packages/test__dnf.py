# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf behind the same transaction: what is asked of its library, and what its answers become.

The library's own side (_dnf_api) is run against stand-ins for its objects here. Against dnf 4.23 itself, with packages
made by rpmbuild, it was tried by hand.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _dnf_api,
    _going_back,
    _repository,
    _transaction,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._dnf import Dnf
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._job import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Done,
    PackageError,
    Request,
    Wanted,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._sources import Login
from fake_debian import link

KMOD, CUDA = "kmod-nvidia-open-dkms", "nvidia-driver-cuda"
OLD, NEW, BAD = "3:580.1-1.el9", "3:580.2-1.el9", "3:590.1-1.el9"
LIST = "etc/dnf/plugins/versionlock.list"
STREAM = "etc/dnf/modules.d/nvidia-driver.module"
KERNEL = "5.14.0-503.el9.x86_64"


class El:
    """A host with dnf in memory. It answers the functions of _dnf_api; the module stream is a file, as dnf's is."""

    def __init__(self, root):
        self.root, self.installed, self.lost, self.calls = root, {"python3-dnf-plugin-versionlock": "4-1"}, set(), []
        self.twice, self.refuse = [], ""
        for path in (f"lib/modules/{KERNEL}/build/Makefile", LIST):
            self.put(path)
        (root / "state/archives").mkdir(parents=True)

    def put(self, path, text=""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def job(self, request, **more):
        look = _repository.Look(_repository.Repository({}, (), Login()), list)
        place = {"root": str(self.root), "archives": str(self.root / "state/archives")}
        family = Dnf(self.call, self.run, place, {"run": 60.0, "lock": 0.0}, look)
        return Job(family, self.run, str(self.root), str(self.root / "state"), request, prebuild=False, **more)

    def run(self, argv, timeout=0, cwd="/", env=None):
        out = ""
        if argv[:2] == ["rpm", "-ql"] and argv[2] in self.installed:
            out = f"/usr/src/nvidia-open-{self.version(argv[2])}/dkms.conf\n"
        if argv[:2] == ["rpm", "-qa"]:
            out = "\n".join([f"{name} x86_64" for name in [*self.installed, *self.twice]])
        if "--duplicates" in argv:
            self.twice = []
        if argv[0] == "dkms":
            self.build(fails=self.installed.get(KMOD) == BAD)
        return Done(tuple(argv), 1 if argv[0] == "dkms" and self.installed.get(KMOD) == BAD else 0, out, "")

    def version(self, name):
        return self.installed[name].partition(":")[2].partition("-")[0]

    def build(self, *, fails):
        tree = f"var/lib/dkms/nvidia-open/{self.version(KMOD)}"
        for path in self.root.glob("lib/modules/*/extra/*"):
            path.unlink()
        if fails:
            self.put(f"{tree}/build/make.log", "a.c:1:2: error: no\n")
        else:
            self.put(f"{tree}/{KERNEL}/x86_64/module/nvidia.ko.xz")
            link(self.root / tree / "source", f"/usr/src/nvidia-open-{self.version(KMOD)}")
            link(
                self.root / f"var/lib/dkms/nvidia-open/kernel-{KERNEL}-x86_64", f"{self.version(KMOD)}/{KERNEL}/x86_64"
            )
            self.put(f"lib/modules/{KERNEL}/extra/nvidia.ko.xz")

    def call(self, function, timeout, **arguments):
        self.calls.append((function.__name__, arguments))
        return getattr(self, "_" + function.__name__)(**arguments)

    def _installed(self):
        return {"installed": dict(self.installed)}

    def _solve(self, wanted, remove, stream, preview):
        new = {item["name"]: self.meant(item) for item in wanted}
        lacking = [f"{name}: no repository has it" for name, version in new.items() if not version]
        if lacking:
            return {"error": "x", "lines": lacking}
        moved = {
            **{name: (self.installed[name], "") for name in remove},
            **{n: (self.installed.get(n, ""), v) for n, v in new.items()},
        }
        changes = [{"name": n, "from": a, "to": b} for n, (a, b) in moved.items() if a != b]
        return {"exact": new, "changes": changes, "repositories": []}

    @staticmethod
    def meant(item):
        known = {"580.1*": OLD, "580.2*": NEW, "590.*": BAD, OLD: OLD, NEW: NEW}
        return known.get(item["version"], "") if item["name"] in (KMOD, CUDA) else "1-1"

    def _obtain(self, packages, folder, stream):
        for name, version in packages.items():
            if (name, version) not in self.lost:
                self.put(f"state/archives/{_dnf_api.file_name(name, version)}")
        return {"lost": [f"{name}={version}" for name, version in packages.items() if (name, version) in self.lost]}

    def _apply(self, wanted, remove, stream, files):
        if self.refuse:
            return {"error": self.refuse, "said": "Running scriptlet"}
        new = {item["name"]: self.meant(item) for item in wanted}
        for name, path in files.items():
            new[name] = path.rpartition("_")[2].replace("%3a", ":").removesuffix(".rpm")
        self.installed = {**{n: v for n, v in self.installed.items() if n not in remove}, **new}
        if stream:
            self.put(STREAM, stream)
        if KMOD in self.installed:
            plain = self.version(KMOD)
            conf = f'PACKAGE_NAME="nvidia-open"\nPACKAGE_VERSION="{plain}"\nBUILT_MODULE_NAME[0]="nvidia"\n'
            self.put(f"usr/src/nvidia-open-{plain}/dkms.conf", conf)
            self.build(fails=self.installed[KMOD] == BAD)  # rpm's scripts fail in silence
        return {"changes": []}


@pytest.fixture
def host(tmp_path):
    return El(tmp_path)


def wish(version, **more):
    return Request(install=(Wanted(KMOD, version), Wanted(CUDA, version)), hold=(KMOD, CUDA), **more)


def refused(function, *arguments):
    with pytest.raises(PackageError) as caught:
        function(*arguments)
    return caught.value


def test_install_lock_and_rerun(host):
    result = _transaction.present(host.job(wish("580.1*", stream="580-open", headers=("kernel-headers",))))
    assert {item["name"]: item["to"] for item in result["changes"]} == {KMOD: OLD, CUDA: OLD, "kernel-headers": "1-1"}
    assert f"{CUDA}-{OLD}.*" in (host.root / LIST).read_text()
    (solved,) = [arguments for name, arguments in host.calls if name == "solve"]
    assert solved["stream"] == "nvidia-driver:580-open"
    again = _transaction.present(host.job(wish("580.1*", stream="580-open", headers=("kernel-headers",))))
    assert (again["changed"], again["changes"], again["settings"]) == (False, [], [])


def test_the_plugin_that_locks_comes_with_the_first_lock(host):
    del host.installed["python3-dnf-plugin-versionlock"]
    result = _transaction.present(host.job(wish("580.1*"), check=True))
    assert "python3-dnf-plugin-versionlock" in [item["name"] for item in result["changes"]]
    assert (host.root / LIST).read_text() == ""


def test_a_build_that_rpm_keeps_silent_about_brings_everything_back(host):
    _transaction.present(host.job(wish("580.1*", stream="580-open")))
    locks = (host.root / LIST).read_text()
    error = refused(_transaction.present, host.job(wish("590.*", stream="590-open")))
    assert error.result["rolled_back"]
    assert error.result["compiler_error"] == "a.c:1:2: error: no"
    assert (host.installed[KMOD], host.installed[CUDA]) == (OLD, OLD)
    assert (host.root / LIST).read_text() == locks
    assert (host.root / STREAM).read_text() == "nvidia-driver:580-open"
    assert (host.root / f"lib/modules/{KERNEL}/extra/nvidia.ko.xz").exists()


def test_a_transaction_that_dnf_refuses_says_why(host):
    host.refuse = "GPG check FAILED"
    error = refused(_transaction.present, host.job(wish("580.1*")))
    assert error.message.startswith("The transaction failed: Error: GPG check FAILED")


def test_going_back_needs_no_repository(host):
    _transaction.present(host.job(wish("580.1*")))
    _transaction.present(host.job(wish("580.2*")))
    host.lost = {(KMOD, OLD), (CUDA, OLD)}
    assert _going_back.rolled_back(host.job(Request()))["rolled_back"]
    assert (host.installed[KMOD], host.installed[CUDA]) == (OLD, OLD)


def test_all_that_can_not_be_had_is_listed(host):
    error = refused(_transaction.present, host.job(wish("999.*")))
    assert error.message.splitlines()[1:] == [f"- {KMOD}: no repository has it", f"- {CUDA}: no repository has it"]


def test_what_a_cut_off_transaction_left_twice_is_removed(host):
    _transaction.present(host.job(wish("580.1*")))
    host.twice = [CUDA]
    result = _transaction.present(host.job(wish("580.1*")))
    assert result["repaired"] == [f"{CUDA} x86_64 is there twice: the older was removed"]


def package(name, evr, *, repo="cuda", arch="x86_64", provides=()):
    epoch, _colon, rest = evr.rpartition(":")
    version, _dash, release = rest.partition("-")
    made = SimpleNamespace(name=name, evr=evr, version=version, release=release, arch=arch, reponame=repo, epoch=epoch)
    made.provides = list(provides)
    return made


class Base:
    """As much of dnf.Base as choosing and telling changes needs."""

    def __init__(self, packages=(), old=(), new=()):
        self.conf = SimpleNamespace(
            substitutions={"basearch": "x86_64"}, installonlypkgs=["kernel", "installonlypkg(kernel)"]
        )
        self.packages = list(packages)
        self.transaction = SimpleNamespace(remove_set=set_of(old), install_set=set_of(new))


def set_of(packages):
    return list(packages)


def test_changes_are_told_by_name_and_kernels_by_their_version():
    base = Base(
        old=[package(CUDA, OLD, repo="@System")],
        new=[
            package(CUDA, NEW),
            package("kernel-devel", "5.14.0-1", provides=["installonlypkg(kernel)"]),
            package("libnvidia-ml", NEW, arch="i686"),
            package("dkms", "3-1", arch="noarch"),
        ],
    )
    assert _dnf_api.changes(base) == [
        {"name": "dkms", "from": "", "to": "3-1"},
        {"name": "kernel-devel-5.14.0-1", "from": "", "to": "5.14.0-1"},
        {"name": "libnvidia-ml:i686", "from": "", "to": NEW},
        {"name": CUDA, "from": OLD, "to": NEW},
    ]


@pytest.mark.parametrize(
    ("version", "fits"),
    [("580.*", True), ("580.2", True), (NEW, True), ("580.2-1.el9", True), ("590.*", False), ("58", False)],
)
def test_a_wanted_version_with_or_without_epoch_and_release(version, fits):
    assert _dnf_api._fits(package(CUDA, NEW), version) is fits


def test_the_file_of_a_package_has_no_colon_in_its_name():
    assert _dnf_api.file_name("libnvidia-ml:i686", NEW) == "libnvidia-ml%3ai686_3%3a580.2-1.el9.rpm"


def test_a_download_has_its_name_only_once_all_of_it_is_there(tmp_path, monkeypatch):
    base, made = Base(), package(CUDA, NEW)
    base.download_packages = lambda _packages: None
    made.localPkg = lambda: str(tmp_path / "cached")
    (tmp_path / "cached").write_bytes(b"package")
    folder = tmp_path / "archives"
    folder.mkdir()

    def cut_off(source, target):
        with open(target, "wb") as stream:
            stream.write(b"pac")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_dnf_api.shutil, "copy", cut_off)
        with pytest.raises(KeyboardInterrupt):
            _dnf_api._download(base, [made], str(folder))
    name = _dnf_api.file_name(CUDA, NEW)
    assert not (folder / name).exists()
    _dnf_api._download(base, [made], str(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: b"package"}
