"""The hosts that a file names, and whether each is this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# A link's address, whole or in parts: that is one of ours.
_OUR_OWN = re.compile(r"[a-z]+://\{[^{}]*\.(?:url|host)\}(?::(?:\d+|\{[^{}]*\}))?(?=[/?#]|$)")


def host_of(url: str) -> str | None:
    """The host of a URL or of ``host:port``; None where a placeholder stands for it, which is on this machine."""
    bare = url if "://" in url else f"tcp://{url}"
    if _OUR_OWN.match(bare):
        return None
    try:
        return urlsplit(re.sub(r"\{[^}]*\}", "0", bare)).hostname
    except ValueError:  # as of an odd IPv6 address; it is none of this machine's
        return bare.partition("://")[2]


def on_this_machine(host: str) -> bool:
    """Whether *host* is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
