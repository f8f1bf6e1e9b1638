"""``python -m harness.reference.ledger``: where a service books what it does in the world; it outlives the service.

``POST /bookings`` takes ``{order, key}``; what comes again under one key is one booking, and what has none is one each time. ``GET
/bookings`` tells all of them. It stands for a payment provider, a shop or a mail server: for what nobody can take back.
"""

from __future__ import annotations

import argparse

import msgspec
from aiohttp import web


class Booking(msgspec.Struct, frozen=True):
    """What was booked; *key* is its idempotency key, if it has one."""

    order: str
    key: str = ""


def application() -> web.Application:
    bookings: list[str] = []
    keys: set[str] = set()

    async def book(request: web.Request) -> web.Response:
        try:
            booking = msgspec.json.decode(await request.read(), type=Booking)
        except msgspec.DecodeError as problem:
            return web.json_response({"error": f"the body is no booking: {problem}"}, status=400)
        if not booking.key or booking.key not in keys:
            bookings.append(booking.order)
            keys.add(booking.key)
        return web.json_response({})

    async def tell(_: web.Request) -> web.Response:
        return web.json_response({"bookings": bookings})

    app = web.Application()
    app.add_routes([web.post("/bookings", book), web.get("/bookings", tell)])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m harness.reference.ledger", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    read = parser.parse_args()
    web.run_app(application(), host="127.0.0.1", port=read.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
