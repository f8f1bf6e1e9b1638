"""What the wire process is told when it starts, as one JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from harness.protocols.nonce import ANY_RUN, Nonces

ATTEMPTS = "attempts.rows"
ARRIVALS = "arrivals.rows"


class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One HTTP link. *ca* is a file of certificates to trust when *upstream* is https, in place of the system's own.

    *listen* is the tap's port; None: any free one.
    """

    name: str
    upstream: str
    ca: str | None = None
    listen: int | None = None

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"{self.name!r} is not a name for a link; it must not be empty nor contain a slash")
        parts = urlsplit(self.upstream)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"upstream {self.upstream!r} of link {self.name} is not of the form http(s)://host[:port][/path]"
            )


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*rows* is the folder that gets the row files; *ready* the file that appears, whole, once every port is bound.

    *nonces*: how those of the run are known.
    *instrument* is the file to which it adds how late its loop runs; empty: none.
    """

    links: list[LinkConfig]
    rows: str
    seed: int
    ready: str
    nonces: Nonces = ANY_RUN
    instrument: str = ""

    def __post_init__(self) -> None:
        names = [link.name for link in self.links]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"links of the same name: {', '.join(twice)}; each name may be used once")


def config(
    upstreams: Mapping[str, str],
    *,
    rows: Path,
    seed: int,
    ready: Path,
    ca: Mapping[str, Path] | None = None,
    listen: Mapping[str, int] | None = None,
    nonces: Nonces = ANY_RUN,
    instrument: Path | None = None,
) -> bytes:
    """The content of a config file: *upstreams* by link name, and for some of them a file of certificates, or a port.

    Raises ValueError for a name or an upstream that cannot be used.
    """
    trusted = {name: str(path) for name, path in (ca or {}).items()}
    ports = listen or {}
    links = [LinkConfig(name, upstream, trusted.get(name), ports.get(name)) for name, upstream in upstreams.items()]
    return msgspec.json.encode(Config(links, str(rows), seed, str(ready), nonces, str(instrument or "")))


def load(path: Path) -> Config:
    """The config in *path*. Raises ValueError that says what is wrong, OSError where it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Config)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}") from error
