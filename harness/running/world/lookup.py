"""One active look at what is told to who looks up a name, by one datagram, so that nothing asks again behind it."""

from __future__ import annotations

import socket
import time

from harness.faults.effects import NOWHERE, Outcome, Probe

_ANSWERS: dict[str, Outcome] = {"NXDOMAIN": "no_such_name", "SERVFAIL": "server_failure"}


def look_up(link: str, name: str, port: int, timeout_s: float) -> Probe:
    """What the resolver at *port* of 127.0.0.1 says of *name*, by which *link* is reached, within *timeout_s*.

    ``named``: an address, and not that of nobody; else what was told in its place, ``silent`` where nothing was, and ``refused`` where
    nobody listens. Raises OSError when this machine cannot try.
    """
    import dns.message  # only who looks at names waits for it

    query = dns.message.make_query(name, "A")
    start_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(max(0.001, timeout_s))
        asking.connect(("127.0.0.1", port))
        try:
            asking.send(query.to_wire())
            said = asking.recv(1 << 16)
        except TimeoutError:
            return Probe(link, "silent", time.monotonic() - start_s)
        except ConnectionRefusedError:
            return Probe(link, "refused", time.monotonic() - start_s)
    return Probe(link, _outcome(said), time.monotonic() - start_s)


def _outcome(said: bytes) -> Outcome:
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rdatatype

    reply = dns.message.from_wire(said)
    if reply.flags & dns.flags.TC:
        return "truncated"
    if (rcode := dns.rcode.to_text(reply.rcode())) != "NOERROR":
        return _ANSWERS.get(rcode, "closed")
    told = [record.to_text() for one in reply.answer if one.rdtype == dns.rdatatype.A for record in one]
    if not told:
        return "no_address"
    return "nowhere" if NOWHERE in told else "named"
