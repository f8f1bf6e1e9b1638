"""Addresses in the head of an answer: the provider's own become the link's, so that who follows one stays on the link."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.http1.headers import Headers, place_alone
from harness.reading.hosts import on_this_machine

# RFC 9110, 10.2.2 and 8.7; the last three are of providers whose answers come later.
_ADDRESSES = frozenset(
    {b"location", b"content-location", b"operation-location", b"azure-asyncoperation", b"x-goog-upload-url"}
)
_WITHIN = {
    b"link": re.compile(rb"(?P<before><)(?P<address>[^<>]*)(?P<after>>)"),  # RFC 8288
    b"refresh": re.compile(rb"""(?P<before>;\s*url\s*=\s*["']?)(?P<address>[^"'\s]+)(?P<after>)""", re.IGNORECASE),
}
"""Headers in which an address is one part of what they say, and that part."""
_ADDRESSED = _ADDRESSES.union(_WITHIN)
_ABSOLUTE = re.compile(rb"(?:(https?):)?//([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_SHOWN = 200
_PORTS = {"http": 80, "https": 443}

Authority = tuple[str, str, int]
"""Scheme, host and port."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The provider at *upstream*, whose clients reach it at *port* of this machine, *by_tls* or in clear."""

    upstream: str
    port: int
    by_tls: bool = False

    @property
    def _scheme(self) -> str:
        return "https" if self.by_tls else "http"

    @staticmethod
    def may_be_in(said: Mapping[bytes, bytes]) -> bool:
        """Whether there may be an address in a head, of which `by_name` has what is *said*."""
        return not _ADDRESSED.isdisjoint(said)

    def told(self, status: int, headers: Headers, host: bytes, *, kept: bool = False) -> tuple[Headers, str]:
        """*headers* as a client is told them that asked for *host*, which the provider was told too if *kept*.

        Beside them, where a redirect among them leads past the link; empty where none does.
        """
        known, told, astray = self._known(host, kept), [], ""
        for name, said in headers:
            if within := _WITHIN.get(name.lower()):
                told.append((name, within.sub(lambda found: self._within(found, host, known), said)))
                continue
            over = self._over_link(said, host, known) if name.lower() in _ADDRESSES else said
            told.append((name, said if over is None else over))
            if over is None and 300 <= status < 400 and name.lower() == b"location":
                astray = place_alone(said.decode("latin-1"))[:_SHOWN]
        return told, astray

    def _known(self, host: bytes, kept: bool) -> list[Authority]:
        """By what the provider may know itself."""
        parts = urlsplit(self.upstream)
        own = _authority(None, parts.netloc.rpartition("@")[2].encode("idna"), parts.scheme)
        other = _authority(None, host, parts.scheme) if kept else None
        return [known for known in (own, other) if known is not None]

    def _within(self, found: re.Match[bytes], host: bytes, known: list[Authority]) -> bytes:
        over = self._over_link(found["address"], host, known)
        return found["before"] + (found["address"] if over is None else over) + found["after"]

    def _over_link(self, said: bytes, host: bytes, known: list[Authority]) -> bytes | None:
        """The address *said* as it is reached over the link; None where it is not."""
        match = _ABSOLUTE.match(said)
        if match is None:
            return self._inside(said)
        found = _authority(match[1], match[2], urlsplit(self.upstream).scheme)
        if found is not None and any(_same(found, own) for own in known):
            inside = self._inside(match[3])
            return None if inside is None else self._scheme.encode() + b"://" + self._reached_at(host) + inside
        if found is not None and _same(found, (self._scheme, "127.0.0.1", self.port)):
            return said
        return None

    def _inside(self, path: bytes) -> bytes | None:
        """*path* of the provider as it is asked for over the link; None where no request over it comes there."""
        base = urlsplit(self.upstream).path.rstrip("/").encode()
        if not base or not path.startswith(b"/"):
            return path
        rest = path[len(base) :]
        return rest or b"/" if path.startswith(base) and rest[:1] in (b"", b"/", b"?", b"#") else None

    def _reached_at(self, host: bytes) -> bytes:
        """The link's own authority, by the name that its client has for it, where that is one."""
        asked = _authority(None, host, self._scheme)
        return host if asked is not None and asked[2] == self.port else b"127.0.0.1:%d" % self.port


def _authority(scheme: bytes | None, written: bytes, otherwise: str) -> Authority | None:
    """What *written* stands for; None where it stands for nothing. Without a *scheme* it is *otherwise*."""
    named = scheme.decode().lower() if scheme else otherwise
    try:
        parts = urlsplit(f"{named}://{written.decode('ascii')}")
        host = (parts.hostname or "").removesuffix(".")  # which says that the name is whole
        return (named, host, parts.port or _PORTS[named]) if host else None
    except ValueError:
        return None


def _same(one: Authority, other: Authority) -> bool:
    """Whether both are one server; one on this machine may know itself by another of its names."""
    here = all(map(_is_here, (one[1], other[1])))
    return (one[0], one[2]) == (other[0], other[2]) and (one[1] == other[1] or here)


def _is_here(host: str) -> bool:
    """Whether *host* is a name that a server on this machine may have for itself: loopback, or every address, at which it listens."""
    try:
        return on_this_machine(host) or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
