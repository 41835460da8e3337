# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter mirrored_image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict, Optional

from ansible.errors import AnsibleFilterError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._images import resolve


def mirrored_image(image: Any, mirror: str = "", overrides: Optional[Mapping[str, str]] = None) -> str:
    """Return where an image is pulled from at a site with a mirror and overrides."""
    if not isinstance(image, str):
        raise AnsibleFilterError("mirrored_image: expected an image reference, got %s" % type(image).__name__)
    return resolve(image, mirror or "", overrides or {})


class FilterModule:
    """Ansible's entry."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Names to functions."""
        return {"mirrored_image": mirrored_image}
