# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of rights follows what the roles render."""

from __future__ import annotations

from house_tree import tool

rights = tool("rights")


def test_the_page_is_current():
    page = rights.PAGE.read_text("utf-8")
    assert rights.current(page) == page, "run: make docs"


def test_every_object_of_a_site_is_covered():
    written = {
        (group, resource)
        for role in rights.manifest()
        for rule in role["rules"]
        if "patch" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    wanted = {(body["apiVersion"].rpartition("/")[0], rights.plural(body["kind"])) for body in rights.rendered()}
    assert wanted <= written


def test_nothing_is_granted_by_a_star():
    assert "*" not in rights.text()
