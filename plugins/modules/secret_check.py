#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that named Secrets are there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_check
short_description: Check that the Secrets that settings name exist and have their keys
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Reads each Secret once and fails where one, or its key, is missing, naming the variable that asks for it. Values are neither
    looked at nor returned.
  - Where the namespace does not exist yet, it says what to create and does not fail.
options:
  secrets:
    description:
      - The Secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      variable:
        description: The setting that names it, for the message.
        type: str
        required: true
      namespace:
        description: Namespace of the Secret.
        type: str
        required: true
      name:
        description: Name of the Secret.
        type: str
        required: true
      key:
        description: A key that it must have.
        type: str
extends_documentation_fragment:
  - openhands.gpu_observability.connection
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Needs the Python libraries urllib3 and PyYAML where it runs, and kubernetes only for logins by auth-provider.
"""

EXAMPLES = r"""
- name: Check the Secret that holds Slack's address
  openhands.gpu_observability.secret_check:
    secrets:
      - variable: alertmanager_slack_secret
        namespace: monitoring
        name: slack
        key: url
"""

RETURN = r"""
missing:
  description: What is missing, one line each.
  returned: when the cluster could be read
  type: list
  elements: str
  sample:
    - "alertmanager_slack_secret names the Secret monitoring/slack, which has no key url (it has: address)"
pending:
  description: What has to be created before the rollout, as its namespace isn't there yet.
  returned: when the cluster could be read
  type: list
  elements: str
  sample: []
unread:
  description: Secrets that this login may not read.
  returned: when the cluster could be read
  type: list
  elements: str
  sample: []
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _module, _secret_check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import SECRET_CHECK_ARGSPEC


def main() -> None:
    """Look once."""
    _module.answer(_module.make(SECRET_CHECK_ARGSPEC), _secret_check.run)


if __name__ == "__main__":
    main()
