# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for every file of the project."""

from __future__ import annotations

import re

import pytest
from house_tree import ROOT, load, tracked

LIMIT = 300
"""Lines: a file outside tests is one idea."""
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
DOCUMENTATION = re.compile(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?""".*?^"""', re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def relative(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def outside_tests(*patterns):
    return [path for path in tracked(*patterns) if "tests" not in path.relative_to(ROOT).parts]


def lines_of_code(path):
    """Lines of a file; of a module those that are not its documentation, which is the reference people read."""
    text = path.read_text(encoding="utf-8")
    if path.parent == ROOT / "plugins" / "modules":
        text = DOCUMENTATION.sub("", text)
    return len(text.splitlines())


def test_no_file_outgrows_one_idea():
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for path in outside_tests("*.py", "*.yml", "*.yaml", "*.j2")
        if (count := lines_of_code(path)) > LIMIT
    ]
    assert not long


def test_every_python_file_names_its_licence():
    lacking = [path for path in tracked("*.py") if path.stat().st_size and LICENCE not in path.read_text("utf-8")[:600]]
    assert not relative(lacking)


def test_no_version_floats():
    floating = re.compile(r":latest\b|\bversion:\s*['\"]?latest\b")
    found = [
        path
        for path in outside_tests("roles", "playbooks", "inventories", "plugins")
        if floating.search(path.read_text("utf-8"))
    ]
    assert not relative(found)


def test_no_failure_is_swallowed():
    swallowed = re.compile(r"^\s*(ignore_errors:|failed_when: false)", re.MULTILINE)
    found = [path for path in outside_tests("*.yml") if swallowed.search(path.read_text("utf-8"))]
    assert not relative(found)


def test_facts_are_read_from_ansible_facts():
    injected = re.compile(
        r"\bansible_(distribution|os_family|kernel|hostname|fqdn|default_ipv4|processor\w*|memtotal_mb|architecture)\b"
    )
    found = [
        path for path in outside_tests("roles", "playbooks", "inventories") if injected.search(path.read_text("utf-8"))
    ]
    assert not relative(found)


def anchors(markdown):
    """Anchors as code hosts make them of headings."""
    plain = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in HEADING.findall(FENCE.sub("", markdown)))
    return {text.replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in tracked("*.md")])
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _hash, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text("utf-8"))):
            broken.append(target)
    assert not broken


def test_documentation_index_names_every_page():
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "index.md"]
    assert not [name for name in pages if f"({name}" not in index]


def test_tools_are_pinned_exactly():
    loose = [
        f"{path.name}: {line}"
        for path in (ROOT / "requirements").glob("*.txt")
        for line in path.read_text("utf-8").splitlines()
        if line and not line.startswith("#") and not re.fullmatch(r"[A-Za-z0-9_.\-]+==[\w.]+", line)
    ]
    assert not loose


def test_version_is_the_same_everywhere():
    version = load(ROOT / "galaxy.yml")["version"]
    latest = list(load(ROOT / "changelogs" / "changelog.yaml")["releases"])[-1]
    assert latest == version
