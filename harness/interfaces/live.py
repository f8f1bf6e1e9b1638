"""What a person sees while a run goes on: phase and time left, faults in force, offered and good rate, p95, attempts per request."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from harness.planning.plan import Plan
from harness.reading.quantities import plain, share
from harness.record.rowfile import Tail
from harness.record.rows import FAILED, Attempt, Request
from harness.running.loop import Progress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_LEAST_S = 1.0
_WINDOW_S = 5.0
_KEPT_S = 60.0
"""For so long at least it is known of a request that it has ended; whose attempts end later than that are not counted."""
_LINE_EVERY_S = 5.0


class Numbers:
    """The run so far, from what its processes have written: over the last five seconds, and over all of it."""

    def __init__(self, plan: Plan, rows: Path, clock: Callable[[], float] = monotonic) -> None:
        self._plan, self._clock = plan, clock
        self._requests, self._attempts = Tail(rows, "requests", Request), Tail(rows, "attempts", Attempt)
        self._recent: deque[tuple[float, float, bool]] = deque()
        self._tries: deque[tuple[float, bool]] = deque()
        """When each attempt of late ended, and whether it was answered as it was wanted."""
        self.ended = self.attempts = self.strays = self.presses = 0
        self._tried: Counter[str] = Counter()
        self._over, self._over_before = set[str](), set[str]()
        self._kept_since_s = clock()
        self._first_s = inf
        """When the first request of which anything is known was due, or the first attempt began."""

    def read(self) -> None:
        """Take in what was written since the last time."""
        within_s = self._plan.scenario.good.within
        for row in self._requests.rows():
            self._first_s = min(self._first_s, row.due_s)
            if row.end_s is None:
                continue
            latency_s = row.end_s - row.due_s
            self._recent.append((row.end_s, latency_s, row.outcome == "complete" and latency_s <= within_s))
            self.ended += 1
            self.presses += row.presses
            self._over.add(row.nonce)
            self.attempts += self._tried.pop(row.nonce, 0)
        self._count_attempts()
        if self._clock() - self._kept_since_s >= _KEPT_S:
            self._over_before, self._over, self._kept_since_s = self._over, set(), self._clock()
        # By the clock, and not by the newest answer: where none comes any more, none came in the last five seconds.
        since_s = self._clock() - _WINDOW_S
        self._recent = deque(one for one in self._recent if one[0] >= since_s)
        self._tries = deque(one for one in self._tries if one[0] >= since_s)

    def _count_attempts(self) -> None:
        """Those of requests that have ended: of one that is open nobody knows how many there will be, and others belong to none."""
        for row in self._attempts.rows():
            self._first_s = min(self._first_s, row.start_s)
            if row.end_s is not None and self._watched:
                self._tries.append((row.end_s, row.outcome == "complete" and row.status < FAILED))
            if not row.nonce:
                self.strays += 1
            elif row.nonce in self._over or row.nonce in self._over_before:
                self.attempts += 1
            else:
                self._tried[row.nonce] += 1

    @property
    def _over_s(self) -> float:
        """How long what came of late is: the last five seconds, or as long as anything has gone on, and a second at the least."""
        return min(_WINDOW_S, max(self._clock() - self._first_s, _LEAST_S))

    @property
    def _watched(self) -> bool:
        return self._plan.scenario.load.watched

    @property
    def attempts_per_s(self) -> float | None:
        """Attempts on links that ended, whoever they were for, where the load is the service's own; else None."""
        return len(self._tries) / self._over_s if self._watched else None

    @property
    def answered_ratio(self) -> float | None:
        """The share of them that was answered; None where there was none."""
        return sum(well for _, well in self._tries) / len(self._tries) if self._tries else None

    @property
    def good_per_s(self) -> float | None:
        """None before the first answer: that is no outage."""
        return sum(good for _, _, good in self._recent) / self._over_s if self.ended else None

    @property
    def p95_s(self) -> float | None:
        latencies = sorted(latency_s for _, latency_s, _ in self._recent)
        return latencies[min(len(latencies) - 1, int(0.95 * len(latencies)))] if latencies else None

    @property
    def attempts_per_request(self) -> float | None:
        return self.attempts / self.ended if self.ended and not self.unjoined and not self._watched else None

    @property
    def presses_per_request(self) -> float | None:
        """How often clients asked for one request that has ended; None where they ask once."""
        return self.presses / self.ended if self.ended and self._plan.pressing is not None else None

    @property
    def unjoined(self) -> bool:
        """Whether most attempts carry no nonce, so that nobody can tell to which requests they belong."""
        return self.strays > self.attempts + self._tried.total()

    def close(self) -> None:
        self._requests.close()
        self._attempts.close()


class LivePanel:
    """A panel that is drawn anew while a run goes on; plain lines every five seconds where there is no terminal."""

    def __init__(self, console: Console, plan: Plan, rows: Path, clock: Callable[[], float] = monotonic) -> None:
        from rich.live import Live

        self._console, self._plan, self._numbers = console, plan, Numbers(plan, rows, clock)
        # Drawn by `show` alone: a thread of its own would draw into what is printed meanwhile, and fail where nobody sees it.
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._drawn_s = self._told_s = -_LINE_EVERY_S

    def __enter__(self) -> LivePanel:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
        self._numbers.close()

    def show(self, progress: Progress) -> None:
        """Shown about ten times a second; draws four times a second, tells every five."""
        if self._live and progress.now_s - self._drawn_s >= 0.25:
            self._drawn_s = progress.now_s
            self._numbers.read()
            self._live.update(_panel(self._plan, progress, self._numbers), refresh=True)
        elif not self._live and progress.now_s - self._told_s >= _LINE_EVERY_S:
            self._told_s = progress.now_s
            self._numbers.read()
            self._console.print(_line(self._plan, progress, self._numbers), highlight=False, soft_wrap=True)


def phase_at(plan: Plan, now_s: float) -> tuple[str, float]:
    """Where the run stands, and the seconds left there."""
    for phase in plan.phases:
        if now_s < phase.end_s:
            return phase.name, phase.end_s - now_s
    return "draining", max(0.0, plan.ends_s - now_s)


def _facts(plan: Plan, progress: Progress, numbers: Numbers) -> list[tuple[str, str]]:
    at_s, load = max(0.0, progress.now_s), plan.scenario.load
    good_per_s, p95_s = numbers.good_per_s, numbers.p95_s
    of_requests = [
        ("good", f"{good_per_s:.1f}/s" if good_per_s is not None else "-"),
        ("p95", f"{p95_s:.2f} s" if p95_s is not None else "-"),
    ]
    return [
        ("load", load.who) if load.who else ("offered", f"{plain(plan.schedule.per_s_at(at_s))}/s"),
        *(of_requests if load.asks else ()),
        *_pressed(plan, numbers),
        *_tried(numbers),
    ]


def _tried(numbers: Numbers) -> Iterator[tuple[str, str]]:
    """How often each request was tried; of the service's own traffic how many attempts passed, and how many of them were answered."""
    if numbers.attempts_per_s is not None:
        answered = numbers.answered_ratio
        yield "attempts", f"{numbers.attempts_per_s:.1f}/s"
        yield "answered", share(answered) if answered is not None else "-"
        return
    amplification = numbers.attempts_per_request
    yield "attempts per request", f"{amplification:.2f}" if amplification is not None else _untold(numbers)


def _pressed(plan: Plan, numbers: Numbers) -> Iterator[tuple[str, str]]:
    """How often clients ask for one request; nothing where none asks again."""
    if plan.pressing is not None:
        presses = numbers.presses_per_request
        yield "presses per request", f"{presses:.2f}" if presses is not None else "-"


_OF = {
    **dict.fromkeys(("p95", "answered"), f" (last {_WINDOW_S:g} s)"),
    **dict.fromkeys(("presses per request", "attempts per request"), " so far"),
}
"""What a number is about, where it stands in a line; in the panel a line below the numbers says so."""
_ABOUT, _ALL_OF_LATE = f"good and p95: the last {_WINDOW_S:g} s; attempts: so far", f"all of the last {_WINDOW_S:g} s"


def _untold(numbers: Numbers) -> str:
    return f"not told: {numbers.strays} carry no nonce" if numbers.unjoined else "-"


def _faults(progress: Progress) -> list[str]:
    return [f"{active.summary} ({_state(active.id, progress)})" for active in progress.active.values()]


def _state(fault: str, progress: Progress) -> str:
    if fault in progress.gone:
        return "NOT as it was made: somebody was at its proxy"
    return "in force" if fault in progress.confirmed else "not seen yet"


def _line(plan: Plan, progress: Progress, numbers: Numbers) -> str:
    name, left_s = phase_at(plan, progress.now_s)
    facts = "  ".join(f"{label} {value}{_OF.get(label, '')}" for label, value in _facts(plan, progress, numbers))
    faults = "".join(f"  ! {fault}" for fault in _faults(progress))
    return f"{progress.now_s:5.0f} s  {name:<9} {left_s:4.0f} s left  {facts}{faults}"


def _panel(plan: Plan, progress: Progress, numbers: Numbers) -> RenderableType:
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    name, left_s = phase_at(plan, progress.now_s)
    head = Text.assemble((name, "bold"), f"  {left_s:.0f} s left")
    table = Table.grid(padding=(0, 3))
    facts = _facts(plan, progress, numbers)
    table.add_row(*(Text(label, style="dim") for label, _ in facts))
    table.add_row(*(Text(value, style="bold") for _, value in facts))
    faults = [Text(f"⚡ {fault}", style="bold yellow") for fault in _faults(progress)]
    bar = ProgressBar(total=plan.total_s, completed=min(plan.total_s, progress.now_s), width=50)
    title = f"{plan.scenario.name} on {plan.target.name}, seed {plan.seed}"
    layout, about = Table.grid(), _ABOUT if numbers.attempts_per_s is None else _ALL_OF_LATE
    rows: list[RenderableType] = [head, bar, table, Text(about, style="dim"), *faults]
    for row in rows:
        layout.add_row(row)
    return Panel.fit(layout, title=title, title_align="left", border_style="dim")
