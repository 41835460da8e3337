#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the lab's certificates and logins."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_pki
short_description: Keep the certificates and kubeconfigs of the embedded lab
version_added: 0.1.0
description:
  - Makes one authority, the wanted leaf certificates, the key for service account tokens and a kubeconfig per login.
  - A certificate that is damaged, expires within 30 days, was signed by another authority, or lacks a host is made anew.
    Everything else is left as it is.
  - Keys and kubeconfigs are readable by their owner only.
author:
  - openhands.gpu_observability contributors (@openhands)
requirements:
  - cryptography
options:
  path:
    description: Folder that holds V(ca.crt), V(ca.key), V(sa.key), V(sa.pub) and a pair per certificate.
    type: path
    required: true
  authority:
    description: Common name of the authority.
    type: str
    required: true
  certificates:
    description: The leaf certificates.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: File name without suffix.
        type: str
        required: true
      common_name:
        description: Common name, for a client its user.
        type: str
        required: true
      organizations:
        description: Organizations, for a client its groups.
        type: list
        elements: str
        default: []
      hosts:
        description: DNS names and addresses it serves; empty for clients.
        type: list
        elements: str
        default: []
      kubeconfig:
        description: Where to write a kubeconfig that logs in with this certificate.
        type: path
  server:
    description: Address of the API server in the kubeconfigs.
    type: str
    required: true
  cluster:
    description: Name of cluster and context in the kubeconfigs.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Says what would be made and makes nothing.
extends_documentation_fragment: []
"""

EXAMPLES = r"""
- name: Keep the lab's certificates
  openhands.gpu_observability.lab_pki:
    path: /var/lib/openhands-gpu-observability-lab/pki
    authority: lab
    server: https://127.0.0.1:26443
    cluster: lab
    certificates:
      - name: admin
        common_name: admin
        organizations: [system:masters]
        kubeconfig: /var/lib/openhands-gpu-observability-lab/kubeconfig
"""

RETURN = r"""
renewed:
  description: What was made, and why.
  type: dict
  returned: always
  sample: {"apiserver": "it lacks 192.0.2.2"}
"""

import base64
import datetime as dt
import os

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _pki
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import (
    read_or_none,
    write_atomically,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._kubeconfig import kubeconfig_text

CERTIFICATE_SPEC = {
    "name": {"type": "str", "required": True},
    "common_name": {"type": "str", "required": True},
    "organizations": {"type": "list", "elements": "str", "default": []},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "kubeconfig": {"type": "path"},
}


class Keeper:
    """Brings one folder of certificates to what is wanted."""

    def __init__(self, path: str, check_mode: bool, now: dt.datetime) -> None:
        self.path = path
        self.check_mode = check_mode
        self.now = now
        self.renewed: dict[str, str] = {}

    def authority(self, name: str) -> _pki.Pair:
        """The authority, made when it is missing or no longer serves."""
        pair = self._load("ca")
        reason = _pki.reason_to_renew_authority(pair, self.now) if pair else "it is missing"
        if pair and not reason:
            return pair
        pair = _pki.new_authority(name, self.now)
        self._save("ca", pair, reason or "")
        return pair

    def leaf(self, wanted: _pki.Wanted, authority: _pki.Pair) -> _pki.Pair:
        """The certificate for ``wanted``, made when it is missing or no longer serves."""
        pair = self._load(wanted.name)
        reason = _pki.reason_to_renew(pair, wanted, authority, self.now) if pair else "it is missing"
        if pair and not reason:
            return pair
        pair = _pki.new_leaf(wanted, authority, self.now)
        self._save(wanted.name, pair, reason or "")
        return pair

    def signing_key(self) -> None:
        """The key that signs service account tokens; never replaced while it exists."""
        path = os.path.join(self.path, "sa.key")
        if read_or_none(path) and read_or_none(os.path.join(self.path, "sa.pub")):
            return
        key = _pki.new_signing_key()
        self.renewed["sa"] = "it is missing"
        self._write(path, _pki.private_key_pem(key), 0o600)
        self._write(os.path.join(self.path, "sa.pub"), _pki.public_key_pem(key), 0o644)

    def kubeconfig(self, path: str, text: str) -> None:
        """The login at ``path``."""
        content = text.encode()
        if read_or_none(path) != content:
            self.renewed.setdefault(path, "its content changed")
        self._write(path, content, 0o600)

    def _load(self, name: str) -> _pki.Pair | None:
        certificate = read_or_none(os.path.join(self.path, name + ".crt"))
        key = read_or_none(os.path.join(self.path, name + ".key"))
        if certificate is None or key is None:
            return None
        try:
            return _pki.load_pair(certificate, key)
        except ValueError:
            return None

    def _save(self, name: str, pair: _pki.Pair, reason: str) -> None:
        self.renewed[name] = reason
        # The key first: a pair torn by a kill then shows as "the key does not belong" and is made anew.
        self._write(os.path.join(self.path, name + ".key"), pair.key_pem(), 0o600)
        self._write(os.path.join(self.path, name + ".crt"), pair.certificate_pem(), 0o644)

    def _write(self, path: str, content: bytes, mode: int) -> None:
        if not self.check_mode:
            write_atomically(path, content, mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "authority": {"type": "str", "required": True},
            "certificates": {"type": "list", "elements": "dict", "required": True, "options": CERTIFICATE_SPEC},
            "server": {"type": "str", "required": True},
            "cluster": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if _pki.CRYPTOGRAPHY_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=_pki.CRYPTOGRAPHY_ERROR)
    options = module.params
    if not module.check_mode:
        os.makedirs(options["path"], mode=0o700, exist_ok=True)
    keeper = Keeper(options["path"], module.check_mode, dt.datetime.now(dt.timezone.utc))
    authority = keeper.authority(options["authority"])
    keeper.signing_key()
    for entry in options["certificates"]:
        wanted = _pki.Wanted.from_options(entry)
        pair = keeper.leaf(wanted, authority)
        if entry.get("kubeconfig"):
            text = kubeconfig_text(
                cluster=options["cluster"],
                server=options["server"],
                user=wanted.name,
                authority=base64.b64encode(authority.certificate_pem()).decode(),
                certificate=base64.b64encode(pair.certificate_pem()).decode(),
                key=base64.b64encode(pair.key_pem()).decode(),
            )
            keeper.kubeconfig(entry["kubeconfig"], text)
    module.exit_json(changed=bool(keeper.renewed), renewed=keeper.renewed)


if __name__ == "__main__":
    main()
