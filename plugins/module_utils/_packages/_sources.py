# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What is written for a driver's repository, and for the missing components of the distribution's own archive."""

from __future__ import annotations

import configparser
import glob
import os
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple
from urllib.parse import urlsplit

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError

SOURCES = "etc/apt/sources.list.d"
APT_KEYS = "etc/apt/keyrings"
APT_LOGINS = "etc/apt/auth.conf.d"
RPM_REPOS = "etc/yum.repos.d"
RPM_KEYS = "etc/pki/rpm-gpg"
COMPONENTS = "openhands-driver-components"
TARGETS = "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(SIGNED_BY)"
_HEAD = "# Written by openhands.gpu_observability (role nvidia_driver): changes are overwritten.\n"
_NEEDED = {
    "epel": (re.compile("epel"), "dnf install epel-release (Rocky), or Red Hat's instructions for EPEL"),
    "crb": (
        re.compile("crb|codeready"),
        "dnf config-manager --set-enabled crb (on RHEL: the codeready-builder repository)",
    ),
}


@dataclass(frozen=True)
class Target:
    """One index that apt reads: repository, suite and component."""

    uri: str
    suite: str
    component: str
    signed_by: str = ""


@dataclass(frozen=True)
class Login:
    """How to log in to a repository; both empty for none."""

    username: str = ""
    password: str = ""


def targets(text: str) -> List[Target]:
    """What ``apt-get indextargets`` lists in the format TARGETS."""
    # apt leaves the name of what it doesn't know in its place.
    rows = (line.replace("$(SIGNED_BY)", "").split("\t") for line in text.splitlines())
    return [Target(row[0].rstrip("/"), *row[1:4]) for row in rows if len(row) == TARGETS.count("$")]


def key_path(repository: Mapping[str, Any], *, armoured: bool) -> str:
    """Where the key of a repository is kept, relative to the root."""
    if repository["family"] == "apt":
        return "%s/%s.%s" % (APT_KEYS, repository["name"], "asc" if armoured else "gpg")
    return "%s/RPM-GPG-KEY-%s" % (RPM_KEYS, repository["name"])


def known(repository: Mapping[str, Any], there: Iterable[str]) -> bool:
    """Whether one of the addresses that the host already has is this repository's."""
    return str(repository["uri"]).rstrip("/") in {uri.rstrip("/") for uri in there}


def apt_source(repository: Mapping[str, Any], signed_by: str) -> str:
    """A repository as deb822 source (sources.list(5)); a flat one has a suite ending in a slash, and no components."""
    components = " ".join(repository.get("components") or [])
    lines = ["Types: deb", "URIs: %s" % repository["uri"], "Suites: %s" % (repository.get("suite") or "/")]
    lines += ["Components: %s" % components] if components else []
    return _HEAD + "\n".join([*lines, "Signed-By: %s" % signed_by]) + "\n"


def apt_login(repository: Mapping[str, Any], login: Login) -> str:
    """The entry of apt_auth.conf(5); empty without a login."""
    if not login.username:
        return ""
    parts = urlsplit(str(repository["uri"]))
    machine = "%s://%s%s" % (parts.scheme, parts.netloc, parts.path)
    return _HEAD + "machine %s\nlogin %s\npassword %s\n" % (machine, login.username, login.password)


def components_source(have: Sequence[Target], wanted: Sequence[str], codename: str) -> str:
    """The sources that add what is missing of the distribution's own archive, from where its ``main`` comes.

    apt lists an index only where its repository has one, so a component counts as enabled by the release's own suite:
    ``-updates`` and ``-security`` often have none of contrib.

    Raises PackageError where no source of the archive is found.
    """
    there = {target.component for target in have if target.suite == codename}
    missing = [name for name in wanted if name not in there]
    own = [target for target in have if target.component == "main" and _of_release(target.suite, codename)]
    if wanted and not own:
        raise PackageError(
            "No source of the distribution's archive (suite %s, component main) is configured; %s are needed."
            % (codename, ", ".join(wanted))
        )
    stanzas = []
    for base in dict.fromkeys(own) if missing else ():
        stanza = "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n" % (base.uri, base.suite, " ".join(missing))
        stanzas.append(stanza + ("Signed-By: %s\n" % base.signed_by if base.signed_by else ""))
    return _HEAD + "\n".join(stanzas) if stanzas else ""


def _of_release(suite: str, codename: str) -> bool:
    return suite == codename or (suite.startswith(codename + "-") and not suite.endswith(("-backports", "-proposed")))


def dnf_repo(repository: Mapping[str, Any], login: Login) -> str:
    """A repository as a file of yum.repos.d."""
    values = {
        "name": str(repository.get("title") or "NVIDIA driver (openhands.gpu_observability)"),
        "baseurl": repository["uri"],
        "enabled": "1",
        "gpgcheck": "1",
        "gpgkey": "file:///%s" % key_path(repository, armoured=True),
    }
    if repository.get("includepkgs"):
        values["includepkgs"] = " ".join(repository["includepkgs"])
    if login.username:
        values.update(username=login.username, password=login.password)
    return _HEAD + "[%s]\n%s\n" % (repository["name"], "\n".join("%s=%s" % item for item in values.items()))


def dnf_repositories(root: str) -> Dict[str, str]:
    """Enabled repositories of yum.repos.d: id -> address (baseurl, mirrorlist or metalink)."""
    found: Dict[str, str] = {}
    for path in sorted(glob.glob(os.path.join(root, RPM_REPOS, "*.repo"))):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except configparser.Error:
            continue
        for section in parser.sections():
            values = parser[section]
            if values.get("enabled", "1").strip() not in ("0", "false", "no"):
                found[section] = values.get("baseurl") or values.get("mirrorlist") or values.get("metalink") or ""
    return found


def lacking(required: Sequence[str], there: Iterable[str]) -> List[Tuple[str, str]]:
    """Repositories that a vendor's packages need beside its own and that aren't enabled, each with what to do."""
    names = list(there)
    return [
        (name, _NEEDED[name][1])
        for name in required
        if name in _NEEDED and not any(_NEEDED[name][0].search(other) for other in names)
    ]
