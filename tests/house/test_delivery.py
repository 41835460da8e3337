# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project works from a plain clone and as a built and installed collection."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile

import pytest
import yaml
from house_tree import ROOT

NAME = "openhands.gpu_observability"
FOREIGN = (
    "tests/",
    "tools/",
    "molecule/",
    "inventories/",
    ".collections",
    ".ci",
    ".git",
    "Makefile",
    "requirements/",
    "reports/",
)
PLUGINS = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins" / "filter").glob("*.py"))


def run(folder, *command, **environment):
    """Run a tool away from this checkout: none of its settings may leak in."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHONPATH"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What a newcomer has: the tracked files and those about to be, in a repository of their own."""
    folder = tmp_path_factory.mktemp("clone") / "gpu_observability"
    folder.mkdir()
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source, goal = ROOT / name, folder / name
        if source.is_symlink() or source.is_file():
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, goal, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def artifact(clone, tmp_path_factory):
    """The built collection."""
    output = tmp_path_factory.mktemp("artifact")
    run(clone, "ansible-galaxy", "collection", "build", "--output-path", str(output))
    return next(output.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def installed(artifact, tmp_path_factory):
    """A folder of collections with ours installed, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    run(
        folder, "ansible-galaxy", "collection", "install", "--offline", "-p", str(folder / "collections"), str(artifact)
    )
    return folder


def test_a_clone_resolves_under_its_full_name(clone):
    shown = run(clone, "ansible-doc", "-t", "module", f"{NAME}.{PLUGINS[0]}")
    assert f"{NAME}.{PLUGINS[0]}" in shown
    assert str(clone) in shown


def test_a_clone_runs_its_site(clone):
    assert "playbook: site.yml" in run(
        clone, "ansible-playbook", "--syntax-check", "-i", "inventories/example", "site.yml"
    )


def test_an_archive_leaves_the_link_out(clone, tmp_path):
    run(clone, "git", "init", "-q")
    run(clone, "git", "add", "-A", "--force", ".collections", ".")
    run(clone, "git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "all")
    archive = tmp_path / "archive.tar"
    run(clone, "git", "archive", "-o", str(archive), "HEAD")
    with tarfile.open(archive) as content:
        names = content.getnames()
    assert "galaxy.yml" in names
    assert not [name for name in names if name.startswith(".collections")]


def test_the_artifact_holds_only_what_is_shipped(artifact):
    with tarfile.open(artifact) as content:
        members = content.getmembers()
    names = [member.name for member in members]
    assert {"meta/runtime.yml", "README.md", "LICENSE", "playbooks/site.yml"} <= set(names)
    assert not [name for name in names if name.startswith(FOREIGN)]
    assert not [member.name for member in members if member.issym() or member.islnk()]


def test_the_installed_site_runs_by_its_full_name(installed, clone):
    inventory = str(clone / "inventories" / "example")
    where = {"ANSIBLE_COLLECTIONS_PATH": str(installed / "collections")}
    out = run(installed, "ansible-playbook", f"{NAME}.site", "--syntax-check", "-i", inventory, **where)
    assert "playbook:" in out


def test_every_installed_plugin_explains_itself(installed):
    where = {"ANSIBLE_COLLECTIONS_PATH": str(installed / "collections")}
    run(installed, "ansible-doc", "-t", "module", *[f"{NAME}.{name}" for name in PLUGINS], **where)
    if FILTERS:
        run(installed, "ansible-doc", "-t", "filter", *[f"{NAME}.{name}" for name in FILTERS], **where)


def test_every_installed_role_explains_itself(installed):
    where = {"ANSIBLE_COLLECTIONS_PATH": str(installed / "collections")}
    listed = run(installed, "ansible-doc", "-t", "role", "-l", NAME, **where)
    lacking = [
        path.name for path in (ROOT / "roles").iterdir() if path.is_dir() and f"{NAME}.{path.name}" not in listed
    ]
    assert not lacking


def test_the_version_is_a_release(installed):
    manifest = installed / "collections" / "ansible_collections" / "openhands" / "gpu_observability" / "MANIFEST.json"
    info = yaml.safe_load(manifest.read_text())["collection_info"]
    assert info["version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert info["license"] == ["GPL-3.0-or-later"]
