# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver with its own etcd, on free ports and in one temporary folder."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADMIN_TOKEN = "admin-token-for-tests"
NOBODY_TOKEN = "nobody-token-for-tests"


def find_binaries() -> tuple[Path, list[str]] | str:
    """Return (etcd, command that starts kube-apiserver), or the reason why not."""
    folders = [Path(part) for part in os.environ.get("GPU_OBSERVABILITY_BINARIES", "").split(":") if part]
    cache_root = os.environ.get("GPU_OBSERVABILITY_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "openhands-gpu-observability"
    )
    cached = Path(cache_root) / "binaries"
    if cached.is_dir():
        folders += sorted(cached.glob("*/*/"), reverse=True) + sorted(cached.glob("*/*/bin/"), reverse=True)
    etcd = _first(folders, ["etcd"]) or _which("etcd")
    server = _first(folders, ["kube-apiserver", "kube", "kubernetes"]) or _which("kube-apiserver")
    if etcd is None:
        return "no etcd on PATH, in the lab's cache or in GPU_OBSERVABILITY_BINARIES"
    if server is None:
        return "no kube-apiserver on PATH, in the lab's cache or in GPU_OBSERVABILITY_BINARIES"
    return etcd, [str(server)] if server.name == "kube-apiserver" else [str(server), "kube-apiserver"]


def _first(folders: list[Path], names: list[str]) -> Path | None:
    for folder in folders:
        for name in names:
            if os.access(folder / name, os.X_OK) and (folder / name).is_file():
                return folder / name
    return None


def _which(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def free_port() -> int:
    """Ask the kernel for a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Authority:
    """A small CA whose certificates pass Python 3.13's strict checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-ca")])
        self.certificate = (
            self._builder(name, name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path = folder / "ca.crt"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, common_name: str, organization: str = "", server: bool = False) -> tuple[Path, Path]:
        """Write NAME.crt and NAME.key and return their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            self._builder(x509.Name(attributes), self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if server:
            names: list[x509.GeneralName] = [
                x509.DNSName("localhost"),
                x509.DNSName("kubernetes"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        certificate_path, key_path = self.folder / (name + ".crt"), self.folder / (name + ".key")
        certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate_path, key_path

    def _builder(self, subject: x509.Name, issuer: x509.Name, public: Any) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )


def _key_usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


class ApiServer:
    """Start with ``start()``, stop with ``stop()``; ``kubeconfig`` is an admin's."""

    def __init__(self, folder: Path, etcd: Path, command: list[str], arguments: Sequence[str] = ()) -> None:
        """arguments: flags of kube-apiserver on top of those every test needs."""
        self.folder = folder
        self.etcd = etcd
        self.command = command
        self.arguments = arguments
        self.port = 0
        self.processes: list[subprocess.Popen[bytes]] = []
        self.authority = Authority(folder)
        self.kubeconfig = folder / "kubeconfig"

    @property
    def url(self) -> str:
        """The server's address."""
        return "https://127.0.0.1:%d" % self.port

    def start(self) -> None:
        """Start both processes and wait until the server is ready (seconds, not minutes)."""
        client_port, peer_port, self.port = free_port(), free_port(), free_port()
        data = self.folder / "etcd"
        self._spawn(
            "etcd",
            [
                str(self.etcd),
                "--data-dir=%s" % data,
                "--listen-client-urls=http://127.0.0.1:%d" % client_port,
                "--advertise-client-urls=http://127.0.0.1:%d" % client_port,
                "--listen-peer-urls=http://127.0.0.1:%d" % peer_port,
                "--initial-advertise-peer-urls=http://127.0.0.1:%d" % peer_port,
                "--initial-cluster=default=http://127.0.0.1:%d" % peer_port,
                "--unsafe-no-fsync",
            ],
        )
        serving, serving_key = self.authority.issue("server", "kube-apiserver", server=True)
        account, account_key = self.authority.issue("service-account", "service-account")
        tokens = self.folder / "tokens.csv"
        tokens.write_text('%s,admin,1,"system:masters"\n%s,nobody,2\n' % (ADMIN_TOKEN, NOBODY_TOKEN), encoding="utf-8")
        self._spawn(
            "apiserver",
            [
                *self.command,
                "--etcd-servers=http://127.0.0.1:%d" % client_port,
                "--bind-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                "--secure-port=%d" % self.port,
                "--tls-cert-file=%s" % serving,
                "--tls-private-key-file=%s" % serving_key,
                "--client-ca-file=%s" % self.authority.path,
                "--token-auth-file=%s" % tokens,
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=%s" % account,
                "--service-account-signing-key-file=%s" % account_key,
                "--service-cluster-ip-range=10.0.0.0/16",
                "--authorization-mode=RBAC",
                # As every cluster whose nodes run a device plugin has it.
                "--allow-privileged=true",
                "--disable-admission-plugins=ServiceAccount",
                *self.arguments,
            ],
        )
        certificate, key = self.authority.issue("admin", "admin", organization="system:masters")
        self.kubeconfig.write_text(yaml.safe_dump(self.config(certificate, key)), encoding="utf-8")
        self._wait_ready()

    def config(self, certificate: Path, key: Path) -> dict[str, Any]:
        """A kubeconfig with everything inline."""
        user = {"client-certificate-data": _encode(certificate), "client-key-data": _encode(key)}
        return self.config_for(user)

    def config_for(self, user: dict[str, Any]) -> dict[str, Any]:
        """A kubeconfig for any user entry."""
        cluster = {"server": self.url, "certificate-authority-data": _encode(self.authority.path)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Talk to the server beside the engine, as its administrator."""
        context = ssl.create_default_context(cafile=str(self.authority.path))
        call = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer " + ADMIN_TOKEN, "Content-Type": content_type},
        )
        with urllib.request.urlopen(call, context=context, timeout=30) as answer:
            raw = answer.read()
        try:
            return json.loads(raw)
        except ValueError:
            return raw.decode()

    def stop(self) -> None:
        """End both processes."""
        for process in reversed(self.processes):
            process.kill()  # a throw-away server need not drain
        for process in self.processes:
            process.wait(15)
        self.processes = []

    def _spawn(self, name: str, command: list[str]) -> None:
        with open(self.folder / (name + ".log"), "wb") as log:
            self.processes.append(
                subprocess.Popen(command, stdout=log, stderr=log, cwd=str(self.folder), start_new_session=True)
            )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                if self.request("GET", "/readyz") == "ok":
                    return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.1)
        log = (self.folder / "apiserver.log").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError("kube-apiserver did not become ready: %s" % log)


def _encode(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
