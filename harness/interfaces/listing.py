"""What can be named on a command line or in a file, with a line about each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args, get_origin

from harness.dialects import dialects
from harness.faults import Fault, faults
from harness.faults.base import OfRequests
from harness.faults.lookup import Example, examples, looked_up
from harness.judging.metrics import metrics
from harness.problems import Problem, UsageProblems
from harness.reading.incident import Incident
from harness.reading.scenario import Scenario
from harness.reading.yaml import load
from harness.registry import suggestion
from harness.report.plain_text import one_line

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from harness.gameday.items import Due

Listing = list[tuple[str, str]]

_NOT_LOOKED_INTO = {"reports", "node_modules"}


def listed_faults() -> Listing:
    """Every kind of fault, with the keys that not all of them have."""
    return [(name, f"{_first_line(kind)} Keys: {', '.join(_own_keys(kind))}.") for name, kind in faults.items()]


def listed_metrics() -> Listing:
    """Every metric."""
    return [(name, _first_line(type(metric))) for name, metric in metrics.items()]


def listed_files(kind: str, folder: Path, key: str = "about", patterns: Sequence[str] = ("**/*.yaml",)) -> Listing:
    """Each file below *folder* whose schema line says that it is a *kind*, with what stands at its *key*.

    Hidden folders are left out, and so are copies that runs and game days have stored, and what fits none of *patterns*.
    """
    found = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        hidden = any(part.startswith(".") or part in _NOT_LOOKED_INTO for part in path.parts)
        if hidden or not path.is_file() or _is_copy(path):
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if re.search(rf"^schema:\s*[\"']?harness\.{kind}/", text, re.MULTILINE):
            about = re.search(rf"^{key}:\s*(.+)$", text, re.MULTILINE)
            found.append((str(path), about[1].strip("\"' ") if about else ""))
    return found


def _is_copy(path: Path) -> bool:
    """Whether a run, or a game day, stored it as it was."""
    return (path.parent / "history.jsonl").exists() or (path.parent.parent / "day.jsonl").exists()


def listed_incidents(folder: Path) -> Listing:
    """Each scenario below *folder* that replays a published incident, by its mechanism, and what it asks of a service."""
    found = []
    for path, _ in listed_files("scenario", folder):
        incident = _incident(Path(path))
        if incident is not None:
            found.append((path, incident))
    found.sort(key=lambda one: (one[1].mechanism, one[1].date))
    return [(path, f"{one.mechanism}, {one.date}: {one.asks}") for path, one in found]


def _incident(path: Path) -> Incident | None:
    """What the scenario at *path* says that it replays; None of one that says nothing of it, or that cannot be read."""
    try:
        return load(path, Scenario).value.incident
    except UsageProblems:
        return None


def listed_apis() -> Listing:
    """Every API in whose words a fault can err, with the codes that it has."""
    return [
        (name, f"{_first_line(type(one))} Codes: {', '.join(one.codes) or 'none'}.") for name, one in dialects.items()
    ]


def listed_due(out: Path, today: date) -> Listing:
    """What game days below *out* left to be done and is open, by the date on which it is to be tested again, what is overdue first.

    A day that cannot be read is in it, too: what it left to be done is not known.
    """
    from harness.gameday import days, items

    found, unread = days.find(out)
    listed = [(_when(item), _said(item, today)) for item in items.due(found)]
    return listed + [("not read", one_line(line)) for line in unread]


def _when(item: Due) -> str:
    return item.on.isoformat() if item.on else "no date"


def _said(item: Due, today: date) -> str:
    late = f"overdue by {(today - item.on).days} d: " if item.on and item.overdue(today) else ""
    who = (item.owner or "nobody yet", item.ticket, item.due if not item.on else "")
    about = "; ".join(one_line(part, 120) for part in who if part)
    return f"{late}{one_line(item.text)} ({about}; {item.gameday}, {item.said.at[:10]})"


def listed_left(out: Path) -> Listing:
    """Each run that is dead and may have left something in force: of those below *out*, and of those that hold a target."""
    from harness.interfaces.left_over import left_over
    from harness.settings import settings

    return [(str(one.run), f"{one.what}; put back by: {one.heal}") for one in left_over(settings(), out)]


def listed_schemas() -> Listing:
    """Every kind of file that has a JSON Schema."""
    from harness.interfaces.schemas import MODELS

    return [(name, _first_line(model)) for name, model in MODELS.items()]


LISTED: dict[str, Callable[[], Listing]] = {
    "faults": listed_faults,
    "metrics": listed_metrics,
    "apis": listed_apis,
    "scenarios": lambda: listed_files("scenario", Path()),
    "targets": lambda: listed_files("target", Path()),
    "suites": lambda: listed_files("suite", Path()),
    "gamedays": lambda: listed_files("gameday", Path(), "title"),
    "incidents": lambda: listed_incidents(Path()),
    "due": lambda: listed_due(Path("reports"), _today()),
    "left": lambda: listed_left(Path("reports")),
    "schemas": listed_schemas,
}
_ABOUT_RUNS = ("scenarios", "targets", "suites", "gamedays", "incidents", "due")
"""Who asks for these is about to run something, or to say how a day went."""
_BELOW: dict[str, tuple[Callable[[Path], Listing], str]] = {
    "due": (lambda out: listed_due(out, _today()), "nothing is to be done"),
    "left": (listed_left, "no run that is dead left anything in force"),
}
"""Lists of what is below the folder in which runs are stored, and what is said where there is nothing."""


def told(what: str, name: str | None = None) -> list[str]:
    """The lines of one list, or of what is called *name* in it; of a schema that is the schema itself.

    Of what is due, or left, *name* is the folder in which runs are stored; of faults it may also be words for what happened. Raises
    UsageProblems where there is no such list, or nothing of that name in it.
    """
    if what not in LISTED:
        raise UsageProblems(Problem(f"there is no list of {what!r}; {suggestion(what, list(LISTED))}"))
    if what in _BELOW:
        listing, nothing = _BELOW[what]
        return _lines(LISTED[what]() if name is None else listing(_folder(name))) or [nothing]
    found = dict(LISTED[what]())
    if name is not None:
        if what == "faults":
            return _fault(name) if name in found else _faults_seen_as(name)
        if name not in found:
            raise UsageProblems(
                Problem(f"there is no {what.removesuffix('s')} {name!r}; {suggestion(name, list(found))}")
            )
        if what == "schemas":
            return _schema(name)
        found = {name: found[name]}
    return _lines(list(found.items()))


def warnings(what: str) -> list[str]:
    """What whoever asks for this list should know, beside it: that runs that are dead may have left something in force."""
    if what not in _ABOUT_RUNS:
        return []
    from harness.interfaces.left_over import left_over
    from harness.settings import settings

    return [f"{one}; put back by: {one.heal}" for one in left_over(settings())]


def _fault(name: str) -> list[str]:
    """All of one kind: what it does, its keys, and how it is written."""
    kind = faults[name]
    keys = [(key, _key_said(kind.model_fields[key])) for key in _own_keys(kind)]
    return [f"{name}: {_first_line(kind)}", "", *_lines(keys), *([""] if keys else []), *_written(examples(name))]


def _key_said(key: FieldInfo) -> str:
    """What a key is for, what it may be where that is a list, and what it is by default."""
    choices = " | ".join(str(one) for one in get_args(key.annotation)) if get_origin(key.annotation) is Literal else ""
    default = key.default if not callable(key.default_factory) and isinstance(key.default, str | int | float) else ""
    said = "needed" if key.is_required() else f"default {default}" if default not in ("", False) else ""
    return "; ".join(part for part in (said, choices, key.description or "") if part)


def _faults_seen_as(words: str) -> list[str]:
    """Those that people tell of in such words; raises UsageProblems where there is none."""
    found, whole = looked_up(words)
    if not found:
        raise UsageProblems(
            Problem(f"there is no fault {words!r}, and none is seen as that; {suggestion(words, list(faults))}")
        )
    return [*([] if whole else [f"none has all of the words {words!r}; those that have most:", ""]), *_written(found)]


def _written(found: Iterable[Example]) -> list[str]:
    """Examples as a scenario has them, each below what it is."""
    return [line for one in found for line in (f"# {one.seen_as}", f"- {one.written}")]


def _lines(found: Listing) -> list[str]:
    width = max((len(one) for one, _ in found), default=0)
    return [f"{one:<{width}}  {about}".rstrip() for one, about in found]


def _folder(name: str) -> Path:
    """Where runs are stored in another place than usual."""
    if not Path(name).is_dir():
        raise UsageProblems(Problem("no such folder; name the one in which runs are stored", file=name))
    return Path(name)


def _today() -> date:
    return datetime.now(UTC).date()


def _schema(name: str) -> list[str]:
    from harness.interfaces.schemas import MODELS, text

    return text(MODELS[name]).splitlines()


def _first_line(of: type) -> str:
    return (getdoc(of) or "").partition("\n")[0].replace("*", "")


def _own_keys(kind: type[Fault]) -> list[str]:
    """Its own first, and then those that it shares with others."""
    own = [name for name in kind.model_fields if name not in Fault.model_fields]
    return sorted(own, key=lambda name: name != "on" and name in OfRequests.model_fields)
