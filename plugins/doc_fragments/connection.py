# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the connection options."""

from __future__ import annotations


class ModuleDocFragment:
    """Options that say which cluster, and as whom."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file, several paths joined by the path separator, or the content as a dictionary.
      - Default is E(K8S_AUTH_KUBECONFIG), a pod's service account where there is one, E(KUBECONFIG), then C(~/.kube/config).
    type: raw
  context:
    description:
      - Context of the kubeconfig; its current one by default. Also E(K8S_AUTH_CONTEXT).
    type: str
  host:
    description:
      - Address of the API server. Also E(K8S_AUTH_HOST).
      - Together with O(api_key), with O(username) and O(password), or with O(client_cert) and O(client_key) no kubeconfig is read.
    type: str
  api_key:
    description:
      - Bearer token. Also E(K8S_AUTH_API_KEY).
    type: str
  username:
    description:
      - User name for basic authentication. Also E(K8S_AUTH_USERNAME).
    type: str
  password:
    description:
      - Password for basic authentication. Also E(K8S_AUTH_PASSWORD).
    type: str
  client_cert:
    description:
      - Path of a client certificate. Also E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the client certificate's key. Also E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  ca_cert:
    description:
      - Path of the CA certificates that the server's certificate is checked against. Also E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  validate_certs:
    description:
      - Whether to check the server's certificate. Also E(K8S_AUTH_VERIFY_SSL).
    type: bool
    aliases: [verify_ssl]
  proxy:
    description:
      - Address of an HTTP proxy. Also E(K8S_AUTH_PROXY).
    type: str
  no_proxy:
    description:
      - Host names and domains, separated by commas, that are reached without the proxy. Also E(K8S_AUTH_NO_PROXY).
    type: str
  impersonate_user:
    description:
      - User to act as. Also E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description:
      - Groups to act as. Also E(K8S_AUTH_IMPERSONATE_GROUPS), separated by commas.
    type: list
    elements: str
"""
