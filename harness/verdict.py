"""Holds what happened against what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import result
from harness.evidence import Evidence, OfFault
from harness.expectation import Expectation
from harness.history import Alarm, Confirmed, Injected, Injecting, Reverted
from harness.metrics import metrics
from harness.metrics.base import measured
from harness.plan import Disturbance
from harness.result import EXIT_STATUS, PRECEDENCE, Finding, Outcome, Quality, Result
from harness.scoring.interval import Interval
from harness.scoring.steadiness import LAG_P99_MS, kept_up, steady

JOINED_RATIO = 0.99
"""Share of attempts that have to be joined to a request before a limit on the amplification can be judged."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict and the reason for it, in one sentence."""

    verdict: Outcome
    reason: str


def judge(evidence: Evidence) -> Result:
    """What the run came to; the same evidence gives the same result."""
    findings = [_finding(evidence, expectation) for expectation in evidence.plan.expectations]
    quality = _quality(evidence)
    faults = [_fault(evidence, disturbance) for disturbance in evidence.plan.disturbances]
    judgement = _judgement(evidence, findings, quality, faults)
    begun, plan = evidence.begun, evidence.plan
    ended = evidence.ended
    return Result(
        run_id=begun.run_id,
        verdict=judgement.verdict,
        exit_status=EXIT_STATUS[judgement.verdict],
        reason=judgement.reason,
        scenario=result.File(name=plan.scenario.name, path=begun.scenario_path, sha256=begun.scenario_sha256),
        target=result.File(name=plan.target.name, path=begun.target_path, sha256=begun.target_sha256),
        seed=begun.seed,
        started_at=begun.started_at,
        duration_s=round(ended.at_s if ended else evidence.observed_until_s, 3),
        proxy=result.Proxy(engine=begun.proxy_engine, version=begun.proxy_version),
        phases=[_phase(evidence, phase.name, phase.start_s, phase.end_s) for phase in plan.phases],
        metrics={name: metric.document(evidence) for name, metric in metrics.items()},
        findings=findings,
        faults=faults,
        quality=quality,
        replay=begun.replay,
        versions=begun.versions,
    )


def _judgement(evidence: Evidence, findings: list[Finding], quality: Quality, faults: list[result.Fault]) -> Judgement:
    """The worst of how the run ended, whether it can be trusted, and what was found."""
    said = [*_endings(evidence), *_distrust(evidence, quality, faults), *map(_said, findings)]
    for verdict in PRECEDENCE[:-1]:
        reasons = [judgement.reason for judgement in said if judgement.verdict == verdict]
        if reasons:
            return Judgement(verdict, _sentence(reasons))
    held = "; ".join(f"{finding.expectation} ({_value(finding)})" for finding in findings)
    return Judgement("pass", _sentence([f"every expectation held: {held}"]))


def _endings(evidence: Evidence) -> list[Judgement]:
    ended = evidence.ended
    if ended is None:
        return [Judgement("crashed", "the history has no end: the harness was killed while it ran")]
    match ended.reason:
        case "interrupted":
            return [Judgement("interrupted", f"the run was interrupted at {ended.at_s:.1f} s")]
        case "crashed":
            return [Judgement("crashed", ended.detail or "the harness broke")]
        case "aborted":
            return [Judgement("aborted", ended.detail)]
        case _:
            return []


def _distrust(evidence: Evidence, quality: Quality, faults: list[result.Fault]) -> list[Judgement]:
    """Each reason for which the numbers cannot be trusted."""
    reasons = [event.what for event in evidence.history if isinstance(event, Alarm)]
    reasons += [f"{fault.summary} did not take hold: {fault.evidence}" for fault in faults if not fault.confirmed]
    reasons += [
        f"{fault.summary} broke nothing that is used: no attempt was seen on {', '.join(fault.links)} in the whole run; "
        "does the service take its address from the link?"
        for fault in faults
        if fault.confirmed and _unused(evidence, fault)
    ]
    for event in evidence.history:
        if isinstance(event, Reverted) and event.error:
            reasons.append(f"{event.fault} could not be put back: {event.error}")
    if quality.missing or quality.doubled:
        reasons.append(f"{quality.missing} requests were lost and {quality.doubled} doubled by the load generator")
    elif not kept_up(quality.late, quality.sent, quality.dropped):
        lag = quality.send_lag_ms.p99
        reasons.append(
            f"the load fell behind: {quality.dropped} requests not sent, 99 % sent within {lag or 0:.0f} ms of when they were due"
        )
    if quality.join_ratio is not None and quality.join_ratio < JOINED_RATIO and _counts_attempts(evidence):
        # An attempt that belongs to no request makes the amplification look smaller than it is.
        reasons.append(
            f"only {quality.join_ratio:.1%} of attempts could be joined to a request; "
            "does the service pass the nonce on where the target file says (ask.nonce)?"
        )
    if quality.steady_baseline is None:
        reasons.append("nothing was asked in the baseline, so nobody knows how the service does when nothing is broken")
    if quality.steady_baseline is False:
        reasons.append(_unsteady(evidence))
    return [Judgement("invalid", reason) for reason in reasons]


def _unsteady(evidence: Evidence) -> str:
    """How bad the baseline was, and what was wrong with most of it."""
    baseline = evidence.requests_in("baseline")
    bad = baseline[~baseline["good"]]
    outcome, detail = (bad["outcome"] + "\0" + bad["detail"]).mode()[0].split("\0")
    why = f"{outcome}: {detail}" if detail else "complete, but late" if outcome == "complete" else outcome
    ratio = baseline["good"].mean()
    return f"the baseline was not steady: {ratio:.1%} of its answers were good before anything was broken; most often: {why[:200]}"


def _counts_attempts(evidence: Evidence) -> bool:
    return any(expectation.metric == "retry_amplification" for expectation in evidence.plan.expectations)


def _said(finding: Finding) -> Judgement:
    match finding.verdict:
        case "fail":
            return Judgement(
                "fail", f"{finding.metric}{_where(finding)} was {_value(finding)}; expected {_limit(finding)}"
            )
        case "inconclusive":
            return Judgement("inconclusive", f"too little evidence for {finding.expectation}: it was {_value(finding)}")
        case _:
            return Judgement("pass", finding.expectation)


def _limit(finding: Finding) -> str:
    return finding.expectation.split(" in ")[0].removeprefix(finding.metric).strip()


def _where(finding: Finding) -> str:
    return f" in {finding.phase}" if finding.phase else ""


def _value(finding: Finding) -> str:
    if finding.value is None:
        return "not measured"
    low = "-∞" if finding.low is None else f"{finding.low:.3g}"
    high = "∞" if finding.high is None else f"{finding.high:.3g}"
    return f"{finding.value:.3g}, 95 % interval {low} to {high}"


def _sentence(reasons: list[str]) -> str:
    text = "; ".join(reasons)
    text += "" if text.endswith("?") else "."
    # A name of ours, such as good_ratio or latency-1, stays as it is written.
    starts_with_a_word = text.split(" ", 1)[0].isalpha()
    return f"{text[:1].upper()}{text[1:]}" if starts_with_a_word else text


def _finding(evidence: Evidence, expectation: Expectation) -> Finding:
    interval: Interval = metrics[expectation.metric].measure(evidence, expectation.phase, expectation.part)
    verdict, found = expectation.judge(interval), measured(interval)
    return Finding(
        expectation=str(expectation),
        metric=f"{expectation.metric}.{expectation.part}" if expectation.part else expectation.metric,
        phase=expectation.phase,
        limit=expectation.limit,
        value=found.value,
        low=found.low,
        high=found.high,
        verdict=verdict,
    )


def _fault(evidence: Evidence, disturbance: Disturbance) -> result.Fault:
    confirmed = evidence.of_fault(disturbance.id, Confirmed)
    held = next((event for event in confirmed if event.held), None)

    def instant(kind: type[OfFault]) -> float | None:
        events = [event for event in evidence.of_fault(disturbance.id, kind) if not getattr(event, "error", "")]
        return round(events[-1].at_s, 4) if events else None

    return result.Fault(
        id=disturbance.id,
        kind=disturbance.fault.kind,
        summary=disturbance.fault.summary(),
        links=list(disturbance.links),
        asked_at_s=instant(Injecting),
        injected_at_s=instant(Injected),
        confirmed=held is not None,
        confirmed_at_s=round(held.at_s, 4) if held else None,
        evidence=(held or confirmed[-1]).how if confirmed else "the run ended before anybody could look",
        reverted_at_s=instant(Reverted),
        attempts_affected=_affected(evidence, disturbance),
    )


def _unused(evidence: Evidence, fault: result.Fault) -> bool:
    """Whether the service never asked on any link of *fault*, though an attempt would have been seen on each."""
    seen = all(evidence.plan.target.links[name].carries == "http" for name in fault.links)
    return seen and not evidence.attempts["link"].isin(fault.links).any()


def _affected(evidence: Evidence, disturbance: Disturbance) -> int | None:
    """Attempts that were open on the fault's links while it was in force, or that the edge answered for it."""
    http = [name for name in disturbance.links if evidence.plan.target.links[name].carries == "http"]
    if not http or disturbance.fault.hides_attempts():
        return None
    if not disturbance.fault.probes:
        return int((evidence.arrivals["fault"] == disturbance.id).sum())
    began, gone = evidence.of_fault(disturbance.id, Injected), evidence.of_fault(disturbance.id, Reverted)
    if not began or not gone:
        return None
    mine = evidence.attempts[evidence.attempts["link"].isin(http)]
    open_then = (mine["start_s"] <= gone[-1].at_s) & (mine["end_s"].fillna(np.inf) >= began[0].at_s)
    return int(open_then.sum())


def _phase(evidence: Evidence, name: str, start_s: float, end_s: float) -> result.Phase:
    rows = evidence.requests_in(name)

    def quantile(metric: str, part: str) -> float | None:
        value = metrics[metric].measure(evidence, name, part).value
        return None if value is None else round(value, 2)

    return result.Phase(
        name=name,
        start_s=start_s,
        end_s=end_s,
        requests=len(rows),
        good_ratio=round(float(rows["good"].mean()), 6) if len(rows) else None,
        latency_ms=result.LatencyMs(**{part: quantile("latency_ms", part) for part in ("p50", "p95", "p99")}),
        ttft_ms=result.TtftMs(**{part: quantile("ttft_ms", part) for part in ("p50", "p95")}),
    )


def _quality(evidence: Evidence) -> Quality:
    rows, attempts, arrivals = evidence.requests, evidence.attempts, evidence.arrivals
    seen = rows["index"].value_counts()
    sent = rows["sent_s"].notna()
    lag_ms = (1000 * (rows["sent_s"] - rows["due_s"])).dropna().clip(lower=0)
    baseline = evidence.requests_in("baseline")["good"]
    planned = _offered(evidence)
    return Quality(
        offered=planned,
        sent=int(sent.sum()),
        dropped=int((rows["outcome"] == "not_sent").sum()),
        unfinished=int((rows["outcome"] == "unfinished").sum()),
        missing=max(0, planned - len(seen)),
        doubled=int((seen > 1).sum()),
        late=int((lag_ms > LAG_P99_MS).sum()),
        send_lag_ms=result.SendLagMs(
            p50=_rounded(lag_ms.quantile(0.5)), p99=_rounded(lag_ms.quantile(0.99)), max=_rounded(lag_ms.max())
        ),
        steady_baseline=steady(int(baseline.sum()), len(baseline)) if len(baseline) else None,
        join_ratio=round(float((attempts["request"] >= 0).mean()), 6) if len(attempts) else None,
        attempts=len(attempts),
        arrivals=len(arrivals),
        forwarded=int(arrivals["forwarded_s"].notna().sum()),
        redials=int(arrivals["redials"].sum()) if len(arrivals) else 0,
        accepted=sum(evidence.accepted.values()) if evidence.accepted else None,
        notes=_notes(evidence),
    )


def _notes(evidence: Evidence) -> list[str]:
    """What a reader should know beside the numbers, though it makes none of them untrustworthy."""
    forwarded, accepted = int(evidence.arrivals["forwarded_s"].notna().sum()), sum(evidence.accepted.values())
    notes = []
    if evidence.accepted and forwarded != accepted:
        notes.append(f"the edge wrote {forwarded} attempts to the simulated providers, and they counted {accepted}")
    return notes


def _offered(evidence: Evidence) -> int:
    """How many requests were due before the run ended; all that were planned when it was not cut short."""
    if (
        evidence.ended is not None
        and evidence.ended.reason == "completed"
        and evidence.plan.scenario.load.arrivals == "constant"
    ):
        return evidence.plan.requests
    return int(evidence.requests["index"].max()) + 1 if len(evidence.requests) else 0


def _rounded(value: float | np.floating[Any]) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)
