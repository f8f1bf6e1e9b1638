"""What the wire process is told when it starts, as one JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from harness.dialects import dialects
from harness.protocols.nonce import ANY_RUN, Nonces
from harness.record.own_file import write_new
from harness.registry import suggestion

ATTEMPTS = "attempts.rows"
ARRIVALS = "arrivals.rows"
TRAFFIC = "traffic.rows"

Carries = Literal["http", "redis", "tcp"]
Host = Literal["upstream", "keep"]


class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One link. Raises ValueError for a name or an upstream that cannot be used.

    Only what *carries* HTTP has an edge, and so an *upstream* and an *api*, in whose words that answers in the provider's place.
    *listen* is the tap's port; None: any free one. *host*: which ``Host`` the provider is told, its own or the client's.
    *ca* is a file with an authority that can vouch for the provider, *proxy* the address of the HTTP proxy through which it is reached.
    Links of one *account* share their limits; empty: it has one of its own.
    *credential* is the key that the target presents to this provider and to no other.
    *at* is the address of this machine at which the tap listens: loopback, or one that containers reach.
    *gated*: commands on a link that *carries* ``redis`` may be answered in the server's place, for which all on it is read from the first
    byte of each connection on.
    *tls* is the folder with the certificates that clients are shown, as `tap.tls.contexts` has it; empty: they speak in clear.
    *dns* is the name by which it is looked up at the run's resolver, whose answers may be kept for *ttl_s*; empty: it is not.
    """

    name: str
    upstream: str = ""
    listen: int | None = None
    carries: Carries = "http"
    api: str = "openai"
    host: Host = "upstream"
    ca: str = ""
    proxy: str = ""
    account: str = ""
    credential: str = ""
    at: str = "127.0.0.1"
    gated: bool = False
    tls: str = ""
    dns: str = ""
    ttl_s: int = 0

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"{self.name!r} is not a name for a link; it must not be empty nor contain a slash")
        if self.gated and self.carries != "redis":
            raise ValueError(f"link {self.name} carries {self.carries}, and only commands of Redis are answered")
        if self.carries != "http":
            return
        if self.api not in dialects:
            raise ValueError(f"link {self.name}: unknown api {self.api!r}; {suggestion(self.api, list(dialects))}")
        parts = urlsplit(self.upstream)
        usable = parts.scheme in ("http", "https") and _is_name(parts.hostname or "")
        if not usable or parts.query or parts.fragment:
            raise ValueError(
                f"upstream {self.upstream!r} of link {self.name} is not of the form http(s)://host[:port][/path]"
            )


def _is_name(host: str) -> bool:
    """Whether *host* can be asked for: no label of it is empty, or longer than 63 characters (RFC 1035, 2.3.4)."""
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """*rows* is the folder that gets the row files; *ready* the file that appears, whole, once every port is bound.

    *nonces*: how those of the run are known; *conversations*: how many go on at once, of which its requests are turns, one after the other.
    *resolver* is the port at which names are looked up; None: any free one.
    *instrument* is the file to which it adds how late its loop runs; empty: none. No row may tell the *secrets*, which are by name.
    """

    links: list[LinkConfig]
    rows: str
    seed: int
    ready: str
    nonces: Nonces = ANY_RUN
    conversations: int = 0
    instrument: str = ""
    secrets: dict[str, str] = {}
    resolver: int | None = None

    def __post_init__(self) -> None:
        names = [link.name for link in self.links]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"links of the same name: {', '.join(twice)}; each name may be used once")


def write(config: Config, path: Path) -> None:
    """Write *config* to a new file that only its owner can read, since it holds secrets."""
    write_new(path, msgspec.json.encode(config))


def load(path: Path) -> Config:
    """The config in *path*. Raises ValueError that says what is wrong, OSError where it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Config)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}") from error
