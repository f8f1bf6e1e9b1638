"""``python -m harness.reference.names``: an assistant that looks up its provider at a resolver of its own, in two forms.

``POST /ask`` is answered from the provider, tried once; each new connection looks up its name first. As clients do that have a resolver:
it waits for an address for as long as for an answer, and has none where the lookup fails. With ``--resilient``: it waits a moment, and
goes on with the last addresses that it was told where no other is to be had, as RFC 8767 has resolvers do, or where the new one refuses.
"""

from __future__ import annotations

import socket

import aiohttp
import dns.asyncresolver
import dns.exception
import msgspec
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from harness.reference.assistant import MODEL, Ask, prompt
from harness.reference.corpus import facts, retrieve
from harness.reference.small_service import answering, listen, of_two_forms

TIMEOUT_S = 2.5
A_MOMENT_S = 0.5
KNOWN = 3


class Lookups(AbstractResolver):
    """Looks up names at the resolver at *address*, and waits *within_s* for each."""

    def __init__(self, address: str, within_s: float) -> None:
        host, _, port = address.rpartition(":")
        self._asked = dns.asyncresolver.Resolver(configure=False)
        self._asked.nameservers, self._asked.port = [host], int(port)
        self._asked.lifetime = within_s

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [_result(host, address, port) for address in await self.addresses(host)]

    async def addresses(self, host: str) -> list[str]:
        """Where *host* is; raises OSError where nobody says."""
        try:
            return [record.to_text() for record in await self._asked.resolve(host, "A")]
        except dns.exception.DNSException as error:
            raise OSError(f"{host} cannot be looked up: {error}") from error

    async def close(self) -> None:
        """Nothing is kept open."""


class LastKnown(Lookups):
    """As those, and knows the last addresses that it was told: they are tried after what is told now, or alone where nothing is."""

    def __init__(self, address: str, within_s: float) -> None:
        super().__init__(address, within_s)
        self._known: dict[str, list[str]] = {}

    async def addresses(self, host: str) -> list[str]:
        known = self._known.get(host, [])
        try:
            found = await super().addresses(host)
        except OSError:
            if not known:
                raise
            return known
        self._known[host] = list(dict.fromkeys([*found, *known]))[:KNOWN]
        return self._known[host]


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)


class Assistant:
    """Answers from the provider at *url*, whose name it looks up by *lookups*."""

    def __init__(self, url: str, lookups: Lookups) -> None:
        self._url, self._lookups = f"{url.rstrip('/')}/v1/chat/completions", lookups

    async def begin(self) -> None:
        # Each connection has its own lookup: whoever keeps addresses for longer than they may be kept goes on where nobody is.
        connector = aiohttp.TCPConnector(resolver=self._lookups, use_dns_cache=False, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), trust_env=False
        )

    async def end(self) -> None:
        await self._session.close()

    async def answer(self, question: str) -> str | None:
        """None where the provider gave no answer."""
        messages = prompt(question, facts(1).get(retrieve(question) or ""))
        try:
            async with self._session.post(self._url, json={"model": MODEL, "messages": messages}) as answered:
                told = await answered.json()
                if answered.status != 200:
                    return None
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return None
        return str(told["choices"][0]["message"]["content"] or "")


def application(assistant: Assistant) -> web.Application:
    """``POST /ask`` and ``GET /healthz``."""
    return answering(assistant, Ask, lambda asked: assistant.answer(asked.question), "the provider gave no answer")


def main() -> None:
    parser = of_two_forms(__doc__)
    parser.add_argument("--resolver", required=True, metavar="HOST:PORT")
    read = parser.parse_args()
    lookups = LastKnown(read.resolver, A_MOMENT_S) if read.resilient else Lookups(read.resolver, TIMEOUT_S)
    listen(application(Assistant(read.provider, lookups)), read.port)


if __name__ == "__main__":
    main()
