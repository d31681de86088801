"""A certificate of our own making, so that a phone on the same network may use its microphone (browsers want HTTPS for that)."""

from __future__ import annotations

import datetime
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:  # the extra `tls`: 15 MB that most people never use
    x509 = None

VALID_DAYS = 365
RENEW_BEFORE_DAYS = 14


class CannotCertify(OSError):
    """No certificate can be made here; the message says what brings it."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    certificate: Path
    key: Path


def own_addresses() -> list[str]:
    """Addresses by which other devices may reach this machine. Nothing is sent: connecting a datagram socket only picks a route."""
    found = {"127.0.0.1", "::1"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            found.add(probe.getsockname()[0])
        except OSError:
            return sorted(found)
    return sorted(found)


def self_signed(directory: Path, addresses: list[str], now: datetime.datetime) -> CertificateFiles:
    """The kept certificate when it still covers `addresses`, otherwise a new one."""
    if x509 is None:
        raise CannotCertify("a self-signed certificate needs: pip install 'stream-talk[tls]'")
    files = CertificateFiles(directory / "self-signed.crt", directory / "self-signed.key")
    if files.certificate.exists() and files.key.exists() and _still_good(files.certificate, addresses, now):
        return files
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files.certificate.write_bytes(_certificate(key, addresses, now).public_bytes(serialization.Encoding.PEM))
    return files


def _still_good(path: Path, addresses: list[str], now: datetime.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    covered = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    lasts = certificate.not_valid_after_utc - now > datetime.timedelta(days=RENEW_BEFORE_DAYS)
    return lasts and set(addresses) <= covered


def _certificate(key: ec.EllipticCurvePrivateKey, addresses: list[str], now: datetime.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stream-Talk on this machine")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname() or "localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
