# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._variables import (
    Unknown,
    nearest,
    owner,
    sentence,
    unknown_variables,
)

KNOWN = {
    "prometheus": {"prometheus_replicas", "prometheus_version"},
    "prometheus_operator": {"prometheus_operator_version"},
    "alertmanager": {"alertmanager_replicas"},
}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("prometheus_replicas", "prometheus"),
        ("prometheus_operator_version", "prometheus_operator"),
        ("prometheus_operators", "prometheus"),
        ("prometheus", None),
        ("prometheusx_y", None),
        ("cluster_name", None),
    ],
)
def test_longest_role_name_owns_a_variable(name, role):
    assert owner(name, KNOWN) == role


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prometheus_replica", Unknown("prometheus_replica", "prometheus", "prometheus_replicas")),
        (
            "prometheus_operator_verson",
            Unknown("prometheus_operator_verson", "prometheus_operator", "prometheus_operator_version"),
        ),
        ("alertmanger_replicas", Unknown("alertmanger_replicas", None, "alertmanager_replicas")),
        ("prometheus_zzzzzzzzzzzzzzzzzzzzz", Unknown("prometheus_zzzzzzzzzzzzzzzzzzzzz", "prometheus", None)),
    ],
)
def test_a_misspelt_name_is_found_with_what_was_meant(name, expected):
    assert unknown_variables([name], KNOWN) == [expected]


@pytest.mark.parametrize(
    "name",
    [
        "prometheus_replicas",
        "__prometheus_rollout",
        "_prometheus_x",
        "ansible_host",
        "cluster_name",
        "alerting_enabled",
    ],
)
def test_known_internal_and_foreign_names_pass(name):
    assert unknown_variables([name], KNOWN) == []


def test_a_name_declared_foreign_passes():
    name = "prometheus_operator_crds_enabled"
    assert unknown_variables([name], KNOWN)
    assert unknown_variables([name], KNOWN, [name]) == []


def test_nearest_needs_likeness():
    assert nearest("abc", ["xyz"]) is None
    assert nearest("abcd", ["abcx", "zzzz"]) == "abcx"


def test_the_sentence_names_place_role_and_nearest():
    text = sentence(Unknown("prometheus_replica", "prometheus", "prometheus_replicas"), "hosts.yml:3:5")
    assert (
        text
        == "prometheus_replica (hosts.yml:3:5): role prometheus has no such variable, did you mean prometheus_replicas?"
    )
    assert sentence(Unknown("promethes_x", None, None)) == "promethes_x: no role has such a variable."
