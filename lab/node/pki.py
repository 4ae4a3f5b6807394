"""The cluster's certificates and kubeconfigs."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.files import write_atomically
from lab.paths import Lab

_TEN_YEARS = datetime.timedelta(days=3652)


@dataclass(frozen=True)
class Certificate:
    """One leaf certificate: whom it names, in Kubernetes' terms, and the hosts it is valid for."""

    user: str
    groups: Sequence[str] = ()
    names: Sequence[str] = ()
    addresses: Sequence[str] = ()
    issuer: str = "ca"


def certificates(node: str, node_address: str, service_address: str) -> dict[str, Certificate]:
    """The leaf certificates of a single-node cluster, by file name."""
    service = "kubernetes.default.svc"
    parts = [service.rsplit(".", count)[0] for count in (2, 1, 0)]
    return {
        "apiserver": Certificate(
            "kube-apiserver",
            names=["localhost", node, *parts, f"{service}.cluster.local"],
            addresses=["127.0.0.1", node_address, service_address],
        ),
        "apiserver-kubelet-client": Certificate("kube-apiserver-kubelet-client", ["system:masters"]),
        "front-proxy-client": Certificate("front-proxy-client", issuer="front-proxy-ca"),
        # Also kubelet's serving certificate, so that metrics-server can check it against the cluster's CA.
        "kubelet": Certificate(
            f"system:node:{node}", ["system:nodes"], names=[node], addresses=[node_address, "127.0.0.1"]
        ),
        "admin": Certificate("kubernetes-admin", ["system:masters"]),
        "kube-controller-manager": Certificate("system:kube-controller-manager"),
        "kube-scheduler": Certificate("system:kube-scheduler"),
        "kube-proxy": Certificate("system:kube-proxy"),
    }


def ensure(lab: Lab, leaves: dict[str, Certificate]) -> Path:
    """The folder of keys and certificates: made once, and whole or not there at all."""
    folder = lab.root / "pki"
    if folder.is_dir():
        return folder
    half = lab.root / "pki.half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    issuers = {name: _authority(half, name) for name in ("ca", "front-proxy-ca")}
    for name, leaf in leaves.items():
        _leaf(half, name, leaf, issuers[leaf.issuer])
    # Service account tokens are signed with RS256 by default everywhere; keep the familiar kind.
    tokens = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(half / "service-accounts.key", tokens)
    public = tokens.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (half / "service-accounts.pub").write_bytes(public)
    half.rename(folder)
    return folder


def kubeconfig(folder: Path, user: str, server: str, name: str) -> dict[str, Any]:
    """A kubeconfig with everything embedded, for the certificate `user` of a PKI folder."""

    def embedded(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": embedded("ca.crt")}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": embedded(f"{user}.crt"),
                    "client-key-data": embedded(f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }


def write_kubeconfig(path: Path, folder: Path, user: str, server: str, name: str) -> Path:
    """Writes `kubeconfig(folder, user, server, name)` for its owner only; returns `path`."""
    write_atomically(
        path, yaml.safe_dump(kubeconfig(folder, user, server, name), sort_keys=False), mode=0o600
    )
    return path


_Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(folder: Path, name: str) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"keda-homelab {name}")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(subject, key.public_key())
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    _write(folder, name, certificate, key)
    return certificate, key


def _leaf(folder: Path, name: str, leaf: Certificate, issuer: _Issuer) -> None:
    issuing, issuing_key = issuer
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, leaf.user))
    builder = (
        _builder(x509.Name(subject), key.public_key())
        .issuer_name(issuing.subject)
        # Python 3.13 verifies strictly (ssl.VERIFY_X509_STRICT) and refuses a certificate without it.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(entry) for entry in leaf.names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(entry)) for entry in leaf.addresses]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    _write(folder, name, builder.sign(issuing_key, hashes.SHA256()), key)


def _builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .serial_number(x509.random_serial_number())
        # A clock set back a little must not make a fresh cluster refuse itself.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _TEN_YEARS)
    )


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(folder / f"{name}.key", key)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
