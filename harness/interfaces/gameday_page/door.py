"""Who may come in to a page: who has its token, by an address that is this page's own, and from no other page.

The token comes once, in the address that is printed. A redirect takes it out of there, so that it stays neither in the address bar nor
in the browser's history. What is kept instead is a cookie that no script reads, that no other site can have sent along, and that is sent
below this day's own path alone: a cookie is the same for all ports of a machine, and services there write down what they are sent.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from hashlib import sha256
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

COOKIE = "gameday"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "harness",
}
COME_AGAIN = '<!doctype html><title>Game day</title><meta http-equiv="refresh" content="0">'
"""Whoever follows a link from another site comes without the cookie, and with it once they come from here."""


class Door:
    """Lets in who has *token*; *host* is where the page is served."""

    def __init__(self, token: str, host: str) -> None:
        self._token = token
        self._names = {"localhost", host.lower(), socket.gethostname().lower()}
        self._cookie = self._made("cookie")
        self.path = f"/{self._made('path')[:12]}/"

    def _made(self, what: str) -> str:
        """What stands for the token elsewhere, and does not tell it."""
        return hmac.new(self._token.encode(), what.encode(), sha256).hexdigest()

    @property
    def middleware(self) -> Middleware:
        @web.middleware
        async def stand_at(request: web.Request, handler: Handler) -> web.StreamResponse:
            answer = self._before(request)
            return await handler(request) if answer is None else answer

        return stand_at

    def _before(self, request: web.Request) -> web.StreamResponse | None:
        """What is answered to somebody who does not come in; None to who does. Raises `web.HTTPException`."""
        if not self._own_name(request.headers.get("Host", "")):
            raise web.HTTPForbidden(text="that is no name of this page; use the address that was printed")
        if request.method == "GET" and request.path == self.path and "token" in request.query:
            return self._enter(request)
        if not _same(request.cookies.get(COOKIE, ""), self._cookie):
            return self._without_cookie(request)
        self._of_this_page(request)
        return None

    def _own_name(self, host: str) -> bool:
        """An address can be no name that somebody else has pointed here meanwhile (DNS rebinding); any other name may be."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in self._names or bool(ipaddress.ip_address(name))
        except ValueError:
            return False

    def _enter(self, request: web.Request) -> web.StreamResponse:
        if not _same(request.query["token"], self._token):
            raise web.HTTPForbidden(text="the token is not this day's; use the address that was printed last")
        let_in = web.HTTPSeeOther(self.path)
        let_in.set_cookie(COOKIE, self._cookie, path=self.path, httponly=True, samesite="Strict")
        raise let_in

    def _without_cookie(self, request: web.Request) -> web.StreamResponse:
        if request.path == self.path and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            return web.Response(text=COME_AGAIN, content_type="text/html")
        raise web.HTTPForbidden(text="this page wants its token; use the address that was printed, with all of it")

    def _of_this_page(self, request: web.Request) -> None:
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if request.path != self.path and site not in ("same-origin", "none"):
            raise web.HTTPForbidden(text="only this page itself may ask for that")
        origin = request.headers.get("Origin", "").lower().partition("://")[2]
        if request.method == "POST" and origin != request.headers["Host"].lower():
            raise web.HTTPForbidden(text="only this page itself may say something: its Origin has to be its own")


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Puts HEADERS into every answer."""
    response.headers.update(HEADERS)


def _same(said: str, right: str) -> bool:
    """Compared in a time that tells nothing of how much of *said* is right."""
    return hmac.compare_digest(said.encode("utf-8", "replace"), right.encode("utf-8", "replace"))
