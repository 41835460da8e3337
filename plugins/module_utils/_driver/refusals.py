# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Wishes that can't come true, with the reason and a way out; all of them at once, before anything changes. Pure."""

from __future__ import annotations

from typing import List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import gpu_checks, source_checks
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.case import Case, Check, Refusal

CHECKS: Tuple[Check, ...] = (
    gpu_checks.system,
    gpu_checks.virtual,
    gpu_checks.gpus,
    gpu_checks.mixture,
    gpu_checks.flavour,
    gpu_checks.branch,
    source_checks.source,
    source_checks.fabric,
    source_checks.secure_boot,
    source_checks.headers,
    source_checks.options,
    source_checks.bad,
)


def refusals(case: Case) -> Tuple[List[Refusal], List[str]]:
    """All refusals, and notes about those that the wish accepts."""
    found = [refusal for check in CHECKS for refusal in check(case)]
    accepted = [one for one in found if not one.firm and one.code in case.wish.accept]
    return [one for one in found if one not in accepted], ["accepted: %s" % one.reason for one in accepted]
