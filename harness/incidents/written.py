"""The scenario of an incident as a person reads and edits it: load, phases, faults with their evidence, what to expect; and its trace."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from math import ceil
from typing import TYPE_CHECKING

from harness.incidents.calls import OK, Calls
from harness.incidents.course import Course, Stretch
from harness.incidents.faults import Found
from harness.incidents.importing import Log
from harness.incidents.recorded import seen

if TYPE_CHECKING:
    from harness.incidents.calls import Ints

WITHIN_S, DEADLINE_S = 4.0, 10.0
"""What a scenario has by itself."""
PROMPTS_MOST = 1_000
_TURNS = 2.5
_HOLD_S = 20.0
_RECOVERED_S = 10.0
_SHARES = ((60, 0.9), (30, 0.8), (10, 0.5))
"""What can be settled of so many requests."""
_WORDS = 200
_QUESTIONS = (
    ("help", "What can you help me with?"),
    ("begin", "How do I begin?"),
    ("cost", "What does it cost?"),
    ("contact", "How do I reach a person?"),
    ("hours", "When are you open?"),
    ("change", "How do I change my order?"),
    ("cancel", "How do I cancel?"),
    ("privacy", "What do you know about me?"),
)


def scenario(
    name: str,
    log: Log,
    course: Course,
    faults: Sequence[Found],
    *,
    trace: str,
    questions: str,
    curve: str,
    compress: float,
    notes: Sequence[str],
) -> str:
    """The text of it; *trace*, *questions* and *curve* are files beside it, *trace* empty for a shaped load, and *curve* where there
    is none. *notes* stand at its top."""
    within_s = _within_s(course, log.of_clients)
    parts = [
        *(f"# {line}" for line in notes),
        "schema: harness.scenario/1",
        f"name: {name}",
        f"about: {json.dumps(_about(course))}",
        *_load(course, trace, questions, within_s),
        *_phases(course, compress),
        *_faults(course, faults),
        *_recorded(curve, log),
    ]
    if within_s > WITHIN_S:
        parts += [
            "# Answers took so long while all was well that a good one has to be given more time than usual.",
            f"good: {{within: {within_s:g}s}}",
        ]
    return "\n".join([*parts, *_expect(course, within_s), ""])


def stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _about(course: Course) -> str:
    logged = [stretch.logged for stretch in course.stretches]
    return f"What was logged from {stamp(logged[0].start_s)} to {stamp(logged[-1].end_s)}."


def _within_s(course: Course, requests: Calls) -> float:
    """How long a good answer may take: as usual, or twice what a quarter of those took longer than that came while all was well."""
    import numpy as np

    quiet = [one.logged for one in course.stretches if one.logged.quiet and one.logged.span_s > 0]
    well = np.zeros(requests.size, bool)
    for phase in quiet:
        well |= (requests.at_s >= phase.start_s) & (requests.at_s < phase.end_s)
    took = requests.duration_ms[well & (requests.came_to == OK) & (requests.duration_ms > 0)]
    usual_s = 2 * float(np.percentile(took, 75)) / 1e3 if took.size else 0.0
    return float(max(WITHIN_S, ceil(usual_s)))


def _load(course: Course, trace: str, questions: str, within_s: float) -> Iterator[str]:
    deadline = f", deadline: {_TURNS * within_s:g}s" if within_s > WITHIN_S else ""
    if trace:
        yield f"load: {{questions: {json.dumps(questions)}, shape: {{trace: {json.dumps(trace)}}}{deadline}}}"
        return
    rates = {one.logged.name: rate for one, rate in _rates(course)}
    steps = ", ".join(f"{name}: {rate:.3g}" for name, rate in rates.items() if name != "baseline" and rate > 0)
    base = f"rate_per_s: {max(rates['baseline'], 0.01):.3g}, arrivals: poisson"
    yield f"load: {{{base}, questions: {json.dumps(questions)}, shape: {{steps: {{{steps}}}}}{deadline}}}"


def _rates(course: Course) -> Iterator[tuple[Stretch, float]]:
    import numpy as np

    start_s = 0.0
    for stretch in course.stretches:
        first, last = np.searchsorted(course.due_s, (start_s, start_s + stretch.span_s))
        yield stretch, float(last - first) / stretch.span_s
        start_s += stretch.span_s


def _phases(course: Course, compress: float) -> Iterator[str]:
    if compress != 1:
        yield f"# {compress:g} times as short as it was, each phase but not below what it needs, at the same rate of requests."
        yield "# What a service has of its own does not shrink: its time-outs, back-off, breakers and caches are as long as ever, so there"
        yield "# is room for fewer of them in each phase than there was, and what hangs on hours (a queue that fills, a quota of a day) is"
        yield "# not seen. Nor do stated waits shrink."
    yield "phases:"
    for number, (stretch, rate) in enumerate(_rates(course)):
        span_s = stretch.span_s
        if number == 0:
            yield "  warmup: 3s"
            span_s -= 3
        yield f"  {stretch.logged.name}: {span_s:.10g}s  # {_logged(stretch)}, {rate:.3g} requests a second"


def _logged(stretch: Stretch) -> str:
    logged = stretch.logged
    if logged.span_s <= 0:
        return "made up: the log has none"
    said = f"{stamp(logged.start_s)}, {logged.span_s:.4g} s"
    return f"{said} and {stretch.made_up_s:.3g} s that are made up" if stretch.made_up_s else said


def _faults(course: Course, faults: Sequence[Found]) -> Iterator[str]:
    if not faults:
        yield "# Nothing that a fault could be made of was found in the log."
        return
    yield "# A share is of what the faults before it have left, so what answers in a provider's place comes first. Counts are of the log."
    yield "faults:"
    for stretch in course.stretches:
        for one in (one for one in faults if one.at == stretch.logged.name):
            yield from (f"  # {line}" for line in one.evidence)
            yield f"  - {one.written()}"


def _recorded(curve: str, log: Log) -> Iterator[str]:
    if not curve:
        return
    of, _ = seen(log)
    if of == "calls":
        yield "# The log says nothing of what clients got, so the curve is of all calls to dependencies, and a run's attempts are held"
        yield "# against it: it shows whether the same was broken, and nothing of what the service made of it for its clients."
    else:
        yield "# What clients saw then, second by second; the report holds the run against it."
    yield "# A service that has been mended since is to answer otherwise; one that is as it was may be held to fidelity >= 0.9."
    yield f"recorded: {json.dumps(curve)}"


def _expect(course: Course, within_s: float) -> Iterator[str]:
    yield "# What you would want of your service; nothing of the log says that it did so."
    yield "expect:"
    written = False
    for stretch, rate in _rates(course):
        if stretch.logged.quiet:
            continue
        share = next((share for least, share in _SHARES if rate * stretch.span_s >= least), None)
        if share is not None:
            yield f"  - good_ratio >= {share:g} in {stretch.logged.name}"
            written = True
    last, rate = list(_rates(course))[-1]
    needed_s = _RECOVERED_S + max(_HOLD_S, 2 * within_s) + 2
    if written and last.span_s >= needed_s and rate * last.span_s >= _SHARES[0][0] and rate * _RECOVERED_S > 1:
        yield f"  - recovery_time_s <= {_RECOVERED_S:g}"
    elif not written:
        yield "  - good_ratio >= 0.5 in recovery"


def trace(course: Course, requests: Calls, questions: Mapping[int, str]) -> str:
    """The trace of *course* as CSV: when each request is due, its conversation and sizes where the log has them, and its question."""
    import numpy as np

    rows = np.maximum(course.row, 0)
    real = course.row >= 0
    names, columns = ["due_s"], [[f"{at:.3f}" for at in course.due_s.tolist()]]

    def each(of: Ints) -> list[int]:
        """What each row has *of* the requests, and 0 where it is none of them."""
        found: list[int] = np.where(real, of[rows], 0).tolist()
        return found

    if requests.conversation.any():
        number = np.where(requests.conversation != 0, _in_order(requests.conversation), 0)
        columns.append([f"c{one}" if one else "" for one in each(number)])
        names.append("conversation")
    for name in ("tokens_in", "tokens_out"):
        counts = getattr(requests, name)
        if (counts > 0).any():
            columns.append([str(one) if one > 0 else "" for one in each(counts)])
            names.append(name)
    if questions:
        columns.append([questions.get(one, "") for one in each(requests.prompt)])
        names.append("question")
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _in_order(of: Ints) -> Ints:
    """The same numbers for the same *of*, from 1 on in the order in which they come first; 0 is nobody."""
    import numpy as np

    _, firsts, place = np.unique(np.append(0, of), return_index=True, return_inverse=True)
    order: Ints = np.argsort(np.argsort(firsts))[place.reshape(-1)][1:]
    return order


def asked(requests: Calls) -> dict[int, str]:
    """What each prompt of *requests* is called as a question, for the first so many of them."""
    import numpy as np

    known, counts = np.unique(requests.prompt[requests.prompt > 0], return_counts=True)
    most = known[np.argsort(-counts, kind="stable")][:PROMPTS_MOST]
    return {int(prompt): f"q{number}" for number, prompt in enumerate(most, start=1)}


def questions(requests: Calls, named: Mapping[int, str]) -> str:
    """A questions file: what was asked, where prompts were let in, else a few of ours."""
    said = [(name, requests.prompts[prompt]) for prompt, name in named.items()] or list(_QUESTIONS)
    lines = [f"  - {{id: {name}, text: {json.dumps(_sayable(text))}}}" for name, text in said]
    head = (
        []
        if named
        else ["# The log's prompts stay out of it; put in what your users ask, or import once more --with-prompts."]
    )
    return "\n".join([*head, "schema: harness.questions/1", "questions:", *lines, ""])


def _sayable(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text)[: 100 * _WORDS].strip() or "?"


def named(calls: Calls, said: Mapping[str, str]) -> dict[int, str]:
    """What each link of *calls* is called in a scenario: as was *said*, else by its name; empty where there is but one, or it has none."""
    import numpy as np

    there = [int(link) for link in np.unique(calls.link)]
    found: dict[int, str] = {}
    for link in there:
        logged = calls.links[link]
        name = said.get(logged, "" if len(there) == 1 else _as_name(logged))
        found[link] = name if name == "" or name not in found.values() or logged in said else f"{name[:36]}-{link}"
    return found


def _as_name(logged: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", logged).strip("-")[:40]
    return name if name[:1].isalpha() or not name else f"link-{name}"[:40]


def sayable(text: str, most: int = 120) -> str:
    """*text* of a log in a comment: in one line, and with nothing in it that a terminal would obey."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:most])
    return shown + "…" * (len(text) > most)
