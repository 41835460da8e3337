# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make and remove the hosts.

python tests/gpu_hosts able                                    exit code 77, and why, where this machine can't have them
python tests/gpu_hosts missing                                 Debian packages that this machine lacks
python tests/gpu_hosts up --keys FOLDER NAME:SUITE:PORT ...    boot them; FOLDER gets a key, an ssh_config, packages
python tests/gpu_hosts down                                    remove all of them
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from gpu_hosts import able, image, machine, packages  # noqa: E402
from gpu_hosts.places import STATE, Host, HostsError, missing, run  # noqa: E402

UNABLE = 77
"""Skipped, for tools/steps.py."""


def parse(text: str) -> Host:
    """NAME:SUITE:PORT."""
    try:
        name, suite, port = text.split(":")
        return Host(name, suite, int(port))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not NAME:SUITE:PORT") from None


def up(hosts: list[Host], keys: Path) -> None:
    """Boot every host, from nothing: what an earlier run left is removed first."""
    down()
    machine.prepare()
    key = keys / "key"
    if not key.exists():
        keys.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "gpu-hosts", "-f", str(key))
    public = key.with_suffix(".pub").read_text()
    if not (keys / "packages").exists():
        packages.make(keys / "packages")
    (keys / "ssh_config").write_text("".join(_ssh_config(host, key) for host in hosts))
    with ThreadPoolExecutor() as pool:
        list(pool.map(_image, dict.fromkeys(host.suite for host in hosts)))
        list(pool.map(lambda host: machine.start(host, public, keys / "packages"), hosts))
    machine.weigh(len(hosts))


def _image(suite: str) -> None:
    began = time.monotonic()
    image.ensure(suite)
    print(f"image of {suite}: {time.monotonic() - began:.0f} s")


def _ssh_config(host: Host, key: Path) -> str:
    # The host keys are those of the image and the way is the loopback address: nothing to learn or to check.
    options = {
        "HostName": "127.0.0.1",
        "Port": host.port,
        "User": "root",
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        # One connection for the many commands of the checks.
        "ControlMaster": "auto",
        "ControlPath": key.with_name("%n"),
        "ControlPersist": 30,
    }
    return f"Host {host.name}\n" + "".join(f"    {name} {value}\n" for name, value in options.items())


def down() -> None:
    """Remove every host; downloads are kept in the cache."""
    hosts = machine.existing()
    new = machine.keep_downloads(hosts)
    if new:
        print(f"{new} packages newly kept")
    for host in hosts:
        machine.stop(host)
    machine.remove_state()


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["able", "up", "down", "missing"])
    parser.add_argument("hosts", nargs="*", type=parse)
    parser.add_argument("--keys", type=Path, default=STATE / "keys")
    options = parser.parse_intermixed_args()
    try:
        if options.action == "able":
            reason = able.why_not()
            print(reason or "this machine can have GPU hosts in containers")
            return UNABLE if reason else 0
        if options.action == "missing":
            print("\n".join(missing()))
        elif options.action == "up":
            up(options.hosts, options.keys)
        else:
            down()
    except HostsError as problem:
        print(f"gpu hosts: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
