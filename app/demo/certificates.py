"""A throw-away certificate authority, so that the transfer of a registration can be shown by https.

It is made anew at every start of a demo, signs one certificate for this machine's own names, and
its key is forgotten at once: nobody can ever sign another one. The portal of the demo trusts it
through TALLYPORT_EXTRA_CA_FILE, and nobody else does.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.demo.folder import AUTHORITY

# A demo that runs for longer than a year is started anew first.
LIFE = timedelta(days=397)
# Clocks of two programs on one machine agree, but a certificate of this very second is young.
SLACK = timedelta(days=1)
# OpenSSL takes no wildcard below a top-level name (*.localhost), so the names are listed.
OWN_HOST = "chat.localhost"
OWN_NAMES = (OWN_HOST, "localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Two PEM files: `authority` is what callers trust, `server` holds the server's certificate
    and its key."""

    authority: Path
    server: Path


def make_certificates(
    folder: Path, *, now: datetime, names: Sequence[str] = OWN_NAMES
) -> Certificates:
    """Make an authority and a certificate for host names and addresses, replacing older ones.

    `now` is real time, aware: certificates are checked against it whatever time a demo shows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _name("Throw-away authority of a Tallyport demo")
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _begin(issuer, authority_key.public_key(), issuer=issuer, now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(key_identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _begin(_name(names[0]), server_key.public_key(), issuer=issuer, now=now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), False)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_identifier),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    made = Certificates(folder / AUTHORITY, folder / "server.pem")
    key = server_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(made.authority, authority.public_bytes(serialization.Encoding.PEM))
    _write(made.server, server.public_bytes(serialization.Encoding.PEM) + key)
    return made


def _begin(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, *, issuer: x509.Name, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + LIFE)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes) -> None:
    """Write for our own eyes only: one of the files holds a key."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
