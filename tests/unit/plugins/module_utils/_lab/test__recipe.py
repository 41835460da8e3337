# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: the role's table read, and what is handed to Go."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _recipe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe

ROW = {
    "name": "prometheus",
    "versions": ["3.14.0", "3.13.5"],
    "binaries": ["prometheus", "promtool"],
    "module": "github.com/prometheus/prometheus",
    "module_version": "v0.{major}{minor}.{patch}",
    "packages": {"prometheus": "cmd/prometheus", "promtool": "cmd/promtool"},
    "archive": "prometheus-{version}.linux-{arch}.tar.gz",
    "tags": "some,tags",
    "ldflags": ["-X v.Version={version}"],
    "version_args": {"promtool": ["--version"]},
    "upstream": {"repository": "a/b", "tag": "v{version}", "folders": ["example"]},
}
MAIN = {
    "name": "kubernetes",
    "versions": ["1.36.3"],
    "binaries": ["kubelet", "kubectl"],
    "main": "kubernetes",
    "module": "k8s.io/kubernetes",
    "module_version": "v{version}",
    "staging_version": "v0.{minor}.{patch}",
}


def test_a_row_is_a_recipe_per_version():
    first, second = Recipe.from_options(ROW)
    assert (first.title, first.module_version, second.module_version) == ("prometheus 3.14.0", "v0.314.0", "v0.313.5")
    assert first.archive == "prometheus-3.14.0.linux-amd64.tar.gz"
    assert first.ldflags == ("-X v.Version=3.14.0",)
    assert second.upstream.tag == "v3.13.5"
    assert first.fingerprint() != second.fingerprint()


def test_unknown_placeholder_stays():
    assert _recipe.fill("{version} {other} {patch}", "1", "arm64") == "1 {other} "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flags": []}, "build prometheus: unknown flags"),
        ({"version": "1"}, "unknown version"),
        ({"binaries": []}, "binaries missing"),
        ({"packages": {"prometheus": "x"}}, "packages must name exactly the binaries prometheus, promtool"),
    ],
)
def test_bad_row_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_options({**ROW, **changes})


def test_what_is_built():
    (kubernetes,) = Recipe.from_options(MAIN)
    prometheus = Recipe.from_options(ROW)[0]
    assert (kubernetes.programs, kubernetes.package("kubernetes")) == (("kubernetes",), ".")
    assert prometheus.package("promtool") == "github.com/prometheus/prometheus/cmd/promtool"
    assert Recipe.from_options({**ROW, "packages": {"prometheus": ".", "promtool": ""}})[0].package("promtool") == (
        "github.com/prometheus/prometheus"
    )


def test_arguments_of_a_build():
    argv = _recipe.build_argv(Recipe.from_options(ROW)[0], "prometheus", "/out")
    assert argv == [
        "build",
        "-v",
        "-trimpath",
        "-tags",
        "some,tags",
        "-ldflags",
        "-s -w -X v.Version=3.14.0",
        "-o",
        "/out",
        "github.com/prometheus/prometheus/cmd/prometheus",
    ]
    assert "-tags" not in _recipe.build_argv(Recipe.from_options(MAIN)[0], "kubernetes", "/out")


def test_replaces_are_restated():
    replaces = [
        {"Old": {"Path": "a"}, "New": {"Path": "b", "Version": "v1"}},
        {"Old": {"Path": "c", "Version": "v2"}, "New": {"Path": "c", "Version": "v3"}},
        {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
    ]
    text = _recipe.go_mod_text(Recipe.from_options(MAIN)[0], "1.26", replaces)
    assert text.splitlines() == [
        "module lab",
        "",
        "go 1.26",
        "",
        "require k8s.io/kubernetes v1.36.3",
        "",
        "replace a => b v1",
        "replace c v2 => c v3",
        "replace k8s.io/api => k8s.io/api v0.36.3",
    ]
    assert "k8s.io/api" not in _recipe.go_mod_text(Recipe.from_options(ROW)[0], "1.26", replaces[2:])


def test_program_of_our_own_needs_no_module():
    pause = Recipe.from_options({"name": "pause", "versions": ["1"], "binaries": ["pause"], "main": "pause"})[0]
    assert _recipe.go_mod_text(pause, "1.26", []) == "module lab\n\ngo 1.26\n"


def test_tools_file_imports_what_is_built():
    text = _recipe.tools_text(Recipe.from_options(ROW)[0])
    assert '_ "github.com/prometheus/prometheus/cmd/promtool"' in text


def test_fingerprint_follows_our_own_source():
    recipe = Recipe.from_options(MAIN)[0]
    assert recipe.fingerprint("a") != recipe.fingerprint("b")


@pytest.mark.parametrize(("text", "expected"), [("go1.26.8", (1, 26, 8)), ("1.26", (1, 26)), ("devel", ()), ("", ())])
def test_go_version(text, expected):
    assert _recipe.go_version(text) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Kubernetes v1.36.3", True),
        ("prometheus, version 1.36.3 (branch: x)", True),
        ("CoreDNS-1.36.3", True),
        ("v1.36.30", False),
        ("11.36.3", False),
        ("v1.36.3.1", False),
        ("1.36", False),
        ("version 1.36.3.", True),
    ],
)
def test_version_is_named_exactly(output, expected):
    assert _recipe.mentions_version(output, "1.36.3") is expected
