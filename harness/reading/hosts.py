"""The addresses that a file names: read in one way by all who check them and all who connect, and whether each is on this machine."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

# A link's address, whole or in parts: that is one of ours.
_OUR_OWN = re.compile(r"[a-z]+://\{[^{}]*\.(?:url|host)\}(?::(?:\d+|\{[^{}]*\}))?(?=/|$)")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:(?P<user>[^/@]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._-]|\{[^{}]*\})*)(?::(?P<port>[^/@]*))?(?P<path>/[^@]*)?"
)
# RFC 3986, 3.2.1; what is left of a user when this is taken away, readers take for different things.
_NO_USER = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]")
_PORT = re.compile(r"[0-9]{1,5}|\{[^{}]+\}")
_HOST_ALONE = re.compile(r"(?:[^/@]*://)?([^/:@]*)")
_HOST_CHARS_MAX, _LABEL_CHARS_MAX = 253, 63  # RFC 1035, section 2.3.4
# Where one reader ends the host here, another reads on; and nobody sees what is no character.
_TREACHEROUS = {"#": "%23", "?": "%3F", "\\": "%5C"}


class Address(NamedTuple):
    """``scheme://user@host:port/path`` in its parts, each empty where there is none; placeholders stand in it as they are."""

    scheme: str
    user: str
    host: str
    port: str
    path: str


def address(text: str) -> Address:
    """The parts of *text*. Raises ValueError that says, in words that follow it, why it is no address that all read alike."""
    if unseen := next((c for c in text if not c.isprintable() or c.isspace()), None):
        raise ValueError(f"has {unseen!r} in it; an address has neither blanks nor control characters")
    if odd := next((c for c in text if c in _TREACHEROUS), None):
        raise ValueError(f"has a {odd} in it; one that is part of a name or a password is written {_TREACHEROUS[odd]}")
    match = _ADDRESS.fullmatch(text)
    if match is None or (match["scheme"] is None and "://" in text):
        where = "has more than one @ in it, or one behind a /; in a name or a password write %40, and %2F for a /"
        raise ValueError(where if "@" in text else _no_host(text))
    parts = Address(*(match[name] or "" for name in Address._fields))
    if match["user"] == "":
        raise ValueError("has an @ with nothing before it")
    if odd := next(iter(_NO_USER.sub("", _PLACEHOLDER.sub("", parts.user))), None):
        raise ValueError(f"has a {odd} before the @; in a name or a password write {quote(odd)}")
    if wrong := _wrong_host(parts.host):
        raise ValueError(wrong)
    if match["port"] is not None and not _is_port(parts.port):
        raise ValueError(f"has {parts.port!r} for a port; write a number from 1 to 65535")
    if odd := next((c for c in parts.path if not c.isascii()), None):
        raise ValueError(f"has a {odd} in its path; write it as it is sent, {quote(odd)}")
    if parts.scheme != parts.scheme.lower():
        raise ValueError(f"begins with {parts.scheme}://; write {parts.scheme.lower()}://")
    return parts


def _wrong_host(host: str) -> str:
    """Why nobody can be found by *host*; empty where somebody may be."""
    if not host:
        return "has no host"
    if host.startswith("[") and not _is_ipv6(host[1:-1]):
        return f"has {host} for a host; an IPv6 address stands in brackets, and nothing else"
    labels = _PLACEHOLDER.sub("0", host).split(".")
    if not all(labels[:-1] if len(labels) > 1 else labels):
        return "has a host with nothing before or behind one of its dots"
    if sum(map(len, labels)) + len(labels) - 1 > _HOST_CHARS_MAX or max(map(len, labels)) > _LABEL_CHARS_MAX:
        return f"has a host that is too long; a name has at most {_LABEL_CHARS_MAX} characters between its dots"
    return ""


def _no_host(text: str) -> str:
    """What is wrong with the host of *text*: it may be a name as people write it, of which the DNS has another form."""
    match = _HOST_ALONE.match(text)
    try:
        name = "" if match is None or match[1].isascii() else match[1].encode("idna").decode()
    except UnicodeError:
        name = ""
    what = "has a host that is no name and no IP address"
    return f"{what}; as the DNS has it, it is written {name}" if name else what


def host_of(text: str) -> str | None:
    """The host of an `address`; None where a placeholder stands for it, which is on this machine."""
    if _OUR_OWN.match(text if "://" in text else f"tcp://{text}"):
        return None
    try:
        return _PLACEHOLDER.sub("0", address(text).host).strip("[]")
    except ValueError:  # refused where it stands, and none of this machine's
        return text


def on_this_machine(host: str) -> bool:
    """Whether *host* is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and (not text.isdecimal() or 1 <= int(text) <= 65_535)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def password_of(url: str) -> str:
    """The password in *url*, as it is written there, or the user where that is all there is, as of a token; empty where there is none."""
    try:
        parts = urlsplit(url) if "://" in url else None
        return (parts.password or parts.username or "") if parts else ""
    except ValueError:  # as of an odd IPv6 address
        return ""
