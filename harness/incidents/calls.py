"""What logs say in one form: calls to what a service depends on, and requests of its clients, each with what came of it, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Truths = npt.NDArray[np.bool_]

OK = 0
TIMED_OUT, UNREACHABLE, CUT, LEFT, FAILED = -1, -2, -3, -4, -5
"""What a call can come to beside a success and a status of 400 to 599; `FAILED`: nobody logged how."""
WORDS = {
    OK: "a success",
    TIMED_OUT: "timed out",
    UNREACHABLE: "not connected",
    CUT: "cut off",
    LEFT: "given up by who asked",
    FAILED: "failed, nobody logged how",
}
NAMES_MOST = 1_000
"""So many different links and models are told apart; whatever comes after them is `OTHER`."""
OTHER = "(other)"
_AT_ONCE = 20_000
_NAME_CHARS = 120


class Call(NamedTuple):
    """One exchange as a log has it; what is not known is NaN, -1, 0 or an empty text.

    *at_s*: seconds since 1970 when it began. *came_to*: `OK`, a status of 400 to 599, or one of the words below 0. *link*: the dependency,
    by its address or name. *of_client*: whether it is a request of a client, and not a call of the service's. *request*: what calls of one
    request have in common. *span*, *parent*: ids by which a span is found from those inside it; *around*: whether it may have others inside
    that are its tries.
    """

    at_s: float
    came_to: int = OK
    duration_ms: float = nan
    first_ms: float = nan
    link: str = ""
    model: str = ""
    tokens_in: int = -1
    tokens_out: int = -1
    retry_after_s: float = nan
    conversation: str = ""
    request: str = ""
    of_client: bool = False
    span: int = 0
    parent: int = 0
    around: bool = False
    prompt: str = ""


class Broken(NamedTuple):
    """A row that could not be read: its *line*, and *why*, in words that quote nothing of it but times and numbers."""

    line: int
    why: str


class Passed(NamedTuple):
    """A row that is no call, such as a span of a function: of which *kind*; what is inside of its *span* is inside of its *parent*, too."""

    kind: str
    span: int = 0
    parent: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """Calls in the order of their beginnings; *link* and *model* are places in *links* and *models*, and texts are told by their hashes."""

    at_s: Floats
    came_to: Ints
    duration_ms: Floats
    first_ms: Floats
    link: Ints
    model: Ints
    tokens_in: Ints
    tokens_out: Ints
    retry_after_s: Floats
    conversation: Ints
    request: Ints
    of_client: Truths
    span: Ints
    parent: Ints
    around: Truths
    prompt: Ints
    links: tuple[str, ...] = ("",)
    models: tuple[str, ...] = ("",)
    prompts: tuple[str, ...] = field(default=("",), repr=False)

    @property
    def size(self) -> int:
        return int(self.at_s.size)

    def taken(self, which: Any) -> Calls:
        """Those at the places, or with the truths, that are given."""
        return replace(self, **{name: getattr(self, name)[which] for name in COLUMNS})

    def between(self, start_s: float, end_s: float) -> Calls:
        """Those that begin from *start_s* on and before *end_s*."""
        import numpy as np

        first, last = np.searchsorted(self.at_s, (start_s, end_s))
        return self.taken(slice(first, last))


COLUMNS = Call._fields
_FLOATS = {"at_s", "duration_ms", "first_ms", "retry_after_s"}
_TRUTHS = {"of_client", "around"}
_NAMED = {"link": "links", "model": "models", "prompt": "prompts"}
_HASHED = {"conversation", "request"}
assert {one.name for one in fields(Calls)} == {*COLUMNS, *_NAMED.values()}


@dataclass
class Gathering:
    """Gathers calls as they are read, in little room: texts become numbers, and 20,000 rows at a time columns."""

    with_prompts: bool = False
    _rows: list[Call] = field(default_factory=list)
    _parts: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    _known: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {"": 0} for name in _NAMED})

    def add(self, call: Call) -> None:
        self._rows.append(call)
        if len(self._rows) >= _AT_ONCE:
            self._put_away()

    def _put_away(self) -> None:
        for name, values in zip(COLUMNS, zip(*self._rows, strict=True), strict=False):
            self._parts[name].append(self._column(name, values))
        self._rows.clear()

    def _column(self, name: str, values: Sequence[Any]) -> Any:
        import numpy as np

        if name in _FLOATS:
            return np.array(values, np.float64)
        if name in _TRUTHS:
            return np.array(values, np.bool_)
        if name == "prompt" and not self.with_prompts:
            return np.zeros(len(values), np.int64)
        if name in _NAMED:
            return np.array([self._number(name, value) for value in values], np.int64)
        if name in _HASHED:
            digests = np.frombuffer(b"".join([_digest(value) for value in values]), "<i8").astype(np.int64)
            return np.where(np.array([*map(bool, values)], np.bool_), np.where(digests, digests, 1), 0)
        return np.array(values, np.int64)

    def _number(self, name: str, value: str) -> int:
        known = self._known[name]
        if value in known:
            return known[value]
        if len(known) > NAMES_MOST:
            return 0 if name == "prompt" else known.setdefault(OTHER, len(known))
        return known.setdefault(value if name == "prompt" else value[:_NAME_CHARS], len(known))

    def calls(self) -> Calls:
        """All that was added, in the order of their beginnings."""
        import numpy as np

        self._put_away()
        found: Any = {
            name: np.concatenate(parts) if parts else self._column(name, ()) for name, parts in self._parts.items()
        }
        self._parts.clear()
        names: Any = {plural: tuple(self._known[name]) for name, plural in _NAMED.items()}
        order = np.argsort(found["at_s"], kind="stable")
        return Calls(**{name: values[order] for name, values in found.items()}, **names)


def hashed(text: str) -> int:
    """A number for *text*, the same in every process, as Python's `hash` is not; 0 for an empty one."""
    if not text:
        return 0
    return int.from_bytes(_digest(text), "little", signed=True) or 1


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def at_once(calls: Iterable[Call]) -> Calls:
    """*calls* as columns."""
    gathering = Gathering(with_prompts=True)
    for call in calls:
        gathering.add(call)
    return gathering.calls()
