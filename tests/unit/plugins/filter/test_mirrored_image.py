# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.openhands.gpu_observability.plugins.filter.mirrored_image import FilterModule


def test_it_is_the_transforms_function():
    mirrored = FilterModule().filters()["mirrored_image"]
    assert mirrored("quay.io/a/b:1", "reg.example") == "reg.example/a/b:1"
    assert mirrored("quay.io/a/b:1", overrides={"quay.io/a/b": "lab.local/b"}) == "lab.local/b:1"
    assert mirrored("quay.io/a/b:1", None, None) == "quay.io/a/b:1"


def test_what_is_no_text_is_refused():
    with pytest.raises(AnsibleFilterError, match="expected an image reference, got int"):
        FilterModule().filters()["mirrored_image"](1)
