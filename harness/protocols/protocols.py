"""The protocols by which a target can be asked, by their names in a target file."""

from __future__ import annotations

from harness.protocols.anthropic_messages import AnthropicMessages
from harness.protocols.asking import AskProtocol
from harness.protocols.json_ask import JsonAsk
from harness.protocols.openai_chat import OpenAiChat
from harness.registry import Registry, load_third_parties

PROTOCOLS: Registry[AskProtocol] = Registry("ask protocol")
PROTOCOLS.add("openai-chat", OpenAiChat())
PROTOCOLS.add("anthropic-messages", AnthropicMessages())
PROTOCOLS.add("json", JsonAsk())


def chats(name: str) -> bool:
    """Whether the protocol called *name* has words for a system prompt, tools, how long an answer may be, and what was said before."""
    return bool(getattr(protocol(name), "chats", False))


def protocol(name: str) -> AskProtocol:
    """The protocol called *name*, ours or a third party's. Raises UnknownNameError."""
    if name not in PROTOCOLS:
        load_third_parties("protocols")
    return PROTOCOLS[name]
