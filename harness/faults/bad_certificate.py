"""The fault in which a dependency shows a certificate that its clients should refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import Aimed, Looked
from harness.faults.effects import CertificateFlaw, Effect, TapCertificate
from harness.reading import quantities
from harness.reading.target import Link


class BadCertificate(Aimed):
    """New connections, or a share of them, are shown a certificate that is expired, of a wrong name, or of an authority nobody knows."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "expired certificate, CERTIFICATE_VERIFY_FAILED, TLS or SSL handshake fails": "on: {kind: provider}, flaw: expired",
        "certificate of a wrong host, hostname mismatch": "on: {kind: provider}, flaw: wrong_name",
        "unknown CA, self-signed certificate, a proxy that breaks TLS open": "on: {kind: provider}, flaw: unknown_ca",
    }

    kind: Literal["bad_certificate"] = "bad_certificate"
    flaw: CertificateFlaw = Field(
        description="expired; not_yet_valid; wrong_name: it is for another host; unknown_ca: an authority vouches for it that nobody "
        "knows; self_signed: nobody vouches for it but itself"
    )
    open_connections: Literal["keep", "close"] = Field(
        default="keep",
        description="keep: what is open goes on, since a certificate is looked at once; close: it is closed, once what was asked on it is "
        "answered, as by a server that starts again",
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="of the new connections of each link, 0 to 1, drawn once for each"
    )

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(TapCertificate(link, self.flaw, self.open_connections == "close", self.share) for link in links)

    @property
    def probes(self) -> bool:
        return False

    @classmethod
    def suits(cls, link: Link) -> bool:
        return link.tls is not None

    def misfit(self, link: Link) -> str:
        return (
            "" if self.suits(link) else "is not reached by TLS, so no certificate is shown there; say tls: true on it"
        )

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    def hides_requests(self) -> bool:
        # Who refuses a certificate never says what it was about to ask, so that nobody knows for which request it came.
        return True

    def summary(self) -> str:
        share = f" for {quantities.share(self.share)} of connections" if self.share < 1 else ""
        closes = ", open ones closed" if self.open_connections == "close" else ""
        return f"bad_certificate · {self.flaw}{share}{closes} on {self.on}"
