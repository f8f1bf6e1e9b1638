"""What a dialect promises: how the API of one provider words its errors and its limits, and nothing of faults or places.

A new one is one file beside this one and one line in `harness/dialects/__init__.py`; third parties register theirs through the entry-point
group ``harness``, table ``dialects``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import ClassVar, Literal, NamedTuple

import msgspec

from harness.registry import Registry

Way = Literal["seconds", "ms", "date", "body"]
"""How a client is told to wait: ``retry-after`` in whole seconds or as a date (RFC 9110, 10.2.3), ``retry-after-ms``, or in the body."""
Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """This is the answer, whole, and the provider is not asked. *reason*: of the status, empty for the one that HTTP has."""

    status: int
    reason: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Word(NamedTuple):
    """One error as an API words it.

    *kind* and *code* are what its clients tell errors apart by; in *message*, ``{model}``, ``{limit}``, ``{used}``, ``{asked}`` and
    ``{wait}`` are filled in.
    """

    status: int
    kind: str
    message: str
    code: str | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Occasion:
    """On what an answer is given: to a request for *model*, called *request_id*, *at_s* seconds after 1970.

    *wait_s*: the wait that the body tells of; None: it tells of none.
    """

    request_id: str = ""
    model: str = ""
    at_s: float = 0.0
    wait_s: float | None = None


class Limit(msgspec.Struct, frozen=True, gc=False):
    """What there is to say of one limit, when a request has come that asked for *asked* of it.

    *per_min*: how much may pass in a minute, or for ``concurrent`` at once. *retry_s*: infinite where that is never, None where nobody
    can know.
    """

    of: Literal["requests", "tokens", "concurrent"]
    per_min: int
    remaining: int  # that may come right now
    reset_s: float  # until as many as ever may come at once
    retry_s: float | None  # until the next one may come; 0 while some may right now
    asked: int = 1

    @property
    def left_ratio(self) -> float:
        """How much of it is left."""
        return self.remaining / self.per_min if self.per_min else 0.0


class Dialect:
    """How one API words its errors and limits. The first line of its docstring is its documentation."""

    hosts: ClassVar[tuple[str, ...]] = ()
    """Hosts that speak it beyond doubt; ``*`` stands for any text."""
    codes: ClassVar[Mapping[str, Word]] = {}
    """What can be asked for by name: its own words, and of those that mean one thing in every dialect (`MEANINGS`) the ones it has."""
    by_status: ClassVar[Mapping[int, str]] = {}
    """The code of an error of which nothing but the status is said."""
    limited_by: ClassVar[Mapping[str, Word]] = {}
    """The word for what is above a limit, by what that is of."""
    pages: ClassVar[frozenset[int]] = frozenset({502, 504})
    """Statuses that what stands in front of the API makes, so that their body is a page of HTML."""
    own_statuses: ClassVar[frozenset[int]] = frozenset()
    """Statuses that no other API has."""
    tells: ClassVar[tuple[Way, ...]] = ("seconds",)
    """How it tells of a wait."""
    content_type: ClassVar[str] = "application/json"
    changeable: ClassVar[bool] = True
    """Whether its models may answer in the words of OpenAI or Anthropic, in which what an answer says can be changed."""
    prints: ClassVar[bool] = True
    """Whether an answer may name the configuration of its model, as OpenAI's ``system_fingerprint`` does."""
    marks_end: ClassVar[bool] = True
    """Whether a stream may have a mark of its end, such as ``[DONE]``."""

    def word(self, status: int | None, code: str) -> Word:
        """What it says of *status* or *code*, one of which is said. Raises KeyError for a code that it has no word for."""
        found = self.codes[code] if code else self._of_status(status or 500)
        return found if status is None else found._replace(status=status)

    def error(self, word: Word, on: Occasion) -> Answer:
        """The answer that says *word*; how long to wait stands at most in its body."""
        headers = {"content-type": self.content_type, **self.headers(word, on)}
        return Answer(word.status, self.reason(word.status), self.body(word, on), headers)

    def limited(self, broken: Limit, on: Occasion) -> Answer:
        """The answer to a request above the limit that is *broken*."""
        word = self.limited_by[broken.of]
        said = {"{limit}": broken.per_min, "{used}": broken.per_min - broken.remaining, "{asked}": broken.asked}
        message = word.message
        for place, value in said.items():
            message = message.replace(place, str(value))
        return self.error(word._replace(message=message), on)

    def body(self, word: Word, on: Occasion) -> bytes:
        return json.dumps(self.document(word, on)).encode()

    def document(self, word: Word, on: Occasion) -> Document:
        """The JSON of the answer that says *word*."""
        raise NotImplementedError

    def headers(self, word: Word, on: Occasion) -> dict[str, str]:
        """What the answer that says *word* has beside its content type."""
        return {}

    def limit_headers(self, limits: Sequence[Limit], at_s: float) -> dict[str, str]:
        """What an answer says of *limits* while there are some, whether it was allowed or not; each is of another thing."""
        return {}

    def message(self, word: Word, on: Occasion) -> str:
        """What *word* says, filled in; it says that one should wait only where *on* has a wait."""
        wait = self.wait_words(on.wait_s) if on.wait_s is not None else ""
        template = word.message if "{wait}" in word.message else word.message + "{wait}"
        return template.replace("{wait}", wait).replace("{model}", on.model or "default")

    def wait_words(self, wait_s: float) -> str:
        """What a message says of a wait, with the space before it."""
        return f" Please try again in {wait_s:g}s."

    def reason(self, status: int) -> str:
        """What stands behind *status* in the first line."""
        return phrase(status)

    def _of_status(self, status: int) -> Word:
        if status in self.by_status:
            return self.codes[self.by_status[status]]
        return self.other(status)

    def other(self, status: int) -> Word:
        """What it says of a *status*, 400 to 599, that it has no word of its own for."""
        return Word(status, "", f"{phrase(status)}.")


CONTEXT_LENGTH = "context_length_exceeded"
CONTENT_FILTER = "content_filter"
INSUFFICIENT_QUOTA = "insufficient_quota"
INVALID_KEY = "invalid_api_key"
MODEL_NOT_FOUND = "model_not_found"
OVERLOADED = "overloaded"
PREFILL = "prefill"
RATE_LIMITED = "rate_limit_exceeded"
SLOW_DOWN = "slow_down"
MEANINGS = (
    CONTEXT_LENGTH,
    CONTENT_FILTER,
    INSUFFICIENT_QUOTA,
    INVALID_KEY,
    MODEL_NOT_FOUND,
    OVERLOADED,
    PREFILL,
    RATE_LIMITED,
    SLOW_DOWN,
)
"""Codes that mean one thing whatever the API, so that a scenario need not know which one a target uses."""

dialects: Registry[Dialect] = Registry("api")


def spoken_at(host: str) -> str:
    """The dialect that *host* speaks beyond doubt; empty where there is doubt."""
    host = host.lower().rstrip(".")
    return next((name for name, one in dialects.items() if any(fnmatchcase(host, each) for each in one.hosts)), "")


def phrase(status: int) -> str:
    """What HTTP calls *status*."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def named(words: Mapping[str, Word], **meanings: str) -> dict[str, Word]:
    """*words*, and under each of the *meanings* the one that has it."""
    return {**words, **{meaning: words[own] for meaning, own in meanings.items()}}
