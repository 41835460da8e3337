# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction that is killed at any step: the next run comes to the same end, the way back to the same beginning."""

from __future__ import annotations

import json

import driver_packages_case
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _going_back, _transaction
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError, Request
from driver_packages_case import BAD, NAMES, NEW, OLD, PREFERENCES, debian, job

UPGRADE, FAILURE, BACK, MARGIN = 27, 35, 18, 6
"""Commands and files of each, and a few more. Change them where the steps become more or fewer."""


class Killed(BaseException):
    """The module was killed."""


class Watched:
    """Counts the commands that are run and the files that are written, and ends the module at one of them."""

    def __init__(self, host, step, *, done):
        self.host, self.left, self.done = host, step, done

    def count(self, act):
        self.left -= 1
        if self.left == -1 and not self.done:
            raise Killed
        answer = act()
        if self.left == -1:
            raise Killed
        return answer

    def __call__(self, argv, timeout=0, cwd="/", env=None):
        return self.count(lambda: self.host(argv, timeout, cwd, env))


@pytest.fixture
def host(tmp_path):
    made = debian(tmp_path)
    run(made, wish(OLD))
    return made


def wish(version):
    return driver_packages_case.wish(version, allow_downgrade=True)


def run(host, request):
    return _transaction.present(job(host, request))


def settled(host):
    """Packages, their state, holds, preferences and the built modules."""
    built = sorted(path.name for path in (host.root / "lib/modules").glob("*/updates/dkms/*"))
    return dict(host.installed), dict(host.status), set(host.held), (host.root / PREFERENCES).read_text(), built


@pytest.fixture
def killed(host, monkeypatch):
    def end(function, request, step, last, *, done):
        """Whether it was ended before it came to its end; all steps are tried where it wasn't at the last."""
        watched, real, was_killed = Watched(host, step, done=done), _atomic.write, False
        with monkeypatch.context() as patched:
            patched.setattr(_atomic, "write", lambda *a, **b: watched.count(lambda: real(*a, **b)))
            try:
                function(job(host, request, watched))
            except PackageError:
                pass
            except Killed:
                was_killed = True
        assert was_killed is (step < last) or last - MARGIN < step < last
        return was_killed

    return end


def outcome(host):
    return json.loads((host.root / "state/driver.json").read_text())["outcome"]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", range(UPGRADE + 1))
def test_an_upgrade(host, killed, step, done):
    before = settled(host)
    killed(_transaction.present, wish(NEW), step, UPGRADE, done=done)
    run(host, wish(NEW))
    assert set(host.installed.values()) == {NEW, "3.2.2-1"}
    assert set(host.status.values()) == {"installed"}
    assert host.held == set(NAMES)
    assert outcome(host) == "done"
    assert not run(host, wish(NEW))["changed"]
    _going_back.rolled_back(job(host, Request()))
    assert settled(host) == before


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", range(FAILURE + 1))
def test_one_that_fails(host, killed, step, done):
    before = settled(host)
    if killed(_transaction.present, wish(BAD), step, FAILURE, done=done):
        with pytest.raises(PackageError):
            run(host, wish(BAD))
    assert settled(host) == before
    run(host, wish(NEW))
    _going_back.rolled_back(job(host, Request()))
    assert settled(host) == before


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", range(BACK + 1))
def test_a_way_back(host, killed, step, done):
    before = settled(host)
    run(host, wish(NEW))
    killed(_going_back.rolled_back, Request(), step, BACK, done=done)
    _going_back.rolled_back(job(host, Request()))
    assert settled(host) == before
    assert not _going_back.rolled_back(job(host, Request()))["changed"]
