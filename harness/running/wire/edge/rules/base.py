"""What a rule of an edge promises: it sees each request and every piece of its answer, and says what becomes of them.

A new kind is one file beside this one and one line in `__init__`; third parties register theirs through the entry-point group ``harness``,
table ``edge_rules``. What it is told by a fault, as data, is its *spec*, a tagged `harness.faults.effects.Rule`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from harness.dialects import Answer as Answer  # what a rule says, so it is had from here
from harness.dialects import Dialect, Limit
from harness.faults.effects import Rule
from harness.faults.requests import Attempt, Lots
from harness.http1.headers import Headers
from harness.registry import Registry
from harness.running.wire.edge.prompt import Prompt

Spec = TypeVar("Spec", bound=Rule)


class Asked:
    """A request as a rule sees it: the *attempt* that it is, what it says, and when, on a monotonic clock.

    *words*: those of the provider's API; *at_s*: when, in seconds after 1970. What takes work to know
    is worked out where a rule asks for it, and only there.
    """

    def __init__(
        self,
        attempt: Attempt,
        headers: Headers,
        body: bytes,
        request_id: str,
        now_s: float,
        words: Dialect,
        prompt: Prompt | None = None,
        at_s: float = 0.0,
    ) -> None:
        self.attempt, self.headers, self.now_s, self.words, self.at_s = attempt, headers, now_s, words, at_s
        self._body, self._request_id, self._prompt = body, request_id, prompt
        self._limits: dict[str, Limit] = {}

    @property
    def body(self) -> bytes:
        """As much of it as is read: nothing of a very long one."""
        return self._body

    @property
    def request_id(self) -> str:
        """What a provider would call it."""
        return self._request_id

    @property
    def prompt(self) -> Prompt:
        """What its body asks for."""
        return self._prompt or Prompt()

    def tell(self, limits: Iterable[Limit]) -> bool:
        """Have the answer tell of each of *limits*, unless there is a tighter one of the same thing; whether they are the first."""
        first = not self._limits
        for limit in limits:
            told = self._limits.get(limit.of)
            if told is None or limit.left_ratio < told.left_ratio:
                self._limits[limit.of] = limit
        return first

    @property
    def limits(self) -> list[Limit]:
        """The tightest of each thing of all that rules have told of."""
        return list(self._limits.values())


@dataclass(frozen=True, slots=True)
class Pass:
    """The request goes on to the provider."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What comes after this comes *seconds* later; said of a request, it goes on to the provider then.

    Of an answer, these may be infinite: until the rule is no longer in force. *after_told*: they are counted from when the client was last
    told something, so that none are added where the provider is as slow by itself.
    """

    seconds: float
    after_told: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends here, without the rest; *reset*: by a reset, which the tap of the link is asked for."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The answer ends here, in good order, as if it were whole."""


PASS = Pass()
Decision = Pass | Answer | Wait | Cut
"""What becomes of a request."""
Deed = bytes | Wait | Cut | End
"""What becomes of an answer, in order: bytes are said to the client."""


class Following:
    """Goes along with one answer that the provider gives; this one changes nothing."""

    plain: ClassVar[bool] = False
    """Whether it reads the answer, so that the provider is asked for one that is not compressed."""
    sees_through: ClassVar[bool] = False
    """Whether an answer that it has touched is its own to the end, also where its fault ends before that."""

    reframes: bool = False
    """Whether the body may come out at another length, to be said by the time that `head` returns; then it is framed anew."""
    touched: bool = False
    """Whether it has done something to this answer; set by itself."""

    def head(self, status: int, headers: Headers) -> Headers:
        """The headers that the client is told in place of *headers*."""
        return headers

    def piece(self, piece: bytes, *, whole: bool) -> list[Deed]:
        """What becomes of the next *piece* of the body, which may end anywhere; *whole*: there is no more, and it is empty."""
        return [piece] if piece else []

    def ended(self, now_s: float, tokens: int | None) -> None:
        """The exchange is over, whoever ended it, and also where another rule answered; *tokens* that it came to, where that is known.

        Called once.
        """

    def release(self) -> bytes:
        """What it has kept to itself so far, since it is asked no more: its fault has ended."""
        return b""


class EdgeRuleKind(Generic[Spec]):
    """One rule in force on one link since *since_s* of a monotonic clock, as *spec* says; it draws from *lots*.

    It sees those requests alone that its fault is for.
    """

    spec: ClassVar[type[Rule]]

    def __init__(self, spec: Spec, lots: Lots, since_s: float) -> None:
        self.told, self.lots, self.since_s = spec, lots, since_s

    def join(self, other: Self) -> None:
        """*other* is in force for the same fault on another link of the same account: what that limits, both share."""

    def judge(self, asked: Asked) -> Decision:
        """What becomes of a request. It is asked for every one, also where another rule decides."""
        return PASS

    def follow(self, asked: Asked) -> Following | None:
        """What goes along with the answer to a request that `judge` has just let pass; None where nothing need."""
        return None


edge_rules: Registry[type[EdgeRuleKind[Any]]] = Registry("kind of rule at an edge")
