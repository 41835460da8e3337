# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that is local but says it isn't, so that actions take the way to a remote target."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: elsewhere
short_description: Local, in disguise
description: For tests.
author: openhands.gpu_observability contributors
extends_documentation_fragment: [connection_pipelining]
"""


class Connection(Local):
    """Runs here under another name."""

    transport = "elsewhere"
