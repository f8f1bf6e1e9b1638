"""The fields of a schedule in the words of other systems that go by the clock; what one cannot say is said wider, never narrower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LAST_DAYS, _LAST_WORKDAYS = "28-31", "26-31"
"""Where the last day of a month, and the last one from Monday to Friday, may lie."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as every cron reads it: numbers, ranges, steps of ranges, lists; *wider* where it holds for more than what was written."""

    text: str
    wider: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """All five; *either*: a day of the month or of the week suffices, as in every cron where both are named."""

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    either: bool
    steps: bool
    """Both kinds of day are named, one of them as ``*/N``: some take either of them, and others both."""

    @property
    def line(self) -> str:
        """As they stand in a crontab."""
        return " ".join(one.text for one in (self.minute, self.hour, self.day, self.month, self.weekday))

    @property
    def wider(self) -> bool:
        """Whether that comes more often than what was written."""
        return any(one.wider for one in (self.day, self.weekday))


def fields(cron: str) -> Fields:
    """Those of *cron*, with which nothing is wrong."""
    minute, hour, day, month, weekday = cron.upper().split()
    both = day != "*" and weekday != "*"
    stars = day.startswith("*") or weekday.startswith("*")
    return Fields(
        Field(_plain(minute, 59)),
        Field(_plain(hour, 23)),
        _day(day),
        Field(_plain(_numbered(month, _MONTHS, 1), 12)),
        _weekday(weekday),
        either=both and not stars,
        steps=both and stars,
    )


def calendar_events(cron: str, zone: str) -> list[tuple[str, bool]]:
    """What systemd calls calendar events, which together come when *cron* does, each with whether it comes more often."""
    _, _, day, _, weekday = cron.upper().split()
    read = fields(cron)
    days, weekdays = list(_month_days(day)), list(_week_days(weekday))
    if read.either:
        dates = [*days, *weekdays]
    elif weekday == "*":
        dates = days
    elif day == "*":
        dates = weekdays
    else:
        # Both have to hold, and a day that is named by its place in the month leaves no room for another.
        dates = [
            (of_week, of_month, False) if at == "-*" else (of_week, at, True)
            for of_week, at, _ in weekdays
            for _, of_month, _ in days
        ]
    months = _dotted(read.month.text, 1, 12)
    clock = f"{_dotted(read.hour.text, 0, 23)}:{_dotted(read.minute.text, 0, 59)}:00 {zone}"
    return [(f"{of_week} *-{months}{at} {clock}".lstrip(), wider) for of_week, at, wider in dict.fromkeys(dates)]


def _month_days(day: str) -> Iterator[tuple[str, str, bool]]:
    """Days of the month, as a weekday, a place in the month, and whether that is wider."""
    plain = [term for term in day.split(",") if "L" not in term]
    if plain:
        yield "", f"-{_dotted(_plain(','.join(plain), 31), 1, 31)}", False
    if any(term.startswith("L") and "W" not in term for term in day.split(",")):
        yield "", "~01", False
    if "LW" in day.split(","):
        yield "Mon..Fri", "~03/1", True


def _week_days(weekday: str) -> Iterator[tuple[str, str, bool]]:
    """Days of the week, likewise."""
    terms = _numbered(weekday, _DAYS, 0).split(",")
    plain = [term for term in terms if not set(term) & {"L", "#"}]
    if plain:
        named = [_DAYS[number].capitalize() for number in _week_numbers(",".join(plain))]
        yield "" if len(named) == len(_DAYS) else ",".join(named), "-*", False
    for term in terms:
        if "#" in term:
            number, _, nth = term.partition("#")
            first = 7 * (int(nth) - 1) + 1
            yield _DAYS[int(number) % 7].capitalize(), f"-{first}..{min(first + 6, 31)}", False
        elif "L" in term:
            yield _DAYS[int(term[:-1]) % 7].capitalize(), "~07/1", False


def _day(written: str) -> Field:
    wide = [
        _LAST_WORKDAYS if term == "LW" else _LAST_DAYS if term.startswith("L") else _plain(term, 31)
        for term in written.split(",")
    ]
    return Field(",".join(wide), "L" in written)


def _weekday(written: str) -> Field:
    terms = _numbered(written, _DAYS, 0).split(",")
    wide = [term.partition("#")[0].removesuffix("L") for term in terms]
    text = ",".join(wide)
    # Of Sunday's two numbers 0 is the one that all of them know; without its star */2 may mean less with a day of the month beside it.
    if text.startswith("*") and "7" not in text:
        return Field(text, wide != terms)
    return Field(",".join(map(str, _week_numbers(text))), wide != terms or text.startswith("*"))


def _week_numbers(written: str) -> list[int]:
    """The days of the week that a list of numbers and ranges names, 0 to 6."""
    return sorted({number % 7 for term in written.split(",") for number in _members(term, 0, 7)})


def _members(term: str, least: int, most: int) -> range:
    base, _, step = _plain(term, most).partition("/")
    first, _, last = (f"{least}-{most}" if base == "*" else base).partition("-")
    return range(int(first), int(last or first) + 1, int(step or 1))


def _numbered(written: str, names: tuple[str, ...], first: int) -> str:
    for number, name in enumerate(names, first):
        written = written.replace(name, str(number))
    return written


def _plain(written: str, most: int) -> str:
    """The same with ``5/15``, which not every cron knows, as the range that it means."""
    return ",".join(_stepped(term, most) for term in written.split(","))


def _stepped(term: str, most: int) -> str:
    base, stroke, step = term.partition("/")
    return f"{base}-{most}/{step}" if stroke and base.isdigit() else term


def _dotted(written: str, least: int, most: int) -> str:
    """In systemd's words."""
    return ",".join(_dots(term, least, most) for term in written.split(","))


def _dots(term: str, least: int, most: int) -> str:
    base, stroke, step = term.partition("/")
    if base == "*":
        return f"{least}..{most}/{step}" if stroke else "*"
    return f"{base.replace('-', '..')}{stroke}{step}"
