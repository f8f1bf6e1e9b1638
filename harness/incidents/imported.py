"""Logs into a scenario: what was found in them, and the files that it is written to."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from itertools import repeat
from pathlib import Path
from typing import Literal

from harness.incidents import recorded, written
from harness.incidents.calls import Calls
from harness.incidents.course import Course, course, usual_rate
from harness.incidents.faults import Found, found
from harness.incidents.importing import AUTO, Log, read
from harness.incidents.phases import Phase, phases
from harness.incidents.stamps import zone_named
from harness.problems import Problem, UsageProblems
from harness.reading.quantities import counted
from harness.reading.recorded_curves import SECONDS_MOST
from harness.reading.shapes import RATE_MOST
from harness.registry import suggestion

LoadAs = Literal["trace", "shape"]
LOADS: tuple[LoadAs, ...] = ("trace", "shape")
_PACKED_FROM = 1 << 21
_TOLD_MOST = 1_000


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How logs are read and written: as `harness import` has it.

    *form*: in which form they are. *columns*: of a table. *links*: what logged dependencies are called in a target file. *load*: a trace of
    the requests, or a shape of their rates. *questions*: a file of them, in place of one that is written.
    """

    form: str = AUTO
    columns: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"
    links: Mapping[str, str] = field(default_factory=dict)
    compress: float = 1.0
    load: LoadAs = "trace"
    questions: str | None = None
    with_prompts: bool = False


@dataclass(frozen=True)
class Imported:
    """What logs were made into; *out* is the scenario to be, None where nothing is to be written."""

    log: Log
    phases: tuple[Phase, ...]
    faults: tuple[Found, ...]
    course: Course
    wanted: ImportOptions
    out: Path | None = None

    @cached_property
    def texts(self) -> dict[str, bytes]:
        """The content of each file that is written, by its name: the scenario, and beside it what it names."""
        out, requests = self.out or Path("incident.yaml"), self.log.of_clients
        asked = written.asked(requests) if self.wanted.with_prompts else {}
        beside: dict[str, bytes] = {}
        trace = ""
        if self.wanted.load == "trace":
            rows = written.trace(self.course, requests, asked).encode()
            trace = f"{out.stem}.trace.csv{'.gz' * (len(rows) > _PACKED_FROM)}"
            beside[trace] = _packed(rows) if trace.endswith(".gz") else rows
        seconds = recorded.curve(self.course, self.log)
        # Of less than a second there is a head and no row.
        curve = f"{out.stem}.recorded.csv" if seconds.count("\n") > 1 else ""
        if curve:
            beside[curve] = seconds.encode()
        questions = _seen_from(out.parent, self.wanted.questions) or f"{out.stem}.questions.yaml"
        if self.wanted.questions is None:
            beside[questions] = written.questions(requests, asked).encode()
        text = written.scenario(
            _name(out),
            self.log,
            self.course,
            self.faults,
            trace=trace,
            questions=questions,
            curve=curve,
            compress=self.wanted.compress,
            notes=self.notes,
        )
        return {out.name: text.encode(), **beside}

    @property
    def scenario(self) -> str:
        """The scenario's text."""
        return next(iter(self.texts.values())).decode()

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the one who reads it has to know of how it came about."""
        log = self.log
        forms = ", ".join(f"{Path(file).name} ({form})" for file, form in log.forms.items())
        lines = [f"Made by harness import of {written.sayable(forms)}: edit it as you like."]
        lines.append(
            f"{log.rows:,} rows: {log.calls.size:,} calls of dependencies, {log.requests.size:,} requests of clients{_others(log)}."
        )
        lines += map(written.sayable, log.told, repeat(_TOLD_MOST))
        if log.untimed:
            lines.append(f"{self._of_untimed()}.")
        if log.zoneless:
            lines.append(f"Times that name no zone were taken for {self.wanted.zone} (--zone).")
        if log.of_links.came_to.all():
            lines.append(
                "Every call in it failed: of a log of errors alone it is not known how many there were, and shares are of the failures."
            )
        if not log.requests.size:
            tries = "the first call for each request" if log.calls.request.any() else "every call, tries again too"
            lines.append(f"The log has no requests of clients, so the load is made of {tries}.")
        if not log.calls.size:
            lines.append(
                "The log has no calls of dependencies, so faults are what clients saw: what was behind it may have been another thing."
            )
        lines += self._of_links()
        if models := sorted({str(one.on["model"]) for one in self.faults if "model" in one.on}):
            lines.append(
                f"Faults of one model are aimed at it by its name in the log ({written.sayable(', '.join(models))}): "
                "of a service that asks for others they hit nothing; write its names, or leave `model` out."
            )
        return tuple(lines)

    def _of_links(self) -> list[str]:
        calls = self.log.of_links
        every = {calls.links[link]: name for link, name in written.named(calls, self.wanted.links).items() if name}
        names = {logged: name for logged, name in every.items() if logged not in self.wanted.links}
        if not names:
            return []
        said = ", ".join(f"{name} ({written.sayable(logged)})" for logged, name in list(names.items())[:10])
        return [
            f"Links are called as the log has them, {said}: give them the names of your target file, or import with --link LOGGED=NAME."
        ]

    def told_of_broken(self) -> list[str]:
        """What could not be read, and the first of it by its line."""
        log = self.log
        untimed = [f"{self._of_untimed()}."] if log.untimed else []
        if not log.broken_rows:
            return untimed
        more = log.broken_rows - len(log.broken)
        said = [f"{log.broken_rows:,} of {log.rows:,} rows could not be read:", *(f"  {one}" for one in log.broken)]
        return said + ([f"  and {more:,} more"] if more else []) + untimed

    def _of_untimed(self) -> str:
        calls = counted(self.log.untimed, "call")
        return f"How long {calls} took is left out: by their times they ended before they began, or lasted over a week"

    def write(self, *, over: bool = False) -> list[Path]:
        """Write it and return the files. Raises UsageProblems where one is there and may not be written *over*."""
        assert self.out is not None
        folder = self.out.parent
        files = {folder / name: content for name, content in self.texts.items()}
        if there := [path for path in files if path.exists() and not over]:
            what = "is there already; name another --out, or write over it with --force"
            raise UsageProblems(*(Problem(what, str(path)) for path in there))
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in reversed(files.items()):
            path.write_bytes(content)
        return list(files)


def imported(files: Sequence[Path], wanted: ImportOptions, out: Path | None = None) -> Imported:
    """What *files*, which together are one log, come to. Writes nothing. Raises UsageProblems."""
    _checked(wanted, out)
    log = read(
        files,
        wanted.form,
        columns=wanted.columns,
        zone=zone_named(wanted.zone),
        with_prompts=wanted.with_prompts,
    )
    calls, requests = log.of_links, log.of_clients
    _are_logged(wanted.links, calls)
    start_s = float(min(calls.at_s[0], requests.at_s[0]))
    end_s = float(max(calls.at_s[-1], requests.at_s[-1])) + 1e-6
    named = phases(calls, start_s, end_s)
    faults = found(calls, named, written.named(calls, wanted.links))
    _can_be_run(named, requests, wanted.compress)
    return Imported(log, tuple(named), tuple(faults), course(named, requests, wanted.compress), wanted, out)


def _can_be_run(named: Sequence[Phase], requests: Calls, compress: float) -> None:
    """Raises UsageProblems where it lasts longer, or has more requests a second, than any scenario may."""
    if (lasts_s := (named[-1].end_s - named[0].start_s) / compress) > SECONDS_MOST:
        first, last = (f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}" for at_s in (named[0].start_s, named[-1].end_s))
        what = (
            f"the log reaches from {first} to {last}, {lasts_s / 86_400:,.0f} days where a scenario has a week at most: take the "
            "rows of the incident alone, see whether a time in it is wrong, or say --compress"
        )
        raise UsageProblems(Problem(what))
    if (per_s := usual_rate(named, requests)) > RATE_MOST:
        what = f"{per_s:,.0f} requests a second were logged, and a load has {RATE_MOST:,} at most: are the times of the log right?"
        raise UsageProblems(Problem(what))


def _are_logged(names: Iterable[str], calls: Calls) -> None:
    """Raises UsageProblems with those of *names* by which the log calls nothing that was called."""
    logged = [name for link in sorted(set(calls.link.tolist())) if (name := calls.links[link])]
    if wrong := [name for name in names if name not in logged]:
        raise UsageProblems(
            *(
                Problem(f"the log has no dependency {name!r}; {suggestion(name, logged)}", path="--link")
                for name in wrong
            )
        )


def _checked(wanted: ImportOptions, out: Path | None) -> None:
    problems = []
    if not 1 <= wanted.compress <= 10_000:
        problems.append(
            Problem(f"{wanted.compress:g} is not from 1 to 10,000; 60 makes minutes of hours", path="--compress")
        )
    if wanted.load not in LOADS:
        problems.append(Problem(f"there is no load {wanted.load!r}; write {' or '.join(LOADS)}", path="--load"))
    if out is not None and out.suffix not in (".yaml", ".yml"):
        problems.append(Problem("is no scenario by its name; let it end in .yaml", str(out), path="--out"))
    if wanted.questions is not None and not Path(wanted.questions).is_file():
        problems.append(Problem("there is no such file", wanted.questions, path="--questions"))
    for logged, name in wanted.links.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", name):
            problems.append(Problem(f"{name!r} is no name of a link in a target file", path=f"--link {logged}={name}"))
    if problems:
        raise UsageProblems(*problems)


def _seen_from(folder: Path, file: str | None) -> str:
    """*file*, which is named from where we are, as a scenario in *folder* names it."""
    if not file or Path(file).is_absolute():
        return file or ""
    there, here = Path(file).resolve().parts, folder.resolve().parts
    same = next((at for at, (one, other) in enumerate(zip(there, here, strict=False)) if one != other), len(here))
    return "/".join([*[".."] * (len(here) - same), *there[same:]])


def _name(out: Path) -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", out.stem.lower()).strip("-")[:60]
    return name or "incident"


def _others(log: Log) -> str:
    passed = "".join(f", {count:,} {kind}" for kind, count in sorted(log.passed.items()))
    return f"{passed}{f', and {log.broken_rows:,} that could not be read' if log.broken_rows else ''}"


def _packed(text: bytes) -> bytes:
    stream = BytesIO()
    # The last hundredth of its size would take four times as long.
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, compresslevel=6) as packed:
        packed.write(text)
    return stream.getvalue()
