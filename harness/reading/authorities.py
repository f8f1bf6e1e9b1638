"""An authority that vouches for certificates, as two PEM files have it: its certificate, and the key with which it signs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes


@dataclass(frozen=True, slots=True)
class Authority:
    """Who vouches for certificates: its own *certificate*, and the *key* with which it signs."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM)


def authority(certificate: Path, key: Path) -> Authority:
    """The authority in two PEM files. Raises ValueError that says what of them cannot be used, OSError where they cannot be read."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        raise ValueError(f"{str(certificate)!r} holds no certificate") from None
    try:
        signs = load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError):  # the latter: it wants a passphrase
        raise ValueError(f"{str(key)!r} holds no key without a passphrase") from None
    if found.public_key() != signs.public_key():
        raise ValueError(f"{str(key)!r} is not the key of {str(certificate)!r}")
    if not _may_sign(found):
        raise ValueError(f"{str(certificate)!r} is no authority's: it may not vouch for others (basicConstraints CA)")
    return Authority(found, signs)  # type: ignore[arg-type] # whoever can be an authority can sign


def _may_sign(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
