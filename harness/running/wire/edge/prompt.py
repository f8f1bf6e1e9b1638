"""What a request says, read on the way through: the nonce, the model, a digest of the messages."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from propcache.api import cached_property

from harness.http1.headers import Headers
from harness.protocols.nonce import Nonces, NonceSearch, without
from harness.protocols.tool_use import offered, results
from harness.running.wire.edge.usage import CHARACTERS_PER_TOKEN, UNREADABLE, characters_in, count_of
from harness.running.wire.looking_on import LookingOn
from harness.running.wire.secrets import SECRET

READ_BYTES_MAX = 1 << 19
"""A longer body is not read beyond its nonce: to parse and digest one of 10 MB would hold up all else for 50 ms."""


class _Body(msgspec.Struct):
    """Of OpenAI's chats and responses, Anthropic's messages and Gemini's."""

    model: Any = None
    messages: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()
    contents: msgspec.Raw = msgspec.Raw()
    system: msgspec.Raw = msgspec.Raw()  # Anthropic, Bedrock
    instructions: msgspec.Raw = msgspec.Raw()  # OpenAI's responses
    systemInstruction: msgspec.Raw = msgspec.Raw()  # Gemini  # noqa: N815 - its name there
    tools: msgspec.Raw = msgspec.Raw()
    toolConfig: msgspec.Raw = msgspec.Raw()  # Bedrock  # noqa: N815 - its name there
    stream: Any = False
    max_completion_tokens: Any = None  # OpenAI's chats
    max_tokens: Any = None  # and formerly; Anthropic
    max_output_tokens: Any = None  # OpenAI's responses
    generationConfig: Any = None  # Gemini  # noqa: N815 - its name there
    inferenceConfig: Any = None  # Bedrock  # noqa: N815 - its name there


class _Turn(msgspec.Struct):
    role: Any = None


_OF_RESULTS = (b'"tool"', b"tool_result", b"toolResult", b"function_call_output", b"functionResponse")
_BODY = msgspec.json.Decoder(_Body)
_TURNS = msgspec.json.Decoder(list[_Turn])
_ROLES = {"model": "assistant"}
"""What other APIs call them, in OpenAI's words."""


class Prompt:
    """The prompt in the *body* of a request. What is not there, or not JSON, is empty."""

    def __init__(self, body: bytes = b"") -> None:
        try:
            read = _BODY.decode(body)
        except UNREADABLE:
            read = _Body()
        self.model = read.model if isinstance(read.model, str) else ""
        self.streams = read.stream is True
        self._messages = bytes(read.messages) or bytes(read.input) or bytes(read.contents)
        self._read = read

    @cached_property
    def messages_sha256(self) -> str:
        """The same for every attempt with the same messages, whatever their nonce."""
        return sha256(without(self._messages)).hexdigest() if self._messages else ""

    @property
    def tools_offered(self) -> list[str]:
        """The names of the tools that the model may call."""
        said = bytes(self._read.tools) or bytes(self._read.toolConfig)
        return offered(_decoded(said)) if said else []

    @property
    def tool_results(self) -> list[str]:
        """The names of the tools whose results stand behind the last thing that the model said."""
        said = self._messages
        # Most have neither, and are looked through twice in place of five times.
        brings = (b"tool" in said or b"function" in said) and any(word in said for word in _OF_RESULTS)
        return results(_decoded(said)) if brings else []

    @property
    def last_role(self) -> str:
        """Whose the last message is, in OpenAI's words; empty where there are no messages, as for embeddings."""
        if self._messages.startswith(b'"'):
            return "user"  # who asks Responses, or for one embedding, in a single text
        try:
            turns = _TURNS.decode(self._messages)
        except UNREADABLE:
            return ""
        role = turns[-1].role if turns else None
        return _ROLES.get(role, role) if isinstance(role, str) else ""

    @cached_property
    def tokens_asked_for(self) -> int:
        """Those of the prompt, as estimated, and as many as the answer may have where that is said."""
        return (self.tokens_estimate or 0) + _most_out(self._read)

    @property
    def tokens_estimate(self) -> int | None:
        """Of the messages, of what stands beside them, and of the tools as they are written; None where no messages can be read."""
        found = characters_in(self._messages)
        if found is None:
            return None
        read = self._read
        found += len(bytes(read.tools)) + len(bytes(read.toolConfig))
        for beside in (read.system, read.instructions, read.systemInstruction):
            if said := bytes(beside):
                found += characters_in(said) or 0
        return found // CHARACTERS_PER_TOKEN


def _decoded(said: bytes) -> object:
    try:
        return msgspec.json.decode(said)
    except UNREADABLE:
        return None


def _most_out(read: _Body) -> int:
    """How many tokens the answer may have; 0 where the request does not say."""
    said = [read.max_completion_tokens, read.max_tokens, read.max_output_tokens]
    for config, name in ((read.generationConfig, "maxOutputTokens"), (read.inferenceConfig, "maxTokens")):
        said.append(config.get(name) if isinstance(config, dict) else None)
    return next((count for count in map(count_of, said) if count is not None), 0)


class PromptReading:
    """Reads the body of one request for *target* with *headers* as it comes."""

    def __init__(self, nonces: Nonces, target: bytes, headers: Headers) -> None:
        self._search = NonceSearch(nonces)
        self.looking = LookingOn("a request")
        try:
            self._search.headers(headers, SECRET)
            self._search.target(target)
        except Exception as error:  # noqa: BLE001 - as `LookingOn` says
            self.looking.note(error)
        self._body: list[bytes] = []
        self._bytes = 0

    @property
    def mark(self) -> str:
        """That of its request which has been found, as `nonce.marked` has it; empty until there is one."""
        return self._search.mark

    @property
    def prompt(self) -> Prompt:
        """What the body says, once all of it has come."""
        try:
            return Prompt(self.body)
        except Exception as error:  # noqa: BLE001 - as `LookingOn` says
            self.looking.note(error)
        return Prompt()

    @property
    def body(self) -> bytes:
        """As much of the body as has come; empty once that is more than is read."""
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    def feed(self, piece: bytes) -> None:
        if not piece:
            return
        try:
            self._search.piece(piece)
        except Exception as error:  # noqa: BLE001 - as `LookingOn` says
            self.looking.note(error)
        self._bytes += len(piece)
        if self._bytes <= READ_BYTES_MAX:
            self._body.append(piece)
        else:
            self._body.clear()
