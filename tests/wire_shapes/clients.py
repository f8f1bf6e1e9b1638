"""What real clients do: each entry is a call of one, made directly and through the wire, and what the provider says to it."""

from __future__ import annotations

import asyncio
import gzip
import io
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import aiohttp
import brotli
import httpx2
import openai
import requests

from wire_shapes.shape import EVENTS, JSON, answered, chunked

_ABOUT = b'"id":"c","object":"%b","created":1,"model":"m"'
_CHOICE = b'{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Good day"}}'
_USAGE = b'"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}'
_CHAT = b'{%b,"choices":[%b],%b}' % (_ABOUT % b"chat.completion", _CHOICE, _USAGE)
_DELTA = b'{%b,"choices":[{"index":0,"delta":{"content":"Good %%d"}}]}' % (_ABOUT % b"chat.completion.chunk")
_CHUNK = b"data: %b\n\n" % _DELTA
_DONE = b"data: [DONE]\n\n"
_NO_UTF_8 = chunked(_CHUNK % 0, (_CHUNK % 1).replace(b"Good", b"G\xffd"), _DONE)
_STREAM = chunked(*(_CHUNK % number for number in range(20)), _DONE)
_VECTOR = b'{"object":"embedding","index":0,"embedding":[0.5,0.25]}'
_EMBEDDINGS = b'{"object":"list","model":"m","data":[%b],"usage":{"prompt_tokens":1,"total_tokens":1}}' % _VECTOR
_FILE = b'{"id":"f","object":"file","bytes":1,"created_at":1,"filename":"a","purpose":"batch","status":"processed"}'
_QUESTION: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "Hello n-00000000aa"}]
_GZIP = b"Content-Encoding: gzip\r\n"
_LARGE = "x" * (1 << 21)


@dataclass(frozen=True)
class Use:
    """*call* gets the address of a provider that *answers* each request so; the row's *statuses* are these, in order.

    *early*: the provider answers at the head of a request. *fails*: the client makes an error of it.
    """

    name: str
    call: Callable[[str], object]
    answers: bytes
    statuses: tuple[int, ...] = (200,)
    early: bool = False
    fails: bool = False

    def __str__(self) -> str:
        return self.name


def _openai(url: str, *, retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-x", max_retries=retries, timeout=10)


def _chat(url: str, *, retries: int = 0, content: str = "") -> object:
    question: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": content}]
    with _openai(url, retries=retries) as client:
        said = client.chat.completions.create(model="m", messages=question if content else _QUESTION)
    return said.model_dump()


def _stream(url: str) -> object:
    with _openai(url) as client, client.chat.completions.create(model="m", messages=_QUESTION, stream=True) as stream:
        return [event.model_dump() for event in stream]


async def _stream_async(url: str) -> object:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-x", max_retries=0, timeout=10) as client:
        stream = await client.chat.completions.create(model="m", messages=_QUESTION, stream=True)
        return [event.model_dump() async for event in stream]


def _embeddings(url: str) -> object:
    with _openai(url) as client:
        return client.embeddings.create(model="m", input=["a", "b"], encoding_format="float").model_dump()


def _upload(url: str) -> object:
    with _openai(url) as client:
        return client.files.create(file=("a.jsonl", io.BytesIO(b"{}\n" * 400_000)), purpose="batch").model_dump()


def _pieces() -> Iterator[bytes]:
    for number in range(50):
        yield b"piece %d, n-00000000aa " % number * 100


def _httpx(url: str, **same: object) -> object:
    with httpx2.Client(timeout=10) as client:
        said = client.post(f"{url}/v1/x", **same)  # type: ignore[arg-type] - what its callers give
        return said.status_code, said.content


def _requests(url: str, **same: object) -> object:
    said = requests.post(f"{url}/v1/x", timeout=10, **same)  # type: ignore[arg-type] - as above
    return said.status_code, said.content


async def _aiohttp(url: str, **same: object) -> object:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/v1/x", **same) as said:  # type: ignore[arg-type] - as above
        return said.status, await said.read()


def _urllib(url: str) -> object:
    with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as said:
        return said.status, said.read()


_BUSY = answered(
    b'{"error":{"message":"busy"}}', line=b"HTTP/1.1 429 Too Many Requests", headers=JSON + b"retry-after-ms: 1\r\n"
)
_UNAUTHORIZED = answered(b'{"error":{"message":"no"}}', line=b"HTTP/1.1 401 Unauthorized")
_TOO_LARGE = answered(
    b'{"error":{"message":"large"}}', line=b"HTTP/1.1 413 Content Too Large", headers=JSON + b"Connection: close\r\n"
)

USES = [
    Use("openai: a chat", _chat, answered(_CHAT)),
    Use("openai: a chat of 2 MB", lambda url: _chat(url, content=_LARGE), answered(_CHAT)),
    Use("openai: a chat whose head is lenient", _chat, answered(_CHAT, headers=JSON + b"X-A: 1\r\n  2\r\n")),
    Use("openai: a stream", _stream, _STREAM),
    Use("openai: a stream without its mark of the end", _stream, chunked(*(_CHUNK % number for number in range(3)))),
    Use("openai: a stream whose last event has no blank line", _stream, chunked(_CHUNK % 0, _DONE.rstrip())),
    Use("openai: a stream with a byte that is no UTF-8", _stream, _NO_UTF_8, fails=True),
    Use("openai: a stream in gzip", _stream, answered(gzip.compress(_CHUNK % 0 + _DONE), headers=EVENTS + _GZIP)),
    Use("openai: a stream, asynchronously", lambda url: asyncio.run(_stream_async(url)), _STREAM),
    Use("openai: embeddings", _embeddings, answered(_EMBEDDINGS)),
    Use("openai: a file in parts", _upload, answered(_FILE)),
    Use("openai: not let in", _chat, _UNAUTHORIZED, statuses=(401,), fails=True),
    Use("openai: busy, and tried again twice", lambda url: _chat(url, retries=2), _BUSY, statuses=(429,) * 3, fails=True),
    Use("openai: too large, told at its head", lambda url: _chat(url, content=_LARGE), _TOO_LARGE, statuses=(413,), early=True, fails=True),
    Use("httpx: a body without a length", lambda url: _httpx(url, content=_pieces()), answered()),
    Use("httpx: brotli", lambda url: _httpx(url, json={}), answered(brotli.compress(b"{}"), headers=JSON + b"Content-Encoding: br\r\n")),
    Use("requests: a body without a length", lambda url: _requests(url, data=_pieces()), answered()),
    Use("requests: gzip", lambda url: _requests(url, json={}), answered(gzip.compress(b"{}"), headers=JSON + _GZIP)),
    Use("aiohttp: waits until told to go on", lambda url: asyncio.run(_aiohttp(url, data=b"x" * 70_000, expect100=True)), answered()),
    Use("aiohttp: a compressed body", lambda url: asyncio.run(_aiohttp(url, data=b"x" * 70_000, compress="deflate")), answered()),
    Use("urllib: a GET", _urllib, answered()),
]  # fmt: skip
