"""What the APIs that the provider speaks have in common: what a request asks for, and how an answer to it is worded."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import msgspec

from harness.simulated_provider.answers import Message
from harness.simulated_provider.tools import Call

JsonObject = dict[str, object]
Finish = Literal["stop", "length", "tool_calls"]
encode = msgspec.json.Encoder().encode


class Asked(NamedTuple):
    """A question as any of the APIs asks it. *limit*: so many tokens at most; *with_usage*: a stream is to end with what it came to."""

    messages: list[Message]
    model: str
    stream: bool = False
    limit: int | None = None
    with_usage: bool = True


class Usage(NamedTuple):
    tokens_in: int
    tokens_out: int


class Completion(NamedTuple):
    """What all of one answer has in common."""

    digest: str  # of the question
    created: int  # seconds since 1970
    model: str
    region: str
    tokens_in: int


class Events:
    """The events of one streamed answer to *asked*."""

    def __init__(self, completion: Completion, asked: Asked) -> None:
        self.completion, self.asked = completion, asked

    def begin(self) -> bytes:
        """What comes with the first piece, before it."""
        raise NotImplementedError

    def call(self, call: Call) -> bytes:
        """A call of a tool, in place of `begin` and all pieces."""
        raise NotImplementedError

    def content(self, text: str) -> bytes:
        """The next piece."""
        raise NotImplementedError

    def end(self, finish: Finish, usage: Usage) -> bytes:
        """What comes after the last piece."""
        raise NotImplementedError


class Api:
    """One way to ask for an answer, at *path*; its errors are worded as *dialect* words them."""

    path: ClassVar[str]
    dialect: ClassVar[str] = "openai"
    events: ClassVar[type[Events]]

    def read(self, body: bytes) -> Asked:
        """What *body* asks for. Raises msgspec.DecodeError."""
        raise NotImplementedError

    def whole(self, completion: Completion, text: str, finish: Finish, usage: Usage) -> bytes:
        """The answer to a request that does not stream."""
        raise NotImplementedError

    def calling(self, completion: Completion, call: Call, usage: Usage) -> bytes:
        """The same, where it is a call of a tool."""
        raise NotImplementedError


def event(said: JsonObject, name: str = "") -> bytes:
    """*said* as a server-sent event, called *name*."""
    return (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + encode(said) + b"\n\n"
