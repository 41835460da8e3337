# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Empty .rpm packages by rpmbuild, and module streams over them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import yaml
from integration.gpu_hosts_packages.catalogue import Package
from integration.gpu_hosts_packages.roots import Root

WORDS = (("Requires", "depends"), ("Provides", "provides"), ("Conflicts", "conflicts"))
BUILD = """
set -e
mkdir -p "$1"
for spec in /tmp/specs/"$2"-*.spec; do
  rpmbuild -bb --quiet --target x86_64 --define "_topdir /tmp/rpm" --define "_rpmdir $1" \
    --define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" --define "_build_id_links none" "$spec"
done
createrepo_c -q "$1"
if [ -s /tmp/specs/"$2".yaml ]; then
  cp /tmp/specs/"$2".yaml /tmp/modules.yaml
  modifyrepo_c --mdtype=modules /tmp/modules.yaml "$1"/repodata > /dev/null
fi
"""


def evr(version: str) -> tuple[str, str, str]:
    """Epoch, version, release."""
    epoch, _, rest = version.rpartition(":")
    plain, _, release = rest.rpartition("-")
    return epoch or "0", plain, release


def spec(packages: Iterable[Package]) -> str:
    """One spec file whose subpackages are the packages; no name may come twice."""
    lines = ["Name: fixture", "Version: 1", "Release: 1", "Summary: fixture", "License: GPL-3.0-or-later"]
    lines += ["AutoReqProv: no", "%description", "Makes the packages below."]
    for package in packages:
        epoch, version, release = evr(package.version)
        lines += [f"%package -n {package.name}", "Summary: an empty package for tests", f"Version: {version}"]
        lines += [f"Release: {release}"] + ([f"Epoch: {epoch}"] if epoch != "0" else [])
        lines += [f"{word}: {item}" for word, name in WORDS for item in getattr(package, name)]
        lines += [f"%description -n {package.name}", "Empty.", f"%files -n {package.name}"]
    return "\n".join(lines) + "\n"


def repository(root: Root, place: str, packages: Sequence[Package], streams: Iterable[dict[str, object]] = ()) -> None:
    """Build a repository at a path of the host: packages of one name and several versions take a spec file each."""
    name = place.strip("/").replace("/", "-")
    rounds: list[list[Package]] = []
    for _, same in itertools.groupby(sorted(packages, key=lambda one: one.name), key=lambda one: one.name):
        for number, package in enumerate(same):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(package)
    for number, content in enumerate(rounds):
        root.write(f"tmp/specs/{name}-{number}.spec", spec(content))
    root.write(f"tmp/specs/{name}.yaml", yaml.safe_dump_all(streams, explicit_start=True, explicit_end=True))
    root.run("sh", "-c", BUILD, "sh", place, name)


def stream(name: str, packages: Iterable[Package]) -> dict[str, object]:
    """A stream of the module nvidia-driver (modulemd, version 2)."""
    listed = []
    for package in packages:
        epoch, version, release = evr(package.version)
        listed.append(f"{package.name}-{epoch}:{version}-{release}.x86_64")
    return {
        "document": "modulemd",
        "version": 2,
        "data": {
            "name": "nvidia-driver",
            "stream": name,
            "version": 1,
            "context": "00000000",
            "arch": "x86_64",
            "summary": "an NVIDIA driver branch",
            "description": "an NVIDIA driver branch",
            "license": {"module": ["MIT"]},
            "artifacts": {"rpms": sorted(listed)},
        },
    }


def branch_streams(packages: Sequence[Package], branches: Iterable[str]) -> list[dict[str, object]]:
    """Two streams for each branch: with the open modules, and with the others."""
    apart = {"open": ("kmod-nvidia-latest-dkms", "cuda-drivers"), "dkms": ("kmod-nvidia-open-dkms", "nvidia-open")}
    return [
        stream(
            f"{branch}-{kind}",
            [one for one in packages if evr(one.version)[1].startswith(f"{branch}.") and one.name not in left_out],
        )
        for branch in branches
        for kind, left_out in apart.items()
    ]
