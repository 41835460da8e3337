# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image references at a site."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._images import parse, resolve
from hypothesis import given
from hypothesis import strategies as st

DIGEST = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "mirror", "overrides", "expected"),
    [
        ("quay.io/prometheus/prometheus:v3", "", {}, "quay.io/prometheus/prometheus:v3"),
        ("quay.io/prometheus/prometheus:v3", "reg.example/m", {}, "reg.example/m/prometheus/prometheus:v3"),
        ("quay.io/prometheus/prometheus:v3", "reg.example/m/", {}, "reg.example/m/prometheus/prometheus:v3"),
        ("reg.example/m/prometheus:v3", "reg.example/m", {}, "reg.example/m/prometheus:v3"),
        ("busybox", "reg.example", {}, "reg.example/library/busybox"),
        ("grafana/grafana:12", "reg.example", {}, "reg.example/grafana/grafana:12"),
        ("docker.io/busybox:1", "reg.example", {}, "reg.example/library/busybox:1"),
        ("localhost:5000/a/b:1" + DIGEST, "reg.example", {}, "reg.example/a/b:1" + DIGEST),
        ("quay.io/a/b:1", "reg.example", {"quay.io/a/b": "lab.local/b"}, "lab.local/b:1"),
        ("quay.io/a/b:1", "", {"quay.io/a/b": "lab.local/b:2"}, "lab.local/b:2"),
        ("busybox:1", "", {"docker.io/library/busybox": "lab.local/busybox"}, "lab.local/busybox:1"),
        ("docker.io/grafana/grafana:1", "", {"grafana/grafana": "lab.local/g"}, "lab.local/g:1"),
        ("", "reg.example", {}, ""),
    ],
)
def test_where_an_image_is_pulled_from(image, mirror, overrides, expected):
    assert resolve(image, mirror, overrides) == expected


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("a", ("", "a", "")),
        ("a/b:1", ("", "a/b", ":1")),
        ("host:5000/a:1", ("host:5000", "a", ":1")),
        ("localhost/a" + DIGEST, ("localhost", "a", DIGEST)),
    ],
)
def test_the_parts_of_a_reference(image, parts):
    assert parse(image) == parts


@given(st.from_regex(r"([a-z]+\.[a-z]+/)?[a-z]+(/[a-z]+)?(:[a-z0-9]+)?", fullmatch=True))
def test_a_mirrored_image_stays_where_it_is(image):
    once = resolve(image, "mirror.example/x")
    assert resolve(once, "mirror.example/x") == once
    assert once.startswith("mirror.example/x/")
