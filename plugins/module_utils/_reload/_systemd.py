# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The units of the host by systemctl."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import _services
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Machine, ReloadError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._services import Unit

PATIENCE = 180.0
"""Seconds one unit may take to stop or start: the fabric manager of a large host needs a minute."""


class Units:
    """Look at units, stop and start them. Where there is no systemd there are none."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._present = machine.has_systemd()

    def look(self, names: Sequence[str]) -> List[Unit]:
        """The state of each."""
        if not self._present:
            return []
        done = self._machine.run(["systemctl", "show", "--property=LoadState,ActiveState", "--", *names], PATIENCE)
        if done.code:
            raise ReloadError("systemctl can't tell the state of the GPU services: %s" % done.said)
        return _services.parse(done.out, names)

    def stop(self, names: Sequence[str]) -> None:
        """Stop one after another. Raises ReloadError for the first that doesn't."""
        for name in names:
            done = self._machine.run(["systemctl", "stop", "--", name], PATIENCE)
            if done.code:
                raise ReloadError("%s doesn't stop: %s" % (name, done.said))

    def mask(self, names: Sequence[str]) -> None:
        """Keep units from starting, until the next boot at the latest. One with a file in /etc is only stopped."""
        if names:
            self._machine.run(["systemctl", "mask", "--runtime", "--", *names], PATIENCE)

    def unmask(self, names: Sequence[str]) -> None:
        """Let them start again; one that isn't masked stays as it is."""
        if names:
            self._machine.run(["systemctl", "unmask", "--runtime", "--", *names], PATIENCE)

    def start(self, names: Sequence[str]) -> List[Tuple[str, str]]:
        """Start one after another; returns those that don't, with what they say."""
        failed = []
        for name in names:
            # A start limit that the driver's change used up must not keep the unit from starting now.
            self._machine.run(["systemctl", "reset-failed", "--", name], PATIENCE)
            done = self._machine.run(["systemctl", "start", "--", name], PATIENCE)
            if done.code:
                failed.append((name, done.said))
        return failed
