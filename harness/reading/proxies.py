"""Through which HTTP proxy an address is reached, as ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from harness.reading.hosts import address, on_this_machine

_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, environment: Mapping[str, str]) -> str:
    """The proxy through which the HTTP server at *url* is reached; empty where it is reached directly, as all of this machine are.

    As elsewhere, a variable in lower case goes before the same in upper case. Raises ValueError that names the variable where its proxy
    is of a kind that cannot be used; what it holds is not quoted, since a password may be in it.
    """
    parts = address(url)
    host = parts.host.strip("[]")
    if on_this_machine(host):
        return ""
    # The port of something that the harness starts is not known before, and none that a variable could name.
    port = int(parts.port) if parts.port.isdecimal() else _PORTS.get(parts.scheme, 0) if not parts.port else 0
    if _excepted(host.lower(), port, no_proxy(environment)):
        return ""
    for name in (f"{parts.scheme.upper()}_PROXY", "ALL_PROXY"):
        variable, said = _said(name, environment)
        if said:
            return _checked(variable, said if "://" in said else f"http://{said}", host)
    return ""


def no_proxy(environment: Mapping[str, str]) -> str:
    """What is reached directly, as ``NO_PROXY`` says it; empty where it says nothing."""
    return _said("NO_PROXY", environment)[1]


def _checked(variable: str, proxy: str, host: str) -> str:
    if not _is_usable(proxy):
        raise ValueError(
            f"{variable} names no HTTP proxy that can be used on the way to {host}; write {variable}=http://[user:password@]host:port, "
            f"or add {host} to NO_PROXY"
        )
    return proxy


def _is_usable(proxy: str) -> bool:
    try:
        scheme = address(proxy).scheme
    except ValueError:
        return False
    return scheme == "http" and "{" not in proxy


def _said(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The variable that says it, and what it says."""
    said = name.lower() if name.lower() in environment else name
    return said, environment.get(said, "").strip()


def _excepted(host: str, port: int, no_proxy: str) -> bool:
    return any(_names(word, host, port) for word in no_proxy.lower().replace(",", " ").split())


def _names(word: str, host: str, port: int) -> bool:
    """Whether *word* of a ``NO_PROXY`` means *host*: all, the host or a domain of it, also with a port, or a network."""
    if word == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(word, strict=False)
    except ValueError:
        pass  # not both of them are addresses
    name, colon, its_port = word.rpartition(":")
    if colon and its_port.isdigit():
        if int(its_port) != port:
            return False
        word = name.strip("[]")
    word = word.removeprefix("*").removeprefix(".")
    return bool(word) and (host == word or host.endswith(f".{word}"))
