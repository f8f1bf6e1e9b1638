"""How well a run was measured, and each reason for which its numbers cannot be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.faults.effects import EdgeRule
from harness.judging import result, watched
from harness.judging.answered_with import changed_in_the_run
from harness.judging.answers import given_up
from harness.judging.closed import begun, consequences, late, spoilt, waits
from harness.judging.delivery import delivery
from harness.judging.endings import silence
from harness.judging.evidence import Evidence
from harness.judging.following import counting
from harness.judging.joining import cut_off, endless, impossible, made_for_requests
from harness.judging.marks import NO_MARK, marks
from harness.judging.passing import astray, broken, redirected, uncarried, unreached, untouched
from harness.judging.preflight import shortcomings
from harness.judging.result import Doubt, Quality
from harness.judging.sameness import in_short, one_answer_to_all, unlooked_at
from harness.judging.sample import baseline
from harness.judging.scoring.audit import audit
from harness.judging.scoring.steadiness import LAG_P99_MS, kept_up, steady
from harness.judging.starvation import CLOSE_OTHERS, Load, loads
from harness.judging.unused import unmet, untried, unused, unused_processes
from harness.planning.disturbance import Disturbance
from harness.reading import quantities
from harness.reading.quantities import counted
from harness.record.history import Alarm, Confirmed, Injecting, Look, Preflight, Reverted, Reverting
from harness.record.rows import LOOKS, STOPPED

if TYPE_CHECKING:
    from harness.record.columns import Table
    from harness.record.workers import Worker

LATE_STEP_S, LATE_PART = 1.0, 0.5
"""A fault that is begun or ended later than this, or than such a part of its time, is another fault than the one that was planned."""
JOINED_RATIO = 0.99
"""Share of attempts that have to be joined to a request before a limit on the amplification can be judged."""


def measurement_quality(evidence: Evidence) -> Quality:
    """What the run says about its own measurement."""
    rows, attempts, arrivals = evidence.request_table, evidence.attempt_table, evidence.arrival_table
    lag_ms = 1000 * (rows.numbers("sent_s") - rows.numbers("due_s"))
    lag_ms = lag_ms[~np.isnan(lag_ms)].clip(min=0)
    outcomes = rows.words("outcome").counts()
    indices, offered = _offered(evidence)
    audited = audit(indices, offered)
    return Quality(
        offered=offered,
        sent=len(lag_ms),
        dropped=outcomes.get("not_sent", 0),
        unfinished=outcomes.get("unfinished", 0),
        missing=len(audited.missing),
        doubled=len(audited.doubled),
        unplanned=len(audited.unplanned),
        late=int((lag_ms > LAG_P99_MS).sum()),
        send_lag_ms=result.SendLagMs(
            **{
                name: _rounded(np.quantile(lag_ms, q)) if lag_ms.size else None
                for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
            }
        ),
        steady_baseline=_steady(evidence),
        join_ratio=_join_ratio(attempts, evidence.cut_s) if "joined" in evidence.plan.known else None,
        attempts=len(attempts),
        arrivals=len(arrivals),
        forwarded=int((~np.isnan(arrivals.numbers("forwarded_s"))).sum()),
        redials=int(arrivals.numbers("redials").sum()),
        accepted=sum(evidence.accepted.values()) if evidence.accepted else None,
        impossible=impossible(rows) + endless(evidence.plan, rows) + impossible(attempts) + impossible(arrivals),
        closed=consequences(evidence),
        watched=watched.consequences(evidence),
        notes=_notes(evidence),
        earlier=evidence.earlier,
        instrument=[_machine(load) for load in loads(evidence)],
        preflight=[_preflight(asked) for asked in evidence.preflights()],
        workers=[_worker(evidence, worker) for worker in evidence.workers],
        clocks_add_s=evidence.clock_s,
    )


def _worker(evidence: Evidence, worker: Worker) -> result.LoadWorker:
    rows = evidence.request_table
    own = rows.numbers("worker") == worker.number
    if worker.lost:
        own &= rows.words("detail") != worker.lost_words
    known = {name: getattr(worker, name) for name in result.LoadWorker.model_fields if name != "rows"}
    return result.LoadWorker(**known, rows=int(own.sum()))


def _steady(evidence: Evidence) -> bool | None:
    """Whether the service was as well as it should be before anything was broken; None where nobody knows."""
    if not evidence.plan.asks:
        return watched.steady_baseline(evidence)
    before = baseline(evidence).column
    return steady(before("due_s"), before("good"), evidence.plan.scenario.good.ratio) if before("good").size else None


def _join_ratio(attempts: Table, cut_s: float) -> float | None:
    """Of those of which it can be known at all."""
    joined = (attempts.numbers("request") >= 0)[~cut_off(attempts, cut_s)]
    return round(float(joined.mean()), 6) if joined.size else None


def distrust(evidence: Evidence, quality: Quality, faults: list[result.Fault]) -> Iterator[Doubt]:
    """Each reason for which the numbers cannot be trusted; none where they can be."""
    yield from (Doubt(kind="alarm", said=event.what) for event in evidence.history if isinstance(event, Alarm))
    if _ended_before_the_load(evidence):
        return
    # Where nobody used the service, that is behind all that is missing of its faults.
    yield from watched.spoilt(evidence)
    yield from (Doubt(kind="users", said=said) for said in spoilt(evidence))
    yield from _faults(evidence, faults)
    yield from _late_steps(evidence)
    if quality.impossible:
        said = (
            f"{counted(quality.impossible, 'row')} with times that cannot be, such as an answer that ended before its request was due, "
            "or long after its client had given up: the clock of this machine jumped, or somebody changed the rows"
        )
        yield Doubt(kind="impossible_times", said=said)
    of_workers = _of_workers(evidence)
    yield from (Doubt(kind="worker", said=said) for said in of_workers)
    of_load = [] if of_workers or not evidence.plan.asks else _load(quality, closed=waits(evidence) > 0)
    yield from (Doubt(kind="load", said=said) for said in [*late(evidence), *of_load])
    yield from (Doubt(kind="wire", said=said) for said in broken(evidence))
    if strange := _of_no_link(evidence):
        said = (
            f"on {', '.join(strange)} something was seen, which is no link of the target file; has a link been renamed there, or left out, "
            f"since the run was made? it names {', '.join(evidence.plan.target.links) or 'none'}"
        )
        yield Doubt(kind="other_links", said=said)
    if quality.attempts and _joined_ratio(evidence) < JOINED_RATIO and counting(evidence.plan):
        # An attempt that belongs to no request makes the amplification look smaller than it is.
        said = (
            f"only {quantities.share(_joined_ratio(evidence))} of attempts could be joined to a request; "
            "does the service pass the nonce on where the target file says (ask.nonce)?"
        )
        yield Doubt(kind="not_joined", said=said)
    for pattern in given_up(evidence):
        said = (
            f"the pattern {pattern!r} was looked for in one answer for too long and given up, so nobody knows which answers are as asked: "
            "it can take a text in too many ways; say less, or [^x]* in the place of .*"
        )
        yield Doubt(kind="pattern", said=said)
    if not evidence.plan.closed and (same := one_answer_to_all(evidence)):
        yield Doubt(kind="one_answer", said=same)
    yield from _of_the_baseline(evidence, quality) if evidence.plan.asks else ()


def _of_no_link(evidence: Evidence) -> list[str]:
    """Names of links on which anything was seen, and of which the target file says nothing: what is told by link would miss all of it."""
    seen = {*evidence.words("attempts", "link").unique(), *evidence.words("arrivals", "link").unique()}
    if evidence.traffic_table is not None:
        seen |= {*evidence.traffic_table.words("link").unique()}
    return sorted(seen - {*evidence.plan.target.links, ""})


def _of_the_baseline(evidence: Evidence, quality: Quality) -> Iterator[Doubt]:
    """What was wrong with requests before anything was broken."""
    if quality.steady_baseline is None:
        said = "nothing was asked in the baseline, so nobody knows how the service does when nothing is broken"
        yield Doubt(kind="no_baseline", said=said)
    if quality.steady_baseline is False:
        yield Doubt(kind="unsteady_baseline", said=_unsteady(evidence))


def _ended_before_the_load(evidence: Evidence) -> bool:
    """Whether the run was given up before anything was asked of the target but a question: then there is nothing else to distrust."""
    ended = evidence.ended
    given_up = ended is not None and ended.reason == "invalidated" and not len(evidence.request_table)
    return given_up and not any(isinstance(event, Injecting) for event in evidence.history)


def _faults(evidence: Evidence, faults: list[result.Fault]) -> Iterator[Doubt]:
    for fault in faults:
        if not fault.confirmed and not _had_no_time(evidence, fault):
            yield Doubt(kind="not_in_force", said=f"{fault.summary} did not take hold: {fault.evidence}")
        elif fault.lost:
            yield Doubt(kind="not_in_force_any_more", said=fault.lost)
    stretches = Counter(disturbance.of for disturbance in evidence.plan.disturbances)
    for disturbance in evidence.plan.disturbances:
        delivered = delivery(evidence, disturbance)
        if delivered and (off := delivered.far_off(stretches[disturbance.of])):
            link, share = off
            there = f" on {link}" if link else ""
            said = (
                f"{disturbance.summary} hit "
                f"{quantities.share(share.value or 0.0, delivered.asked)} of {share.n} {delivered.drawn_of} that came to it{there}, "
                f"and {quantities.share(delivered.asked)} was asked"
            )
            yield Doubt(kind="other_share", said=said)
        if not_known := _not_told_apart(evidence, disturbance):
            yield Doubt(kind="not_joined", said=not_known)
    breaking = {disturbance.id for disturbance in evidence.plan.disturbances if disturbance.fault.breaks}
    for fault in faults:
        if fault.confirmed and fault.id in breaking and (why := unused(evidence, fault.links)):
            yield Doubt(kind="unused", said=f"{fault.summary} broke what is not used: {why}")
    yield from (
        Doubt(kind="unused", said=said)
        for said in unused_processes(evidence, {fault.id for fault in faults if fault.confirmed})
    )
    held = {fault.id for fault in faults if fault.confirmed}
    yield from (Doubt(kind="unmet", said=said) for said in unmet(evidence, held))
    for event in evidence.history:
        if isinstance(event, Reverted) and event.error:
            yield Doubt(kind="left_in_force", said=f"{event.fault} could not be put back: {event.error}")


def _not_told_apart(evidence: Evidence, disturbance: Disturbance) -> str:
    """What keeps a fault for some tries of a request from being for those: too many arrivals that are joined to none."""
    if not any(isinstance(effect, EdgeRule) and effect.requests.of_joined_alone for effect in disturbance.effects):
        return ""
    start_s = evidence.column("arrivals", "start_s")
    there = evidence.words("arrivals", "link").isin(disturbance.links) & (disturbance.start_s <= start_s)
    there &= (start_s <= disturbance.end_s) & (evidence.words("arrivals", "outcome") != "refused")
    joined = float((marks(evidence.arrival_table) != NO_MARK)[there].mean()) if there.any() else 1.0
    if joined >= JOINED_RATIO:
        return ""
    return (
        f"{disturbance.summary} can only be for attempts that are joined to a request, "
        f"and {quantities.share(joined)} of those on its links were; "
        "does the service pass the nonce on where the target file says (ask.nonce)?"
    )


def _had_no_time(evidence: Evidence, fault: result.Fault) -> bool:
    """Whether the run was cut short before *fault* began, or the service ended before anybody could look: it did not fail to take hold."""
    seen = bool(evidence.of_fault(fault.id, Look)) or bool(evidence.of_fault(fault.id, Confirmed))
    if seen or evidence.ended is None or evidence.ended.reason == "completed":
        return False
    return evidence.ended.reason == "service_ended" or not evidence.of_fault(fault.id, Injecting)


def _late_steps(evidence: Evidence) -> Iterator[Doubt]:
    """Faults that were begun or ended much later than planned, as when the harness was stopped meanwhile."""
    for disturbance in evidence.plan.disturbances:
        began = [event.at_s for event in evidence.of_fault(disturbance.id, Injecting)][:1]
        ended = [event.at_s for event in evidence.of_fault(disturbance.id, Reverting)][:1]
        steps = [("begun", disturbance.start_s, at_s) for at_s in began]
        steps += [("ended", disturbance.end_s, at_s) for at_s in ended]
        for what, planned_s, at_s in steps:
            if at_s - planned_s > min(LATE_STEP_S, LATE_PART * (disturbance.end_s - disturbance.start_s)):
                said = (
                    f"{disturbance.summary} was {what} {at_s - planned_s:.1f} s late, at {at_s:.1f} s: "
                    "the harness was stopped, or this machine was suspended or too busy"
                )
                yield Doubt(kind="late", said=said)


def untold(evidence: Evidence) -> Iterator[str]:
    """What was sent on links and never carried a nonce, though other attempts did: how often that was tried is not known.

    A look by GET whether a provider is there is none of the attempts that are counted, nor is what the run's own end cut off.
    """
    rows = evidence.attempt_table
    if "joined" not in evidence.plan.known or not (rows.numbers("request") >= 0).any():
        return
    sent = ~made_for_requests(rows, evidence.cut_s) & ~rows.words("method").isin((*LOOKS, ""))
    sent &= ~cut_off(rows, evidence.cut_s)
    for link, lost in rows.words("link").places_of(sent).items():
        such = f"such as {rows.words('method')[int(lost[0])]} {rows.words('path')[int(lost[0])]}"
        yield (
            f"{counted(lost.size, 'attempt')} on {link}, {such}, carried no nonce, so retries of those are not counted: "
            "does the service pass it on where ask.nonce says?"
        )


def _odd(quality: Quality) -> str:
    """How the requests that have rows differ from those that were to be made; empty where they do not."""
    odd = {"lost": quality.missing, "doubled": quality.doubled, "not planned": quality.unplanned}
    return ", ".join(f"{count} {what}" for what, count in odd.items() if count)


def _of_workers(evidence: Evidence) -> list[str]:
    """What of the load was lost with a worker, or on the way from it: there is then no other reason for what is missing."""
    torn = [f"the rows of {one.called} are not what it wrote: {one.torn}" for one in evidence.workers if one.torn]
    return [*torn, *(_left_over(evidence, worker) for worker in evidence.workers if worker.lost)]


def _left_over(evidence: Evidence, worker: Worker) -> str:
    rows = evidence.request_table
    outcome, its = rows.words("outcome"), rows.numbers("worker") == worker.number
    # One that was asked to end has written down itself what it did not send any more.
    lost = its & ((rows.words("detail") == worker.lost_words) | (rows.words("detail") == STOPPED))
    if evidence.plan.closed:
        return (
            f"{worker.called}, which was lost, had begun {counted(int(its.sum()), 'request')} of its users, and of {int(lost.sum())} of "
            "them nobody knows what became of them; what those users would have asked afterwards was not asked"
        )
    unsent, unknown = int((lost & (outcome == "not_sent")).sum()), int((lost & (outcome == "unfinished")).sum())
    return (
        f"of the share of {worker.called}, which was lost, {counted(unsent, 'request')} "
        f"{'was' if unsent == 1 else 'were'} not sent, and of {unknown} more nobody knows what became of them"
    )


def _load(quality: Quality, *, closed: bool) -> Iterator[str]:
    if counts := _odd(quality):
        if closed:
            yield f"not each request that the users of the locustfile began is known of once: {counts}"
        else:
            yield f"the load generator did not make the requests that were planned, each of them once: {counts}"
    elif not closed and not kept_up(quality.late, quality.sent, quality.dropped):
        yield _fell_behind(quality)


def _fell_behind(quality: Quality) -> str:
    said = []
    if quality.dropped:
        were = "was" if quality.dropped == 1 else "were"
        said.append(f"{quality.dropped} of {quality.offered} requests {were} not sent")
    if quality.send_lag_ms.p99 is not None and quality.send_lag_ms.p99 > LAG_P99_MS:
        lag_ms = quality.send_lag_ms.p99
        said.append(f"1 in 100 was sent {lag_ms:.0f} ms or more after it was due, and {LAG_P99_MS:.0f} ms is the most")
    said = said or ["no request was sent"]
    return f"the load fell behind: {', and '.join(said)}; {CLOSE_OTHERS}, or lower load.rate_per_s"


def _joined_ratio(evidence: Evidence) -> float:
    """Share of attempts joined to a request, of those that were made for one."""
    joined = int((evidence.column("attempts", "request") >= 0).sum())
    return joined / int(made_for_requests(evidence.attempt_table, evidence.cut_s).sum()) if joined else 0.0


def _unsteady(evidence: Evidence) -> str:
    """How bad the baseline was, and what was wrong with most of it."""
    before, good = baseline(evidence).picked, evidence.column("requests", "good")
    bad = np.flatnonzero(before & ~good)
    outcome, detail = evidence.words("requests", "outcome")[bad], evidence.words("requests", "detail")[bad]
    kinds, many = np.unique(outcome.codes.astype(np.int64) * len(detail.vocabulary) + detail.codes, return_counts=True)
    most = int(kinds[many.argmax()])
    became, what = outcome.vocabulary[most // len(detail.vocabulary)], detail.vocabulary[most % len(detail.vocabulary)]
    why = f"{became}: {what}" if what else became
    if became == "complete":
        complete = bad[outcome == "complete"]
        in_time = evidence.column("requests", "latency_ms")[complete] <= 1000 * evidence.plan.scenario.good.within
        # In time, and bad all the same: it does not say what is asked of it.
        such = evidence.request_table.few("answer", complete[in_time][:1])
        why = (
            f"complete, but not what good.answers asks for, such as {in_short(such[0])}"
            if in_time.mean() > 0.5
            else "complete, but late"
        )
    ratio, asked = float(good[before].mean()), evidence.plan.scenario.good.ratio
    return (
        f"the baseline was not steady: {quantities.share(ratio, asked)} of its answers were good before anything was broken, "
        f"and good.ratio asks for {quantities.share(asked)}; most often: {why[:200]}"
    )


def _notes(evidence: Evidence) -> list[str]:
    """What a reader should know beside the numbers, though it makes none of them untrustworthy."""
    target, alone = evidence.plan.target, "joined" in evidence.plan.known
    missing = [said for asked in evidence.preflights() for said in shortcomings(target, asked, alone=alone)]
    found = [
        *_uncounted(evidence),
        *untold(evidence),
        *untried(evidence),
        *unlooked_at(evidence),
        *watched.silent(evidence),
        *changed_in_the_run(evidence),
    ]
    found += [
        *astray(evidence),
        *untouched(evidence),
        *unreached(evidence),
        *uncarried(evidence),
        *redirected(evidence),
    ]
    return [*silence(evidence), *dict.fromkeys(missing), *found]


def _uncounted(evidence: Evidence) -> Iterator[str]:
    if "joined" not in evidence.plan.known:
        return  # what a service does by itself is under way when the clock begins, and is counted on one side of that alone
    accepted = sum(evidence.accepted.values())
    # What went to real providers, nobody here counted.
    written = ~np.isnan(evidence.column("arrivals", "forwarded_s"))
    forwarded = int((written & evidence.words("arrivals", "link").isin(evidence.accepted)).sum())
    if evidence.accepted and forwarded != accepted:
        yield f"the edge wrote {forwarded} attempts to the simulated providers, and they counted {accepted}"


def _machine(load: Load) -> result.MachineLoad:
    return result.MachineLoad(
        phase=load.phase,
        busy=_share(load.busy),
        taken=_share(load.taken),
        pressure=_share(load.pressure),
        starved=_share(load.starved),
        waited=load.waited,
        rival=load.rival,
        late_ms={
            name: result.Late(p99=None if late.p99_ms == np.inf else late.p99_ms, max=late.max_ms)
            for name, late in sorted(load.late.items())
        },
    )


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _preflight(asked: Preflight) -> result.Preflight:
    links = [
        result.LinkSeen(link=link.link, attempts=link.attempts, joined=link.joined, answers=link.answers)
        for link in asked.links
    ]
    return result.Preflight(
        entry=asked.entry,
        request_line=asked.request_line,
        status=asked.status,
        outcome=asked.outcome,
        streamed=asked.streamed,
        took_s=asked.took_s,
        first_token_s=asked.first_token_s,
        tries=len(asked.nonces),
        links=links,
    )


def _offered(evidence: Evidence) -> tuple[npt.NDArray[np.int64], int]:
    """The indices of all requests, and how many were due before the run ended.

    Those are all that were planned when it was not cut short, and of a closed load that began.
    """
    if evidence.plan.closed:
        return begun(evidence)
    index = evidence.column("requests", "index")
    if evidence.ended is not None and evidence.ended.reason == "completed":
        return index, evidence.begun.requests or evidence.plan.schedule.requests
    return index, int(index.max(initial=-1)) + 1


def _rounded(value: float | np.floating[Any]) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)
