"""One belief about a run: a metric, a limit, and what of the run it is about; ``good_ratio{region=east} >= 0.9 in outage``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nextafter
from typing import Literal

from harness.interval import Interval

Verdict = Literal["pass", "fail", "inconclusive"]
Op = Literal["<=", ">=", "<", ">"]

AMONG = {
    "exposed": "those that lived wholly inside a fault",
    "in_flight_at_injection": "those that were in flight when a fault began",
    "in_flight_at_revert": "those that were in flight when a fault ended",
}
"""What can stand behind ``among``, and what requests it means."""
RESERVED = ("in", "among", "after")
"""Words of an expectation, which no phase and no fault may be called."""
FORM = "metric[.part][{label=value}] OP number [in PHASE] [among exposed] [after FAULT]"
"""How it is told; what picks may stand in front of the comparison as well, and in any order."""
PHASE_NAME = r"[a-z][a-z0-9_-]*"

_PICKS = r"(?:\s+(?:in|among|after)\s+[A-Za-z][A-Za-z0-9_.-]*)*"
_WRITTEN = re.compile(
    rf"""\s*(?P<metric>[a-z_][a-z0-9_]*) (?:\.(?P<part>[a-z0-9_]+))? \s*
        (?:\{{(?P<labels>[^{{}}]*)\}})? (?P<before>{_PICKS}) \s*
        (?P<op><=|>=|<|>) \s* (?P<limit>-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?) (?P<behind>{_PICKS}) \s*""",
    re.VERBOSE,
)
_PICK = re.compile(r"(?P<word>in|among|after)\s+(?P<name>\S+)")
_NAMES = {
    "in": (re.compile(PHASE_NAME), "write the name of a phase, which is of small letters, digits, _ and -"),
    "among": (re.compile("[a-z_]+"), ""),
    "after": (
        re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[1-9][0-9]*)?"),
        "write the id of a fault, such as dns-2, or of a stretch of it, dns-2.3",
    ),
}
"""What can be named behind each word, and how to say so."""
_LABEL = re.compile(r"""\s*(?P<name>[a-z_]+)\s*=\s*(?P<quote>"?)(?P<value>[A-Za-z0-9][A-Za-z0-9._-]*)(?P=quote)\s*""")

_QUOTES, _COLON = re.compile("[\"']"), re.compile(r"\s*:\s*")
"""What others write around a label, and between it and its value."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a run a number is about.

    Those due in *phase*, or in all phases but the warm-up; of them those whose every label has its value; and of them those that `AMONG`
    says of *among*. *after* says which fault's window is meant, where there are several.
    """

    phase: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    among: str | None = None
    after: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the labels are called by which it picks."""
        return tuple(name for name, _ in self.labels)

    @property
    def labelled(self) -> str:
        """The labels as they are written: ``{region=east}``."""
        return f"{{{','.join(f'{name}={value}' for name, value in self.labels)}}}" if self.labels else ""

    def __str__(self) -> str:
        said = {"in": self.phase, "among": self.among, "after": self.after}
        return " ".join(f"{word} {name}" for word, name in said.items() if name)


WHOLE = Selection()
"""All that is scored."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """*metric*[.*part*] *op* *limit* of what the *selection* picks."""

    metric: str
    part: str | None
    op: Op
    limit: float
    selection: Selection = WHOLE

    def __str__(self) -> str:
        part = f".{self.part}" if self.part else ""
        return f"{self.metric}{part}{self.selection.labelled} {self.op} {self.bound} {self.selection}".rstrip()

    @property
    def bound(self) -> str:
        """The limit, as a person would write it, and no digit less."""
        return str(int(self.limit)) if self.limit.is_integer() else repr(self.limit)

    @property
    def subject(self) -> tuple[str, str | None, Selection]:
        """What is limited: metric, part and what of the run."""
        return self.metric, self.part, self.selection

    @property
    def wants_low(self) -> bool:
        """Whether smaller is better."""
        return self.op in ("<=", "<")

    def judge(self, interval: Interval) -> Verdict:
        """Inside the limit passes, outside fails, across it is inconclusive; so does an interval that nothing was measured for.

        What is censored lies beyond all that was observed: an answer that did not come in 10 s took longer, and no 10 s.
        """
        if interval.value is None:
            return "inconclusive"
        beyond = interval.censored and interval.low == interval.value
        low = nextafter(interval.low, inf) if beyond else interval.low
        holds = _holds(self.op, low, self.limit), _holds(self.op, interval.high, self.limit)
        return "pass" if all(holds) else "fail" if not any(holds) else "inconclusive"


def parse(written: str) -> Expectation:
    """The expectation that *written* says; raises ValueError that says what would be right."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError(
            f"{written!r} is not an expectation{_slip(written)}; write {FORM}, such as good_ratio >= 0.9 in fault, "
            "good_ratio{region=east} >= 0.9 in fault or recovery_time_s <= 5"
        )
    if not isfinite(float(match["limit"])):
        raise ValueError(f"{match['limit']} is no limit: nothing can be beyond it")
    op: Op = match["op"]  # type: ignore[assignment]  # the pattern allows no other
    return Expectation(match["metric"], match["part"], op, float(match["limit"]), _selection(match))


def can_be_read(written: str) -> bool:
    """Whether `parse` takes *written*."""
    try:
        parse(written)
    except ValueError:
        return False
    return True


_HEAD = re.compile(r"\s*[a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)?\s*(?:\{[^{}]*\})?" + _PICKS + r"\s*")
_LIMITED = re.compile(_HEAD.pattern + r"(?:<=|>=|<|>)\s*-?[0-9]+(?:\.[0-9]+)?" + _PICKS)
_SLIPS = (
    (re.compile(r"\[[^\[\]]*\]"), "labels such as {0!r} stand in {{ }}"),
    (re.compile(r"=>|=<|==?|≥|≤|!="), "{0!r} is no comparison: there are <=, >=, < and >"),
    (re.compile(r"(?:<=|>=|<|>)\s*$"), "no limit stands behind {0!r}"),
    (re.compile(r"(?:<=|>=|<|>)\s*(?![0-9]|-[0-9])\S+"), "the limit {0!r} is no number such as 0.9"),
)
_MIXED_UP = (
    (re.compile("[\u201c\u201d\u201e\u2018\u2019].*"), "curly quotes are letters to YAML; write plain ones, or none"),
    (re.compile(r"\s*-?[0-9.]+\s*(?:<=|>=|<|>)\s*[a-z_].*"), "the metric stands in front, and one limit behind it"),
    (
        re.compile(r"\s*([a-z0-9_]+(?:[ -][a-z0-9_]+)+)\s*(?:\.\w+\s*)?[{<>].*"),
        "the words of a metric's name have _ between them",
    ),
)
"""What is read only where not even a metric and a comparison stand in front."""
_BEHIND = (
    (re.compile(r"\s*(%)"), "a ratio is a number from 0 to 1, without a %"),
    (re.compile(r"\s*(us|ms|s|sec|min)\b"), "a limit has no unit, it is in that of the metric; leave out {0!r}"),
    (
        re.compile(r"\s*((?:[;,&]+|and\b)\s*[a-z_].*[<>].*)"),
        "there are two in one; write each as an expectation of its own",
    ),
    (re.compile(r"\s*(,[0-9]+)"), "a number is written with a point; {0!r} is too much"),
    (re.compile(r"\s*(\{[^{}]*\})"), "labels stand right behind the metric, not behind the limit"),
    (
        re.compile(r"\s*(\w+)"),
        "from {1!r} on it cannot be read; behind the limit come in, among and after, with what each names",
    ),
)


def _slip(written: str) -> str:
    """What of *written* cannot be read, where that can be told; with a colon in front."""
    if (limited := _LIMITED.match(written)) is not None:
        rest = written[limited.end() :]
        if converted := _in_its_unit(limited[0], rest):
            return f": {converted}"
        for pattern, what in _BEHIND:
            if found := pattern.match(rest):
                return f": {what.format(found[1], rest.strip())}"
        return ""
    head = _HEAD.match(written)
    for pattern, what in _SLIPS if head else ():
        if found := pattern.match(written, head.end() if head else 0):
            return f": {what.format(found[0])}"
    if not _LIMITED.match(written) and _LIMITED.match(written.lower()):
        return f": names are of small letters, as in {written.lower()!r}"
    return next((f": {what}" for pattern, what in _MIXED_UP if pattern.fullmatch(written)), "")


def _in_its_unit(limited: str, rest: str) -> str:
    """What to write for a time that has a unit, where its metric's name says in which one it is; empty where nothing has to be told."""
    metric = re.match(r"\s*\w*?(?<!_per)_(ms|s)\b", limited)
    number, unit = re.search(r"[0-9.]+$", limited), re.match(r"\s*(us|ms|s|sec|min)\b", rest)
    if not (metric and number and unit) or metric[1] == unit[1]:
        return ""
    in_s = float(number[0]) * _SECONDS[unit[1]]
    return f"{metric[0].strip()} is in {metric[1]}, so that the limit is {in_s / _SECONDS[metric[1]]:g}, without a unit"


_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0}
_RENAMED = {("layer", "application"): "repeat"}
"""What runs of before call a label that has another name now."""


def _selection(match: re.Match[str]) -> Selection:
    picks = _picks(f"{match['before']} {match['behind']}")
    if picks.get("among") not in (None, *AMONG):
        raise ValueError(
            f"'among {picks['among']}' says nothing; write among {' or among '.join(AMONG)}, or leave it out"
        )
    labels = dict(_labels(match["labels"])) if match["labels"] is not None else {}
    labels = {name: _RENAMED.get((name, value), value) for name, value in labels.items()}
    # In one order, so that two ways to write one selection are one.
    return Selection(picks.get("in"), tuple(sorted(labels.items())), picks.get("among"), picks.get("after"))


def _picks(written: str) -> dict[str, str]:
    """What *written* says behind each of `RESERVED`; raises ValueError where it says two things, or one that cannot be."""
    found: dict[str, str] = {}
    for pick in _PICK.finditer(written):
        word, name = pick["word"], pick["name"]
        if word in found:
            raise ValueError(
                f"says '{word}' twice; write an expectation for each of {word} {found[word]} and {word} {name}"
            )
        pattern, told = _NAMES[word]
        if not pattern.fullmatch(name):
            raise ValueError(f"'{word} {name}' names nothing" + (f"; {told}" if told else ""))
        found[word] = name
    return found


def _labels(written: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for text in written.split(","):
        match = _LABEL.fullmatch(text)
        if match is None:
            meant = _COLON.sub("=", _QUOTES.sub("", written))
            right = all(map(_LABEL.fullmatch, meant.split(",")))
            example = f"{{{meant}}}" if right else "{label=value}, such as {region=east}, with commas between"
            raise ValueError(f"{{{written}}} holds no labels; write {example}")
        if match["name"] in seen:
            raise ValueError(
                f"{{{written}}} says {match['name']} twice, and nothing has two; write an expectation for each"
            )
        seen.add(match["name"])
        yield match["name"], match["value"]


def replace(expectations: tuple[Expectation, ...], new: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
    """*expectations* without those that are of the metric, part and selection of any *new* one, and then the new ones."""
    subjects = {expectation.subject for expectation in new}
    return (*(expectation for expectation in expectations if expectation.subject not in subjects), *new)


def again(expectations: Sequence[Expectation]) -> Iterator[tuple[int, int]]:
    """Places of each expectation that limits its subject from the same side as an earlier one, and of that earlier one."""
    first: dict[tuple[object, ...], int] = {}
    for index, expectation in enumerate(expectations):
        earlier = first.setdefault((*expectation.subject, expectation.wants_low), index)
        if earlier != index:
            yield index, earlier


def torn(expectations: Sequence[Expectation]) -> Iterator[tuple[int, int]]:
    """Places of each expectation that leaves nothing between its limit and that of an earlier one from the other side, and of that one."""
    for index, later in enumerate(expectations):
        for before, earlier in enumerate(expectations[:index]):
            if later.subject != earlier.subject or later.wants_low == earlier.wants_low:
                continue
            most, least = (later, earlier) if later.wants_low else (earlier, later)
            if most.limit < least.limit or (most.limit == least.limit and not (most.op == "<=" and least.op == ">=")):
                yield index, before


def _holds(op: str, value: float, limit: float) -> bool:
    if value in (inf, -inf):
        return (value < limit) if op in ("<=", "<") else (value > limit)
    return {"<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit}[op]
