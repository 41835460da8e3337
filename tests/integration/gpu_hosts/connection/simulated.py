# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FAKE way to a machine that is a tree of plain files: commands run here, where the tree says which machine this is.

Real are the tasks, modules and actions, ansible.builtin.reboot among them. Not real: the machine. Commands run in a
mount namespace of their own, whose machine id and boot id are the tree's; ``shutdown`` is never run but switches the
tree off (``fake/power``), and a machine that is off isn't reached. machines.py switches it on again.
"""

from __future__ import annotations

import os
import re
import shlex

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: simulated
short_description: A machine that is a tree of files
description: Runs commands on this machine, as if it were another one.
author: openhands.gpu_observability contributors (@openhands)
options:
  root:
    description: The tree.
    required: true
    vars:
      - name: __nvidia_driver_root
extends_documentation_fragment:
  - connection_pipelining
"""

# systemd's own folder is hidden too: no test touches units of the machine that it runs on.
SCRIPT = """
mount --bind "$1/etc/machine-id" /etc/machine-id &&
mount --bind "$1/proc/sys/kernel/random/boot_id" /proc/sys/kernel/random/boot_id &&
mount --bind "$1/fake/sbin" /usr/local/sbin &&
{ [ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd; } &&
for program in /sbin/shutdown /usr/sbin/shutdown; do
  [ ! -e "$program" ] || mount --bind "$1/fake/sbin/shutdown" "$program" || exit
done &&
exec /bin/sh -c "$2"
"""
SHUTDOWN = re.compile(r"\bshutdown\s+-r\b")


class Connection(Local):
    """The way to one machine."""

    transport = "simulated"

    def _reach(self) -> str:
        root = str(self.get_option("root"))
        if power(root) == "off":
            raise AnsibleConnectionFailure(f"connect to host {os.path.basename(root)} port 22: No route to host")
        return root

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command, or switch the machine off."""
        root = self._reach()
        if SHUTDOWN.search(cmd):
            with open(f"{root}/fake/power", "w", encoding="utf-8") as stream:
                stream.write("off")
            return 0, b"", b""
        there = ["unshare", "--mount", "/bin/sh", "-c", SCRIPT, "sh", root, cmd]
        done: tuple[int, bytes, bytes] = super().exec_command(shlex.join(there), in_data=in_data, sudoable=sudoable)
        self._reach()  # one that was switched off meanwhile has answered nothing
        return done

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file there."""
        self._reach()
        super().put_file(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from there."""
        self._reach()
        super().fetch_file(in_path, out_path)


def power(root: str) -> str:
    """Whether a machine is on."""
    try:
        with open(f"{root}/fake/power", encoding="utf-8") as stream:
            return stream.read().strip() or "on"
    except FileNotFoundError:
        return "on"
