#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a host the repository of its GPU driver."""

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_repository
short_description: Have a driver's package repository, its key held against pins
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Writes the source of a vendor's repository for apt or dnf with its key, which is fetched once and refused where it isn't the
    pinned one. A repository that the host has already, in a file of somebody else, is left as it is.
  - Enables missing components of Debian's or Ubuntu's own archive, from the same servers that C(main) comes from.
  - Needs no Python library beside Ansible's.
options:
  repository:
    description:
      - The repository as RV(openhands.gpu_observability.driver_plan#module:plan) has it; empty for none.
      - Keys are C(family) (V(apt) or V(dnf)), C(name), C(uri), C(suite), C(components), C(key_url), at least one of
        C(key_fingerprint), C(key_sha256) and C(key_sha256_without_version), and C(requires) (other repositories it needs).
      - For dnf also C(title) (its name for people) and C(includepkgs) (all that is taken from it; patterns of packages).
    type: dict
    default: {}
  components:
    description: Components of the distribution's archive that are needed.
    type: list
    elements: str
    default: []
  login:
    description: Login for the repository. It is written to a file that only root can read, and shown nowhere.
    type: dict
    default: {}
    suboptions:
      username:
        description: User.
        type: str
        default: ""
      password:
        description: Password.
        type: str
        default: ""
attributes:
  check_mode:
    support: full
    description: Says which files would be written.
  diff_mode:
    support: none
    description: The files are named; one may hold a password.
seealso:
  - module: openhands.gpu_observability.driver_packages
"""

EXAMPLES = r"""
- name: Have the driver's repository
  openhands.gpu_observability.driver_repository:
    repository: "{{ planned.plan.repository or {} }}"
    components: "{{ planned.plan.components }}"
"""

RETURN = r"""
files:
  description: Files that were written or, with an empty content, deleted.
  returned: always
  type: list
  elements: str
  sample: [/etc/apt/keyrings/nvidia-cuda.asc, /etc/apt/sources.list.d/openhands-nvidia-cuda.sources]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _entry, _repository, _run
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._download import fetch
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError


def main() -> None:
    """Compare and write."""
    module = AnsibleModule(argument_spec=_entry.REPOSITORY_ARGSPEC, supports_check_mode=True)
    try:
        files = _repository.wanted(_entry.repository(module.params), _run.run, "/", fetch)
        new = _repository.differing(files, "/")
        if not module.check_mode:
            _repository.write(new, "/")
    except PackageError as error:
        module.fail_json(msg=error.message, **error.result)
    module.exit_json(changed=bool(new), files=["/" + item.path for item in new])


if __name__ == "__main__":
    main()
