"""The certificates with which links are reached by TLS: an authority of a run's own, and what it vouches for, in order and with each flaw.

The key of an authority is never written anywhere; those of certificates are for their owner alone, and go with the run's folder.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from harness.faults.effects import CertificateFlaw
from harness.problems import HarnessError, cannot
from harness.reading.authorities import Authority, authority
from harness.reading.target import Tls
from harness.record.own_file import write_new
from harness.running.wire.tap.tls import GOOD

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

HERE = ("localhost", "127.0.0.1")
ELSEWHERE = "not-this-host.invalid"
"""The one name in a certificate with a wrong name (RFC 2606: nobody is called so)."""
_DAY = timedelta(days=1)
_VALID = (-_DAY, 30 * _DAY)
_TIMES: Mapping[str, tuple[timedelta, timedelta]] = {
    "expired": (-30 * _DAY, -_DAY),
    "not_yet_valid": (_DAY, 30 * _DAY),
}


def issue(folder: Path, links: Mapping[str, Tls], hosts: Iterable[str], trusted: Path | None) -> Path:
    """Certificates for *links* at *hosts*, those of each in a folder of its name below *folder*; the file by which they are trusted.

    In that file stands, too, whom this machine trusts, out of *trusted*: who is told of it alone still reaches everybody else. Where it is
    there already, it is all as before. Raises HarnessError where an authority of the target's cannot be used, or nothing be written.
    """
    ca_file = folder / "ca.pem"
    if ca_file.exists():
        return ca_file
    ours, stranger = _authority("resilience harness, for one run"), _authority("nobody knows this authority")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        vouching = {name: _of_target(tls) or ours for name, tls in links.items()}
        for name, tls in links.items():
            _write(folder / name, vouching[name], stranger, [*dict.fromkeys([*HERE, *hosts, *tls.names])])
        ca_file.write_bytes(_together([*vouching.values(), ours], trusted))
    except OSError as error:
        raise HarnessError(f"certificates for TLS cannot be written: {cannot(error)}") from error
    return ca_file


def whom_this_machine_trusts(environment: Mapping[str, str]) -> Path | None:
    """The file with the authorities that programs here trust; None where there is none."""
    found = environment.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return Path(found) if found else None


def _of_target(tls: Tls) -> Authority | None:
    if tls.ca is None or tls.ca_key is None:
        return None
    try:
        return authority(Path(tls.ca), Path(tls.ca_key))
    except ValueError as error:
        raise HarnessError(f"tls: {error}") from error


def _together(known: Iterable[Authority], trusted: Path | None) -> bytes:
    here = b""
    if trusted is not None:
        with suppress(OSError):
            here = trusted.read_bytes()
    return b"".join(dict.fromkeys(one.pem for one in known)) + here


def _write(folder: Path, known: Authority, stranger: Authority, names: list[str]) -> None:
    """A certificate for *names* that is in order, and one with each flaw, as PEM with the key behind it."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    folder.mkdir(mode=0o700)
    key = _new_key()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    by: dict[str, Authority | None] = {"unknown_ca": stranger, "self_signed": None}
    flaws: tuple[CertificateFlaw, ...] = ("expired", "not_yet_valid", "wrong_name", "unknown_ca", "self_signed")
    for name in (GOOD, *flaws):
        called = [ELSEWHERE] if name == "wrong_name" else names
        made = _certificate(called[0], key, by.get(name, known), called, _TIMES.get(name, _VALID))
        write_new(folder / f"{name}.pem", made.public_bytes(Encoding.PEM) + secret)


def _authority(called: str) -> Authority:
    key = _new_key()
    return Authority(_certificate(called, key, None, [], (-60 * _DAY, 60 * _DAY)), key)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _certificate(
    called: str,
    key: EllipticCurvePrivateKey,
    by: Authority | None,
    names: list[str],
    lasts: tuple[timedelta, timedelta],
) -> x509.Certificate:
    """A certificate as strict clients want it (RFC 5280); *by* None: by itself. Without *names* it is an authority's."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, called)])
    issuer, signs = (by.certificate.subject, by.key) if by else (subject, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + lasts[0])
        .not_valid_after(now + lasts[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(_usage(authority=not names), critical=True)
    )
    if names:
        server = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        made = made.add_extension(server, critical=False)
        made = made.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return made.sign(signs, SHA256())


def _usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
