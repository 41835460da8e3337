# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: strict enough for every client, and renewed exactly when they no longer serve."""

from __future__ import annotations

import datetime as dt
import ssl

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _pki
from cryptography import x509

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
WANTED = _pki.Wanted("apiserver", "kube-apiserver", ("masters",), ("localhost", "127.0.0.1", "10.96.0.1"))


@pytest.fixture(scope="module")
def authority():
    return _pki.new_authority("lab", NOW)


@pytest.fixture(scope="module")
def leaf(authority):
    return _pki.new_leaf(WANTED, authority, NOW)


def extension(pair, kind):
    return pair.certificate.extensions.get_extension_for_class(kind)


def test_authority_has_what_strict_clients_demand(authority):
    usage = extension(authority, x509.KeyUsage)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.crl_sign) == (True, True, True)
    constraints = extension(authority, x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, True)


def test_leaf_names_its_issuer_hosts_and_uses(authority, leaf):
    issuer = extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
    assert issuer == extension(authority, x509.SubjectKeyIdentifier).value.digest
    assert extension(leaf, x509.BasicConstraints).value.ca is False
    assert len(extension(leaf, x509.ExtendedKeyUsage).value) == 2
    names = extension(leaf, x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1", "10.96.0.1"]


def test_client_has_no_hosts_and_may_not_serve(authority):
    client = _pki.new_leaf(_pki.Wanted("admin", "admin"), authority, NOW)
    assert [usage._name for usage in extension(client, x509.ExtendedKeyUsage).value] == ["clientAuth"]
    with pytest.raises(x509.ExtensionNotFound):
        extension(client, x509.SubjectAlternativeName)


def test_a_strict_handshake_succeeds(tmp_path):
    now = dt.datetime.now(dt.UTC)
    authority = _pki.new_authority("lab", now)
    leaf = _pki.new_leaf(WANTED, authority, now)
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem())
    (tmp_path / "leaf.pem").write_bytes(leaf.certificate_pem() + leaf.key_pem())
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=tmp_path / "ca.crt")
    server.load_cert_chain(tmp_path / "leaf.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    done = set()
    while len(done) < 2:
        for end in ends:
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                continue
    assert ends[0].getpeercert()["subject"]


def test_good_certificate_is_kept(authority, leaf):
    assert _pki.reason_to_renew_authority(authority, NOW) is None
    assert _pki.reason_to_renew(leaf, WANTED, authority, NOW) is None


@pytest.mark.parametrize(
    ("wanted", "days", "reason"),
    [
        (WANTED, 400, "it expires on 2027-03-01"),
        (WANTED, 336, "it expires on 2027-03-01"),
        (_pki.Wanted("apiserver", "kube-apiserver", ("masters",), ("192.0.2.2",)), 0, "it lacks 192.0.2.2"),
        (_pki.Wanted("apiserver", "another", ("masters",)), 0, "its subject changed"),
        (_pki.Wanted("apiserver", "kube-apiserver", ()), 0, "its subject changed"),
    ],
)
def test_reason_to_renew(authority, leaf, wanted, days, reason):
    assert _pki.reason_to_renew(leaf, wanted, authority, NOW + dt.timedelta(days=days)) == reason


def test_certificate_serves_until_thirty_days_before_its_end(authority, leaf):
    assert _pki.reason_to_renew(leaf, WANTED, authority, NOW + dt.timedelta(days=334)) is None


def test_another_authority_is_noticed(leaf):
    other = _pki.new_authority("lab", NOW)
    assert _pki.reason_to_renew(leaf, WANTED, other, NOW) == "it was signed by another authority"


def test_torn_pair_is_noticed(authority, leaf):
    other = _pki.new_leaf(WANTED, authority, NOW)
    torn = _pki.Pair(leaf.certificate, other.key)
    assert _pki.reason_to_renew(torn, WANTED, authority, NOW) == "the key does not belong to the certificate"
    torn = _pki.Pair(authority.certificate, other.key)
    assert _pki.reason_to_renew_authority(torn, NOW) == "the key does not belong to the certificate"


def test_pair_survives_a_round_trip(authority, leaf):
    loaded = _pki.load_pair(leaf.certificate_pem(), leaf.key_pem())
    assert _pki.reason_to_renew(loaded, WANTED, authority, NOW) is None
    with pytest.raises(ValueError, match=r"\w"):
        _pki.load_pair(leaf.certificate_pem(), b"damaged")


def test_options_become_a_wanted_certificate():
    options = {"name": "x", "common_name": "y", "organizations": ["z"], "hosts": ["h"], "kubeconfig": None}
    assert _pki.Wanted.from_options(options) == _pki.Wanted("x", "y", ("z",), ("h",))


def test_signing_key_has_two_halves():
    key = _pki.new_signing_key()
    assert b"BEGIN PRIVATE KEY" in _pki.private_key_pem(key)
    assert b"BEGIN PUBLIC KEY" in _pki.public_key_pem(key)
