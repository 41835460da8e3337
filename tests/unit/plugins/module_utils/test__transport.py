# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool of connections, with the urllib3 that distributions ship too."""

from __future__ import annotations

import ssl
from types import SimpleNamespace

import pytest
import urllib3
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint


def library(version):
    """urllib3 as far as a pool needs it; 1.26 keeps its header class to itself."""
    made = SimpleNamespace(__version__=version, PoolManager=lambda **options: options)
    if version.startswith("1."):
        made.response = SimpleNamespace(HTTPHeaderDict=urllib3.HTTPHeaderDict)
    else:
        made.HTTPHeaderDict = urllib3.HTTPHeaderDict
    return made


def options(monkeypatch, version, server, **rest):
    monkeypatch.setattr(_transport, "urllib3", library(version))
    return _transport.pool(Endpoint(origin="kubeconfig x", server=server, **rest))


@pytest.mark.parametrize("server", ["https://192.0.2.7:6443", "https://[2001:db8::7]:6443"])
def test_an_old_urllib3_compares_an_address_itself_and_still_demands_a_certificate(monkeypatch, server):
    made = options(monkeypatch, "1.26.12", server)
    assert made["assert_hostname"] == server.partition("//")[2].rpartition(":")[0].strip("[]")
    assert made["ssl_context"].check_hostname is False
    assert made["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("version", "server", "rest"),
    [
        ("2.8.0", "https://192.0.2.7:6443", {}),
        ("1.26.12", "https://api.example.org", {}),
        ("1.26.12", "https://192.0.2.7:6443", {"tls_server_name": "api.example.org"}),
    ],
)
def test_elsewhere_the_name_is_left_to_the_tls_library(monkeypatch, version, server, rest):
    made = options(monkeypatch, version, server, **rest)
    assert "assert_hostname" not in made
    assert made["ssl_context"].check_hostname is True


def test_who_turned_verification_off_gets_none(monkeypatch):
    fake = library("1.26.12")
    fake.disable_warnings = lambda _kind: None
    fake.exceptions = urllib3.exceptions
    monkeypatch.setattr(_transport, "urllib3", fake)
    made = _transport.pool(Endpoint(origin="x", server="https://192.0.2.7", verify=False))
    assert "assert_hostname" not in made
    assert made["ssl_context"].verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("version", ["1.26.12", "2.8.0"])
def test_the_header_class_is_found_in_either(monkeypatch, version):
    monkeypatch.setattr(_transport, "urllib3", library(version))
    assert _transport.header_class() is urllib3.HTTPHeaderDict
