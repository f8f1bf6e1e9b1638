"""What a resolver answers whoever looks up a name: out of bytes and into bytes, as DNS has them (RFC 1035)."""

from __future__ import annotations

import struct
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from harness.faults.effects import NOWHERE
from harness.running.wire.tap.passage import Named

_RCODES = {"no_such_name": dns.rcode.NXDOMAIN, "server_failure": dns.rcode.SERVFAIL}


class Asked(NamedTuple):
    """One *query*, for *name*, in small letters and without its last dot; *address*: for that of it (A), and for nothing else."""

    query: dns.message.Message
    name: str
    address: bool


def read(data: bytes) -> Asked | None:
    """The question in *data*; None for what is none."""
    try:
        query = dns.message.from_wire(data)
    except (dns.exception.DNSException, struct.error):
        return None
    if query.flags & dns.flags.QR or query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        return None
    (question,) = query.question
    of_the_internet = question.rdclass == dns.rdataclass.IN
    name = question.name.to_text(omit_final_dot=True).lower()
    return Asked(query, name, of_the_internet and question.rdtype == dns.rdatatype.A)


def refused(asked: Asked) -> bytes:
    """That nothing is known here of that name, nor asked elsewhere."""
    reply = dns.message.make_response(asked.query, recursion_available=True)
    reply.set_rcode(dns.rcode.REFUSED)
    return reply.to_wire()


def answer(asked: Asked, named: Named, address: str, ttl_s: int, *, whole: bool) -> bytes | None:
    """What is said to *asked*, as *named* has it: else *address*, which may be kept for *ttl_s*. None: nothing.

    *whole*: it fits whatever it is, since it is asked over TCP.
    """
    if named.answer == "nothing":
        return None
    reply = dns.message.make_response(asked.query, recursion_available=True)
    if named.answer == "truncated" and not whole:
        reply.flags |= dns.flags.TC
        return reply.to_wire()
    reply.set_rcode(_RCODES.get(named.answer, dns.rcode.NOERROR))
    if named.answer == "nowhere":
        address, ttl_s = NOWHERE, named.ttl_s
    if asked.address and named.answer in ("", "truncated", "nowhere"):
        reply.answer.append(dns.rrset.from_text(asked.query.question[0].name, ttl_s, "IN", "A", address))
    elif named.answer != "server_failure":
        reply.authority.append(_kept_for(asked, named.ttl_s if named.answer else ttl_s))
    return reply.to_wire()


def _kept_for(asked: Asked, ttl_s: int) -> dns.rrset.RRset:
    """What says for how long it may be kept that there is nothing (RFC 2308, 5)."""
    name = asked.query.question[0].name
    zone = name.parent() if len(name.labels) > 1 else name
    return dns.rrset.from_text(
        zone, ttl_s, "IN", "SOA", f"ns.resilience-harness. nobody.resilience-harness. 1 60 60 60 {ttl_s}"
    )
