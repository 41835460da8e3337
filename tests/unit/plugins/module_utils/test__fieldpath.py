# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Field paths as people and servers write them."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldpath

BODY = {
    "metadata": {"labels": {"app": "a", "app.kubernetes.io/name": "b"}, "finalizers": ["x/y", "z"]},
    "spec": {
        "containers": [
            {"name": "one", "image": "i", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]},
            {"name": "a]b", "image": "j"},
        ],
        "empty": None,
    },
}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('.spec.containers[name="one"].image', ("spec", "containers", 0, "image")),
        ("spec.containers[name=one].image", ("spec", "containers", 0, "image")),
        ("spec.containers[name='one'].image", ("spec", "containers", 0, "image")),
        ("spec.containers[1].image", ("spec", "containers", 1, "image")),
        ('spec.containers[name="a]b"].image', ("spec", "containers", 1, "image")),
        ("spec.containers", ("spec", "containers")),
        ("metadata.labels.app", ("metadata", "labels", "app")),
        ("metadata.labels.app.kubernetes.io/name", ("metadata", "labels", "app.kubernetes.io/name")),
        ('metadata.labels["app.kubernetes.io/name"]', ("metadata", "labels", "app.kubernetes.io/name")),
        ('.metadata.finalizers[="x/y"]', ("metadata", "finalizers", 0)),
        (
            '.spec.containers[name="one"].ports[containerPort=80,protocol="TCP"]',
            ("spec", "containers", 0, "ports", 0),
        ),
        (
            '.spec.containers[name="one"].ports[containerPort=80,protocol="UDP"]',
            ("spec", "containers", 0, "ports", 1),
        ),
        ("spec.empty", ("spec", "empty")),
    ],
)
def test_a_path_is_found(text, place):
    assert _fieldpath.find(BODY, text) == place


@pytest.mark.parametrize(
    "text",
    [
        "spec.replicas",
        "spec.containers[name=two]",
        "spec.containers[9]",
        "spec.containers[]",
        "spec.containers[image]",
        "spec.containers.name",
        "metadata.labels.app.kubernetes",
        "metadata.labels.ap",
        "spec.empty.more",
        "metadata.finalizers[=nothing]",
        "metadata.labels[none]",
    ],
)
def test_what_leads_nowhere_is_none(text):
    assert _fieldpath.find(BODY, text) is None


def test_a_shorter_key_is_taken_where_the_longer_leads_nowhere():
    assert _fieldpath.find({"a": {"b": {"c": 1}}, "a.b": 2}, "a.b.c") == ("a", "b", "c")


def test_a_place_is_below_itself_and_its_parents():
    assert _fieldpath.below(("spec", "containers", 0), ("spec",))
    assert _fieldpath.below(("spec",), ("spec",))
    assert not _fieldpath.below(("spec",), ("spec", "containers"))


def test_a_star_fits_any_step():
    assert _fieldpath.fits(("webhooks", 1, "clientConfig"), ("webhooks", "*", "clientConfig"))
    assert not _fieldpath.fits(("webhooks", 1), ("webhooks", "*", "clientConfig"))
