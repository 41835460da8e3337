# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The commands of apt and dpkg, with what makes them fit for a host in service."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _deb, _dpkg, _locks
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Done,
    PackageError,
    Runner,
)

CONFFILES = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
TRIES = 3
_LOCKED = re.compile(r"lock.* (?:by another process|unavailable)|Could not get lock")
DPKG_CONFFILES = ["--force-confdef", "--force-confold"]


@dataclass
class AptTools:
    """apt and dpkg on one host.

    Attributes:
        run: Runs a command.
        root: Where the host's files are.
        archives: Our own folder of downloaded packages: one that no clean-up empties before a rollback needs it.
        timeout: Seconds that one run of dpkg may take.
        lock_timeout: Seconds to wait for another package manager.
    """

    run: Runner
    root: str
    archives: str
    timeout: float
    lock_timeout: float
    _native: str = ""

    @property
    def native(self) -> str:
        """The host's own architecture."""
        if not self._native:
            self._native = self.run(["dpkg", "--print-architecture"], timeout=60).out.strip()
        return self._native

    def wait(self) -> None:
        """Wait for the locks of apt and dpkg."""
        paths = [os.path.join(self.root, path.lstrip("/")) for path in _locks.APT_LOCKS]
        _locks.wait(lambda: _locks.busy(paths, ()), self.lock_timeout)

    def entries(self) -> List[_dpkg.Entry]:
        """The database of dpkg. Raises PackageError where dpkg can't read it."""
        done = self.run(["dpkg-query", "-W", "-f", _dpkg.FORMAT], timeout=60)
        if done.rc != 0:
            raise PackageError("dpkg can't read its database: %s" % done.last_words())
        return _dpkg.parse(done.out, self.native)

    def get(self, arguments: Sequence[str], options: Sequence[str] = (), timeout: float = 0) -> Done:
        """``apt-get`` with our download folder; ``options`` come first."""
        base = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=%d" % self.lock_timeout]
        return self.run([*base, *CONFFILES, *options, *arguments], timeout=timeout or self.timeout)

    def real(self) -> List[str]:
        """Options for what is really done: packages are kept in our folder."""
        os.makedirs(os.path.join(self.archives, "partial"), mode=0o755, exist_ok=True)
        return ["-o", "Dir::Cache::archives=%s" % self.archives, "-o", "APT::Sandbox::User=root"]

    def dpkg(self, arguments: Sequence[str]) -> Done:
        """``dpkg`` itself, for what apt refuses to touch."""
        return self._locked(["dpkg", *DPKG_CONFFILES, *arguments], self.timeout)

    def mark(self, word: str, names: Sequence[str]) -> str:
        """``apt-mark``; answers why that failed."""
        done = self._locked(["apt-mark", word, *names], 120) if names else None
        return "apt-mark %s failed: %s" % (word, done.last_words()) if done and done.rc != 0 else ""

    def _locked(self, argv: Sequence[str], timeout: float) -> Done:
        """What takes the lock of dpkg and doesn't wait for it: others may have begun since our last command."""
        for _again in range(TRIES - 1):
            self.wait()
            done = self.run(argv, timeout=timeout)
            if done.rc == 0 or not _LOCKED.search(done.text):
                return done
        self.wait()
        return self.run(argv, timeout=timeout)

    def stopped(self) -> bool:
        """Whether dpkg was stopped while it worked: then apt refuses all until dpkg has read its journal.

        Files without a number as their name don't count, as with apt: dpkg leaves its next one there.
        """
        journal = os.path.join(self.root, "var/lib/dpkg/updates")
        return os.path.isdir(journal) and any(name.isdigit() for name in os.listdir(journal))

    def read_journal(self) -> None:
        """Have dpkg take its journal over, and nothing else: it is given no selections."""
        self.dpkg(["--set-selections"])

    def cached(self, name: str, version: str) -> str:
        """The downloaded package file of one version; empty where there is none that is whole."""
        plain = name.partition(":")[0]
        start = "%s_%s_" % (plain, version.replace(":", "%3a"))  # as apt writes file names
        for folder in (self.archives, os.path.join(self.root, "var/cache/apt/archives")):
            for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                path = os.path.join(folder, entry)
                if entry.endswith(".deb") and entry.startswith(start) and _deb.whole(path):
                    return path
        return ""
