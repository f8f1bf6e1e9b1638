"""What the simulated model answers: a pure function of the question and of the context that stands in the prompt.

So a different snapshot behind the same question gives a visibly different answer, and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import cycle, islice
from typing import NamedTuple

import msgspec

from harness.protocols.nonce import unmarked

# No number and no date stands in here: those are what answers are compared by.
_FILLER = (
    "That is how the policy stands today, and it holds for every shop and every customer alike. "
    "Please ask the help desk when your own case is not covered by it."
)


class Part(msgspec.Struct):
    text: str = ""


class Message(msgspec.Struct):
    """One message of a chat; *content* may be text or parts, of which only the text counts."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        match self.content:
            case None:
                return ""
            case str():
                return self.content
            case _:
                return "\n".join(part.text for part in self.content)


class Prompt(NamedTuple):
    """A chat, read."""

    question: str
    facts: tuple[str, ...]
    digest: str  # of all messages without their nonces


def read(messages: Sequence[Message]) -> Prompt:
    """The last question of the user's, and the facts listed as ``- ...`` under a line ``Context:`` in any message."""
    texts = [(message.role, unmarked(message.text)) for message in messages]
    digest = blake2b(msgspec.json.encode(texts), digest_size=8).hexdigest()
    asked = [text for role, text in texts if role == "user" and text]  # what a tool brought is said by the user, too
    question = asked[-1].rsplit("Question:", 1)[-1].strip() if asked else ""
    facts = tuple(fact for _, text in texts for fact in _facts(text))
    return Prompt(question, facts, digest)


def pieces(prompt: Prompt, tokens: int) -> list[str]:
    """The answer in *tokens* pieces that, put together, are its text; no fact is cut short, its pieces get longer."""
    best = max(prompt.facts, key=lambda fact: _shared(fact, prompt.question), default=None)
    words = (best or _without_context(prompt)).split()
    words += islice(cycle(_FILLER.split()), max(0, tokens - len(words)))
    words[-1] = words[-1].rstrip(".,") + "."
    ends = [len(words) * (piece + 1) // tokens for piece in range(tokens)]
    spaced = [word if index == 0 else f" {word}" for index, word in enumerate(words)]
    return ["".join(spaced[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]


def _facts(text: str) -> Iterable[str]:
    listed = False
    for line in text.splitlines():
        if line.strip().lower() == "context:":
            listed = True
        elif listed and line.startswith("- "):
            yield line[2:].strip()
        elif line.strip():
            listed = False


def _shared(fact: str, question: str) -> int:
    return len(_words(fact) & _words(question))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def _without_context(prompt: Prompt) -> str:
    # Another service may write its context in a form not known here: any change of its prompt changes this number.
    return f"The answer to that is number {int(prompt.digest, 16) % 1_000_000}."
