# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The lab's own certificates: what is wanted, what is good enough, and how to make the rest."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Tuple

CRYPTOGRAPHY_ERROR: Optional[str] = None
try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError as error:  # pragma: no cover
    CRYPTOGRAPHY_ERROR = str(error)

AUTHORITY_DAYS = 3650
LEAF_DAYS = 365
RENEW_BEFORE_DAYS = 30
BACKDATE = dt.timedelta(hours=1)
"""A clock that is a little behind must still accept a fresh certificate."""


@dataclass(frozen=True)
class Wanted:
    """One leaf certificate: who it names and where it serves.

    ``hosts`` holds DNS names and IP addresses; a certificate without hosts is for clients only.
    """

    name: str
    common_name: str
    organizations: Tuple[str, ...] = ()
    hosts: Tuple[str, ...] = ()

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Wanted:
        """Read one entry of the module's ``certificates`` option."""
        return cls(
            name=str(options["name"]),
            common_name=str(options["common_name"]),
            organizations=tuple(str(item) for item in options.get("organizations") or ()),
            hosts=tuple(str(item) for item in options.get("hosts") or ()),
        )


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: Any
    key: Any

    def certificate_pem(self) -> bytes:
        return bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def key_pem(self) -> bytes:
        return private_key_pem(self.key)


def private_key_pem(key: Any) -> bytes:
    """The unencrypted PKCS #8 text of ``key``."""
    return bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def public_key_pem(key: Any) -> bytes:
    """The public half of ``key``."""
    return bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def new_signing_key() -> Any:
    """A key for service account tokens (RS256, the algorithm every client knows)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def load_pair(certificate_pem: bytes, key_pem: bytes) -> Pair:
    """Decode a pair; raises ValueError when either part is damaged."""
    return Pair(x509.load_pem_x509_certificate(certificate_pem), serialization.load_pem_private_key(key_pem, None))


def new_authority(name: str, now: dt.datetime) -> Pair:
    """A self-signed authority that strict TLS clients accept (basicConstraints, keyUsage, key identifiers)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        _builder(subject, subject, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def new_leaf(wanted: Wanted, authority: Pair, now: dt.datetime) -> Pair:
    """A certificate for ``wanted``, signed by ``authority``."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, item) for item in wanted.organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)])
    issuer = authority.certificate
    issuer_identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if wanted.hosts:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _builder(subject, issuer.subject, key, now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_identifier), critical=False
        )
    )
    if wanted.hosts:
        names_and_addresses = [_general_name(host) for host in wanted.hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names_and_addresses), critical=False)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def reason_to_renew_authority(pair: Pair, now: dt.datetime) -> Optional[str]:
    """Why the authority must be replaced, or None."""
    if _public(pair.certificate.public_key()) != _public(pair.key.public_key()):
        return "the key does not belong to the certificate"
    return _expiry_reason(pair, now)


def reason_to_renew(pair: Pair, wanted: Wanted, authority: Pair, now: dt.datetime) -> Optional[str]:
    """Why the leaf must be replaced, or None when it still serves."""
    if _public(pair.certificate.public_key()) != _public(pair.key.public_key()):
        return "the key does not belong to the certificate"
    try:
        pair.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return "it was signed by another authority"
    if _subject(pair.certificate) != (wanted.common_name, wanted.organizations):
        return "its subject changed"
    missing = sorted(set(wanted.hosts) - set(_hosts(pair.certificate)))
    if missing:
        return "it lacks " + ", ".join(missing)
    return _expiry_reason(pair, now)


def _expiry_reason(pair: Pair, now: dt.datetime) -> Optional[str]:
    not_after = pair.certificate.not_valid_after_utc
    if not_after - now < dt.timedelta(days=RENEW_BEFORE_DAYS):
        return f"it expires on {not_after:%Y-%m-%d}"
    return None


def _builder(subject: Any, issuer: Any, key: Any, now: dt.datetime, days: int) -> Any:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _key_usage(authority: bool) -> Any:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(certificate: Any) -> List[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _subject(certificate: Any) -> Tuple[str, Tuple[str, ...]]:
    def values(oid: Any) -> Sequence[str]:
        return [str(item.value) for item in certificate.subject.get_attributes_for_oid(oid)]

    return "".join(values(NameOID.COMMON_NAME)), tuple(values(NameOID.ORGANIZATION_NAME))


def _public(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
