"""Why the numbers of a run can, or cannot, be trusted: each reason with the evidence for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Fault, Quality, Result
from harness.judging.scoring.steadiness import kept_up
from harness.judging.starvation import DOUBTFUL_RATIO
from harness.record.history import Alarm
from harness.report import machine, words, workers
from harness.report.comes_and_goes import EACH, called, of_all, together
from harness.report.plain_text import one_line
from harness.report.templating import render
from harness.report.whereabouts import links


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the measurement; *state* is its answer, *said* the answer's word, and *detail* the evidence."""

    question: str
    state: Literal["yes", "no", "open"]
    said: str
    detail: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many attempts were counted at one place of the wire; None where nobody counted."""

    place: str
    n: int | None


def section(result: Result, evidence: Evidence | None) -> Markup:
    """The checks, the counts along the wire, and what else went wrong."""
    told = [*_alarms(evidence), *notes(result)]
    drawn = machine.picture(result, evidence)
    return render(
        "trust.html",
        checks=checks(result),
        counts=counts(result.quality),
        notes=told,
        machine=drawn,
        workers=workers.each(result.quality),
    )


def checks(result: Result) -> list[Check]:
    """What was checked of the measurement, in the order in which it could have gone wrong."""
    return [
        *_asked(result.quality),
        *_faults(result),
        *_load(result.quality),
        _baseline(result),
        *_joined(result.quality),
        *_machine(result),
    ]


def counts(quality: Quality) -> list[Count]:
    """Attempts along the wire: what disappears between two places, the fault ate."""
    return [
        Count("tried by the service (tap)", quality.attempts),
        Count("came through (edge)", quality.arrivals),
        Count("passed on to providers", quality.forwarded),
        Count("counted by providers", quality.accepted),
    ]


def notes(result: Result) -> list[str]:
    """What else has to be known."""
    return [one_line(note, 500) for note in result.quality.notes]


def _alarms(evidence: Evidence | None) -> list[str]:
    alarms = [event for event in evidence.history if isinstance(event, Alarm)] if evidence is not None else []
    return [f"{words.instant(event.at_s)}: {one_line(event.what, 500)}" for event in alarms]


def _asked(quality: Quality) -> Iterator[Check]:
    for asked in quality.preflight:
        good = asked.outcome == "complete"
        where = f"{asked.entry} " if len(quality.preflight) > 1 else ""
        tries = f" in {asked.tries} tries" if asked.tries > 1 else ""
        saw = [
            f"{one_line(link.link, 40)} saw {words.counted(link.attempts, 'attempt')}"
            for link in asked.links
            if link.attempts and not quality.watched  # else they may be anybody's
        ]
        said = [
            f"{where}{'answered' if good else one_line(asked.outcome, 40)}{tries} after {words.seconds(asked.took_s)} s",
            *saw,
        ]
        answer: Literal["yes", "no"] = "yes" if good else "no"
        yield Check("Was a question answered before the load?", answer, answer, "; ".join(said))


def _faults(result: Result) -> Iterator[Check]:
    if not result.faults:
        yield Check("Did the fault take hold?", "open", "no fault", "Nothing was broken in this run.")
    for every in together(result.faults):
        if len(every) > 1:
            yield _each_time(every)
        # Of many stretches those are told that were not as they should be.
        told = [fault for fault in every if not _held(fault)][:EACH] if len(every) > 1 else every
        yield from map(_took_hold, told)


def _held(fault: Fault) -> bool:
    """Whether it took hold, and to its end."""
    return fault.confirmed and fault.lost_at_s is None


def _took_hold(fault: Fault) -> Check:
    said = "yes" if _held(fault) else "not to its end" if fault.confirmed else "no"
    name = f"Did {one_line(fault.summary, 100)} take hold?"
    return Check(name, "yes" if said == "yes" else "no", said, _hold(fault))


def _each_time(stretches: Sequence[Fault]) -> Check:
    """Whether a fault that came and went often took hold each time, and what it was the first time that it did."""
    held = [fault for fault in stretches if _held(fault)]
    whole = len(held) == len(stretches)
    touched = [fault.attempts_affected for fault in stretches if fault.attempts_affected is not None]
    said = [f"the first time: {_hold(held[0])}"] if held else []
    said += [shares] if (shares := of_all(stretches)) else []
    said += [f"{words.counted(sum(touched), 'attempt')} touched in all"] if touched else []
    answer = "yes" if whole else f"{words.count(len(held))} of {words.count(len(stretches))} times"
    return Check(f"Did {called(stretches, 100)} take hold?", "yes" if whole else "no", answer, "; ".join(said))


def _hold(fault: Fault) -> str:
    said = [one_line(fault.evidence, 400)]
    if fault.confirmed_at_s is not None and fault.asked_at_s is not None:
        said.append(f"seen {words.seconds(max(0.0, fault.confirmed_at_s - fault.asked_at_s))} s after it was asked for")
    said.append(words.delivered(fault))
    if fault.lost and fault.confirmed:
        said.append(one_line(fault.lost, 400))
    if fault.attempts_affected is not None:
        said.append(f"{words.counted(fault.attempts_affected, 'attempt')} touched")
    if fault.asked_at_s is not None and fault.reverted_at_s is None:
        said.append("it was not seen to be put back")
    return "; ".join(part for part in said if part)


def _users(quality: Quality) -> Check:
    """Of a closed load, which is never late: what it is."""
    said = [one_line(quality.closed, 500), f"{words.counted(quality.sent, 'request')} sent"]
    odd = {"not sent": quality.dropped, "lost": quality.missing, "without an end": quality.unfinished}
    said += [f"{words.count(n)} {name}" for name, n in odd.items() if n]
    return Check("Was the load open?", "open", "no", "; ".join(said))


def _load(quality: Quality) -> Iterator[Check]:
    if quality.watched:
        yield Check("Did the harness send the load?", "open", "no", one_line(quality.watched, 500))
    if quality.offered or not quality.watched:
        yield _users(quality) if quality.closed else _kept_up(quality)
    if quality.workers:
        whole = not any(worker.lost or worker.torn for worker in quality.workers)
        said: Literal["yes", "no"] = "yes" if whole else "no"
        yield Check("Did each worker send its share?", said, said, workers.told(quality))


def _kept_up(quality: Quality) -> Check:
    lag_ms = quality.send_lag_ms.p99
    whole = not (quality.dropped or quality.missing or quality.doubled or quality.unplanned)
    if quality.offered == 0 or lag_ms is None:
        return Check("Did the load keep up?", "no", "no", "No request was sent.")
    said = [f"{words.count(quality.sent)} of {words.count(quality.offered)} requests sent"]
    said += [f"99 of 100 within {lag_ms:.1f} ms of when they were due"]
    odd = {
        "not sent": quality.dropped,
        "lost": quality.missing,
        "doubled": quality.doubled,
        "not planned": quality.unplanned,
        "without an end": quality.unfinished,
    }
    said += [f"{words.count(n)} {name}" for name, n in odd.items() if n]
    kept = whole and kept_up(quality.late, quality.sent, quality.dropped)
    return Check("Did the load keep up?", "yes" if kept else "no", "yes" if kept else "no", "; ".join(said))


def _machine(result: Result) -> Iterator[Check]:
    loads = result.quality.instrument
    if not loads:
        return
    question = "Had the run the processors that it needed?"
    late = max((late.max for load in loads for name, late in load.late_ms.items() if name == "wire"), default=None)
    detail = "; ".join(machine.said(load) for load in loads)
    detail += f"; the wire ran {late:.0f} ms late at most" if late is not None else ""
    starved = [load.starved for load in loads if load.starved is not None]
    if not starved:
        yield Check(question, "open", words.NOT_MEASURED, detail)
    elif max(starved) < DOUBTFUL_RATIO:
        yield Check(question, "yes", "yes", detail)
    else:
        yield Check(question, "open", "not always", detail)


def _baseline(result: Result) -> Check:
    phase = next((phase for phase in result.phases if phase.name == "baseline"), None)
    ratio = phase.good_ratio if phase else None
    detail = f"{words.share(ratio)} of its answers were good" if ratio is not None else _on_links(result)
    steady = result.quality.steady_baseline
    if steady is None:
        return Check("Was the baseline steady?", "open", words.NOT_MEASURED, detail)
    return Check("Was the baseline steady?", "yes" if steady else "no", "yes" if steady else "no", detail)


def _on_links(result: Result) -> str:
    """How attempts of the baseline went, where no request was due in it."""
    cells = [cell for cell in links(result) if cell.phase == "baseline"] if result.quality.watched else []
    seen = sum(cell.n for cell in cells)
    if not seen:
        return "no request was due in it"
    return f"{words.share(sum(cell.well for cell in cells) / seen)} of {words.counted(seen, 'attempt')} were answered"


def _joined(quality: Quality) -> Iterator[Check]:
    if quality.watched:
        return
    if quality.join_ratio is None:
        yield Check(
            "Were attempts joined to requests?", "open", words.NOT_MEASURED, "No attempt at a provider was seen."
        )
        return
    said = "all" if quality.join_ratio == 1 else "nearly all" if quality.join_ratio >= 0.999 else "in part"
    detail = f"{words.share(quality.join_ratio)} of {words.count(quality.attempts)} attempts belong to a known request"
    detail += (
        f"; {words.count(quality.earlier)} more came before the load, and count nowhere" if quality.earlier else ""
    )
    yield Check("Were attempts joined to requests?", "open" if said == "in part" else "yes", said, detail)
