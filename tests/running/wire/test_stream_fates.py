"""What became of a streamed answer is known from outside: services made of a real SDK, and a provider that breaks its streams."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator

import httpx2
import openai
import pytest

from harness.judging.streams import Fate, Got, Spoken, fate
from harness.protocols.sketch import read, squeezed

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = ["Thirty days", " are what", " you have,", " whatever", " the reason", " is."]
SECOND = ["Within a month,", " please,", " and with", " the receipt."]


def stream(words: list[str], *, finish: str | None = "stop", end: bytes = b"0\r\n\r\n") -> bytes:
    """A stream that says *words*, whole but for what is left out; *end* is how its HTTP message ends."""
    choices: list[dict[str, object]] = [{"index": 0, "delta": {"content": word}} for word in words]
    if finish:
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    events = [{"id": "c", "object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
    said = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    said += b"data: [DONE]\n\n" if finish else b""
    return HEAD + b"%x\r\n%b\r\n" % (len(said), said) + end


CUT = b"40\r\nhalf"
"""A connection that is closed behind it was closed in the middle of an answer."""


class Service:
    """Asks at *port* by the SDK, as services are written."""

    def __init__(self, port: int, nonce: str, http_client: httpx2.Client) -> None:
        url = f"http://127.0.0.1:{port}/v1"
        self._client = openai.OpenAI(base_url=url, api_key="unused", max_retries=0, http_client=http_client)
        self._nonce = nonce
        self.finish = ""

    def pieces(self) -> Iterator[str]:
        messages = [{"role": "user", "content": f"How long? {self._nonce}"}]
        for chunk in self._client.chat.completions.create(model="m", messages=messages, stream=True):
            self.finish = chunk.choices[0].finish_reason or self.finish
            yield chunk.choices[0].delta.content or ""


def passing(service: Service) -> Got:
    """Passes on what comes, and says so when that breaks off."""
    said: list[str] = []
    try:
        said.extend(service.pieces())
    except (openai.APIError, httpx2.HTTPError):
        return Got(squeezed("".join(said)), taken=False)
    return Got(squeezed("".join(said)), taken=True, finish=service.finish)


def smoothing(service: Service) -> Got:
    """Ends every answer well, however it came."""
    return passing(service)._replace(taken=True, finish="stop")


def insisting(service: Service) -> Got:
    """Asks again when a stream breaks off, and goes on telling."""
    said = ""
    for _ in range(2):
        got = passing(service)
        said += got.text
        if got.taken:
            break
    return Got(said, taken=True, finish="stop")


CASES: list[tuple[str, Callable[[Service], Got], list[bytes], Fate]] = [
    ("whole", passing, [stream(FIRST)], "whole"),
    ("smoothed", smoothing, [stream(FIRST)], "whole"),
    ("ended cleanly without a finish", passing, [stream(FIRST[:3], finish=None)], "truncated_as_success"),
    ("broken off and told", passing, [stream(FIRST[:3], finish=None, end=CUT)], "error"),
    ("broken off and hidden", smoothing, [stream(FIRST[:3], finish=None, end=CUT)], "truncated_as_success"),
    ("cut short and told", passing, [stream(FIRST[:3], finish="length")], "whole"),
    ("cut short and hidden", smoothing, [stream(FIRST[:3], finish="length")], "truncated_as_success"),
    ("asked again", insisting, [stream(FIRST[:3], finish=None, end=CUT), stream(FIRST)], "duplicated"),
    ("asked another", insisting, [stream(FIRST[:3], finish=None, end=CUT), stream(SECOND)], "spliced"),
    ("asked once", insisting, [stream(FIRST)], "whole"),
]


@pytest.mark.parametrize(
    ("service", "streams", "became"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_became_of_it_is_seen_from_outside(
    wire, provider, kit, service: Callable[[Service], Got], streams: list[bytes], became: Fate
) -> None:
    waiting = list(streams)

    async def script(request, line) -> None:
        said = waiting.pop(0)
        line.write(said)
        if said.endswith(CUT):
            await line.flushed()
            line.close()

    provider.script = script
    with httpx2.Client(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as http_client:
        got = service(Service(wire.tap(), kit.NONCE, http_client))
    kit.eventually(lambda: len(wire.arrivals()) == len(streams))
    known = [(read(row.sketch), row.finish) for row in wire.arrivals()]
    # Other answers on this link name the reason for their end.
    spoken = [Spoken(text, finish, finishes=True) for text, finish in known if text]
    assert len(spoken) == len(streams)
    assert fate(got, spoken) == became
