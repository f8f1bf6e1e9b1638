"""How a connection to a provider comes about: straight, or through an HTTP proxy by CONNECT, and with TLS where that is asked for."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from harness.http1.answer_head import END_OF_HEAD
from harness.http1.headers import Headers, written

_AGREED_WITHIN_S = 30.0
_HEAD_BYTES_MAX = 1 << 16
_REASON_CHARS_MAX = 200

Spoken = TypeVar("Spoken", bound=asyncio.Protocol)


class ProxyError(OSError):
    """The proxy on the way was not reached, or refused to lead on; it says which proxy, and never its password."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """The way to *host*:*port*, by TLS if *tls*, through *proxy* if that is a URL; a dial that fails raises OSError."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: str = field(default="", repr=False)

    async def __call__(self, new: Callable[[], Spoken]) -> Spoken:
        """A connection that speaks as *new* does."""
        loop = asyncio.get_running_loop()
        if self.proxy:
            return await self._through_proxy(new)
        name = self._certified if self.tls else None
        _, spoken = await loop.create_connection(new, self.host, self.port, ssl=self.tls, server_hostname=name)
        return spoken

    @property
    def _certified(self) -> str:
        """The name for which a certificate is made: without the dot that says that it is whole."""
        return self.host.removesuffix(".")

    def why(self, error: Exception) -> str:
        """Why there was no connection to be had, as the system told it in *error*, and where to."""
        match error:
            case ProxyError():
                what = str(error)
            case _:
                what = _why(error)
        return f"{self.host}:{self.port}: {what}"

    async def _through_proxy(self, new: Callable[[], Spoken]) -> Spoken:
        transport = await self._agreed()
        try:
            spoken = new()
            if self.tls is not None:
                loop = asyncio.get_running_loop()
                over = await loop.start_tls(transport, spoken, self.tls, server_hostname=self._certified)
                assert over is not None
                transport = over
            else:
                transport.set_protocol(spoken)
            spoken.connection_made(transport)
        except BaseException:
            transport.abort()
            raise
        return spoken

    async def _agreed(self) -> asyncio.Transport:
        """A connection to the proxy, which from now on leads to the provider."""
        parts = urlsplit(self.proxy)
        host, port = parts.hostname or "", parts.port or 80
        proxy = f"the proxy {host}:{port}"
        loop = asyncio.get_running_loop()
        try:
            transport, answer = await loop.create_connection(_Agreement, host, port)
        except OSError as error:
            raise ProxyError(f"{proxy} was not reached: {_why(error)}") from error
        try:
            transport.write(self._ask(parts.username, parts.password))
            await asyncio.wait_for(answer.agreed, _AGREED_WITHIN_S)
        except BaseException as error:
            transport.abort()
            if isinstance(error, TimeoutError):
                raise ProxyError(f"{proxy} did not answer within {_AGREED_WITHIN_S:g} s") from error
            if isinstance(error, OSError):
                raise ProxyError(f"{proxy} {error}") from error
            raise
        return transport

    def _ask(self, user: str | None, password: str | None) -> bytes:
        name = f"[{self.host}]" if ":" in self.host else self.host
        there = b"%b:%d" % (name.encode("ascii" if name.isascii() else "idna"), self.port)
        headers: Headers = [(b"Host", there)]
        if user is not None:
            secret = f"{unquote(user)}:{unquote(password or '')}".encode()
            headers.append((b"Proxy-Authorization", b"Basic " + base64.b64encode(secret)))
        return written(b"CONNECT %b HTTP/1.1" % there, headers)


class _Agreement(asyncio.Protocol):
    """Waits until a proxy says whether it leads on."""

    def __init__(self) -> None:
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        end = END_OF_HEAD.search(self._heard)
        if end is None and len(self._heard) <= _HEAD_BYTES_MAX and b"HTTP/1.".startswith(self._heard[:7]):
            return
        first = self._heard.partition(b"\n")[0].decode("latin-1")
        words = first.rstrip("\r").split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or end is None:
            self._fail("answered with what is no HTTP")
        elif not words[1].startswith("2"):
            self._fail(f"refused: {_uncut(words[1:])}")
        elif end.end() < len(self._heard):
            self._fail("said something before it was asked")
        elif not self.agreed.done():
            self.agreed.set_result(None)

    def eof_received(self) -> None:
        self._fail("closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("closed the connection")

    def _fail(self, what: str) -> None:
        if not self.agreed.done():
            self.agreed.set_exception(OSError(what))


def _uncut(words: list[str]) -> str:
    """A status and why; of what is long nothing but the status, since no mask knows the rest of a secret that was cut."""
    said = " ".join(words)
    return said if len(said) <= _REASON_CHARS_MAX else words[0][:3]


def _why(error: Exception) -> str:
    match error:
        case socket.gaierror():
            return f"the name could not be resolved ({error.strerror})"
        case ssl.SSLCertVerificationError():
            return f"TLS failed, its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or error}"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionResetError():
            return str(error) or "the connection was reset"
        case OSError(strerror=str(told)):
            return told
        case _:
            return f"{type(error).__name__}: {error}"
