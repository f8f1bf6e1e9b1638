"""A request at an edge as rules see it: each thing of it is worked out when the first who needs it asks, and once."""

from __future__ import annotations

import time
from hashlib import blake2b

from propcache.api import cached_property

from harness.http1.headers import Headers
from harness.http1.request import Request
from harness.protocols.asked_for import model_in, streams_at
from harness.protocols.nonce import lot
from harness.protocols.tool_use import listed
from harness.record.rows import Arrival
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.prompt import Prompt, PromptReading
from harness.running.wire.edge.rules.base import Asked


class SeenAttempt:
    """The attempt that *request* is, for which *arrival* has begun in *account*; *reading* has read as much of it as has come."""

    def __init__(self, account: Account, request: Request, arrival: Arrival, reading: PromptReading) -> None:
        self.lot, self.path, self.connection = lot(arrival.nonce), arrival.path, arrival.connection
        self.method = request.method.decode("latin-1")
        self.arrival, self.reading = arrival, reading
        self._account, self._request = account, request

    @cached_property
    def prompt(self) -> Prompt:
        """What its body says."""
        return self.reading.prompt

    @cached_property
    def messages_sha256(self) -> str:
        """As in `Prompt`; empty where that cannot be read."""
        try:
            return self.prompt.messages_sha256
        except Exception as error:  # noqa: BLE001 - as `LookingOn` says
            self.reading.looking.note(error)
        return ""

    @property
    def tools(self) -> tuple[str, str]:
        """The names of the tools that it offers, and of those whose results it brings, as `protocols.tool_use` writes them."""
        try:
            return listed(self.prompt.tools_offered), listed(self.prompt.tool_results)
        except Exception as error:  # noqa: BLE001 - as `LookingOn` says
            self.reading.looking.note(error)
        return "", ""

    @cached_property
    def number(self) -> int:
        """As in `Attempt`; it is counted when this is asked for the first time."""
        call = f"{self._request.method!r} {self.path} {self.messages_sha256}"
        return self._account.tries.next(self.lot, call)

    @cached_property
    def model(self) -> str:
        return self.prompt.model or model_in(self.path)

    @cached_property
    def stream(self) -> bool:
        return streams_at(self.path) or self.prompt.streams

    @cached_property
    def last_role(self) -> str:
        return self.prompt.last_role

    @cached_property
    def conversation(self) -> int | None:
        return self._account.conversation_of(self.arrival.nonce)


class Seen(Asked):
    """The request with *headers* that is *attempt*, the newest in *account*."""

    def __init__(self, account: Account, attempt: SeenAttempt, headers: Headers) -> None:
        super().__init__(attempt, headers, b"", "", attempt.arrival.start_s, account.words, at_s=time.time())
        self._seen, self._ordinal = attempt, account.arrivals.begun[account.link]

    @property
    def body(self) -> bytes:
        return self._seen.reading.body

    @property
    def prompt(self) -> Prompt:
        return self._seen.prompt

    @cached_property
    def request_id(self) -> str:
        arrival = self._seen.arrival
        identity = f"{arrival.link}/{arrival.nonce}/{self._ordinal}"
        return "req_" + blake2b(identity.encode(), digest_size=16).hexdigest()
