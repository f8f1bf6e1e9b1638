"""``python -m harness.reference.ledger``: where a service books what it does in the world; it outlives the service.

``POST /bookings`` takes ``{order, key}``; what comes again under one key is one booking, and what has none is one each time. ``GET
/bookings`` tells all of them. It stands for a payment provider, a shop or a mail server: for what nobody can take back.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from harness.reference.small_service import body, command_line, listen


class Booking(msgspec.Struct, frozen=True):
    """What was booked; *key* is its idempotency key, if it has one."""

    order: str
    key: str = ""


def application() -> web.Application:
    bookings: list[str] = []
    keys: set[str] = set()

    async def book(request: web.Request) -> web.Response:
        booking = await body(request, Booking, "booking")
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
    parser = command_line(__doc__)
    read = parser.parse_args()
    listen(application(), read.port)


if __name__ == "__main__":
    main()
