"""Connections to the entries of the target, kept open and used again; only the load child imports this."""

from __future__ import annotations

import errno
from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from gevent import socket, ssl

# Servers close idle connections after 5 s or more. One that is closed just as it is used again would look like a fault
# of the target.
IDLE_S_MAX = 2.0
# Of a machine, or a container, that speaks no IPv6, where a name has an address of that kind as well.
_NO_WAY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EHOSTUNREACH})


class Connections:
    """Connections to the host of *url*; idle ones are used again, the last used first.

    The host's addresses are looked up at once, and again with each request as long as that fails.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = _verifying() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._idle: list[tuple[socket.socket, float]] = []
        self._addresses: list[tuple[int, tuple[object, ...]]] = []
        with suppress(OSError):  # each request will say so
            self._look_up()

    def take(self, timeout_s: float) -> tuple[socket.socket, bool]:
        """A connection, and whether it has been used before. Raises OSError; TimeoutError after *timeout_s*."""
        while self._idle:
            sock, since_s = self._idle.pop()
            if monotonic() - since_s <= IDLE_S_MAX and _is_silent(sock):
                return sock, True
            sock.close()
        if not self._addresses:
            self._look_up()
        return self._connect(monotonic() + timeout_s), False

    def give_back(self, sock: socket.socket) -> None:
        """Keep *sock*, on which nothing is owed, for another request."""
        self._idle.append((sock, monotonic()))

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[0].close()

    def _look_up(self) -> None:
        found = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)
        self._addresses = [(family, address) for family, _, _, _, address in found]

    def _connect(self, deadline_s: float) -> socket.socket:
        """The first of the addresses that accepts; localhost may be two, and no way may lead to one of them."""
        refusal: OSError | None = None
        for family, address in self._addresses:
            try:
                return self._connect_to(family, address, deadline_s)
            except ConnectionRefusedError as error:
                refusal = error
            except OSError as error:
                if error.errno not in _NO_WAY:
                    raise
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    def _connect_to(self, family: int, address: tuple[object, ...], deadline_s: float) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(deadline_s - monotonic(), 0.001))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._tls:
                return sock
            sock.settimeout(max(deadline_s - monotonic(), 0.001))
            # Certificates are made for names without the dot that says that they are whole.
            return self._tls.wrap_socket(sock, server_hostname=self._host.removesuffix("."))
        except BaseException:
            sock.close()
            raise


def _is_silent(sock: socket.socket) -> bool:
    """An idle connection has nothing to say: a byte, or an end, means that it is of no use."""
    sock.settimeout(0.0)
    try:
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        pass
    return False


def _verifying() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context
