"""Holds what happened against what was expected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.faults.effects import EdgeRule, TapMode, TapShape
from harness.interval import UNMEASURED
from harness.judging import result
from harness.judging.answered_with import named_before, prompt_versions
from harness.judging.closed import closed
from harness.judging.delivery import delivery, were_hit
from harness.judging.diagnoses import diagnosed
from harness.judging.endings import Judgement, endings, service_ended, silence
from harness.judging.errors import failures
from harness.judging.evidence import Evidence
from harness.judging.fidelity import fidelity
from harness.judging.grounds import best_of, gone
from harness.judging.hold import hold
from harness.judging.metastable import metastable
from harness.judging.metrics import Metric, metrics
from harness.judging.metrics.base import measured
from harness.judging.metrics.latency import Latency, TimeToFirstToken
from harness.judging.misnamed import not_there
from harness.judging.passing import astray, redirected, uncarried, unreached, untouched
from harness.judging.quality import distrust, measurement_quality, untold
from harness.judging.result import EXIT_STATUS, ON_THE_SERVICE, PRECEDENCE, Doubt, Finding, Result
from harness.judging.sameness import unlooked_at
from harness.judging.sample import layers_of, pick
from harness.judging.starvation import CLOSE_OTHERS, culprit, doubtful, loads
from harness.judging.unasked import unasked
from harness.judging.unused import untried
from harness.judging.watched import silent, watched
from harness.judging.whereabouts import by_entry, by_link
from harness.planning.disturbance import Disturbance
from harness.reading.expectation import WHOLE, Expectation, Selection, Verdict, parse
from harness.reading.quantities import plain
from harness.record.history import Begun, Injected, Injecting, OfFault, Reverted
from harness.record.kept import CHEAP

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Floats


def judge(evidence: Evidence, numbers: Collection[str] | None = None) -> Result:
    """What the run came to; the same evidence gives the same result.

    *numbers*: names of the metrics that stand in it beside what was expected; None: all there are, which takes longer than all else.
    """
    findings = [finding(evidence, expectation) for expectation in evidence.plan.expectations]
    quality = measurement_quality(evidence)
    faults = [_fault(evidence, disturbance) for disturbance in evidence.plan.disturbances]
    worsened, stuck = list(unasked(evidence)), list(metastable(evidence))
    doubts = _doubts(evidence, findings, [*distrust(evidence, quality, faults)])
    judgement = _judgement(evidence, findings, doubts, [worsened, stuck])
    begun, plan = evidence.begun, evidence.plan
    ended = evidence.ended
    told = metrics.items() if numbers is None else [(name, metrics[name]) for name in numbers]
    return Result(
        run_id=begun.run_id,
        verdict=judgement.verdict,
        exit_status=EXIT_STATUS[judgement.verdict],
        reason=judgement.reason,
        scenario=result.File(name=plan.scenario.name, path=begun.scenario_path, sha256=begun.scenario_sha256),
        target=result.File(name=plan.target.name, path=begun.target_path, sha256=begun.target_sha256),
        asked_with=_asked_with(begun),
        prompt_versions=prompt_versions(evidence),
        answered_with=named_before(evidence),
        seed=begun.seed,
        started_at=begun.started_at,
        fidelity=fidelity(evidence),
        service_ended=service_ended(evidence),
        duration_s=round(ended.at_s if ended else evidence.observed_until_s, 3),
        proxy=result.Proxy(engine=begun.proxy_engine, version=begun.proxy_version),
        phases=[_phase(evidence, phase.name, phase.start_s, phase.end_s) for phase in plan.phases],
        metrics={name: _document(evidence, metric) for name, metric in told if metric.there(plan)},
        findings=findings,
        unasked=worsened,
        metastable="; ".join(stuck),
        doubts=doubts,
        diagnoses=diagnosed(evidence) if _is_diagnosed(evidence, judgement) else [],
        by_entry=by_entry(evidence),
        by_link=by_link(evidence),
        failures=failures(evidence),
        faults=faults,
        quality=quality,
        replay=begun.replay,
        versions=begun.versions,
        commit=begun.commit,
        links={name: str(link.kind) for name, link in plan.target.links.items()},
    )


def _asked_with(begun: Begun) -> dict[str, str]:
    """Checksums of what stands in neither of the two files; of a run of before they were written down there is none."""
    known = {"questions": begun.questions_sha256, "trace": begun.trace_sha256, "recorded": begun.recorded_sha256}
    return {what: sha256 for what, sha256 in known.items() if sha256}


def _is_diagnosed(evidence: Evidence, judgement: Judgement) -> bool:
    """Whether anything is looked for behind the numbers: of a verdict on the service, where it is known what its attempts were for."""
    return judgement.verdict in ON_THE_SERVICE and "joined" in evidence.plan.known


def _judgement(evidence: Evidence, findings: list[Finding], doubts: list[Doubt], beside: list[list[str]]) -> Judgement:
    """The worst of how the run ended, whether it can be trusted, and what was found.

    *beside*: what worsened that nobody asked about, which only a pass has to say, and that the service kept itself down.
    """
    worsened, stuck = beside
    invalid = [Judgement("invalid", doubt.said) for doubt in doubts]
    said = [*endings(evidence), *invalid, *map(_said, findings)]
    for verdict in PRECEDENCE[:-1]:
        reasons = [judgement.reason for judgement in said if judgement.verdict == verdict]
        if reasons:
            kept = stuck if verdict in ("fail", "inconclusive") else []
            return Judgement(verdict, _sentence([*reasons, *_of_the_wire(evidence), *kept]))
    held = "; ".join(f"{finding.expectation} ({_value(finding)})" for finding in findings)
    worse = [f"not asked about: {'; '.join(worsened)}"] if worsened else []
    besides = [*silence(evidence), *silent(evidence), *untold(evidence), *untried(evidence), *unlooked_at(evidence)]
    besides += [*astray(evidence), *untouched(evidence), *_of_the_wire(evidence), *stuck]
    return Judgement("pass", _sentence([f"every expectation held: {held}", *worse, *besides]))


def _of_the_wire(evidence: Evidence) -> list[str]:
    """What may be behind a number, whatever the verdict, and is no doing of the service's."""
    return [*closed(evidence), *watched(evidence), *unreached(evidence), *uncarried(evidence), *redirected(evidence)]


def _doubts(evidence: Evidence, findings: list[Finding], distrusted: list[Doubt]) -> list[Doubt]:
    """Each reason to distrust the run, and who else was busy on the machine where that may be what is behind them.

    Where want of processor time could explain each expectation that was broken, or, where none was, each that was measured and is open,
    that is a reason of its own.
    """
    machine = loads(evidence)
    broken = [finding for finding in findings if finding.verdict == "fail"]
    open_ones = [finding for finding in findings if finding.verdict == "inconclusive" and finding.value is not None]
    starved = any(broken or open_ones) and all(doubtful(finding, machine) for finding in broken or open_ones)
    named = culprit(machine) if starved or distrusted else ""
    if not named:
        return distrusted
    told = any(CLOSE_OTHERS in doubt.said for doubt in distrusted)
    return [*distrusted, Doubt(kind="busy_machine", said=named if told else f"{named}: {CLOSE_OTHERS}")]


def _said(finding: Finding) -> Judgement:
    match finding.verdict:
        case "fail":
            return Judgement(
                "fail",
                f"{finding.metric}{_where(finding)} was {_value(finding)}; expected {_limit(finding)}{_for_good(finding)}",
            )
        case "inconclusive":
            return Judgement("inconclusive", f"too little evidence for {finding.expectation}: it was {_value(finding)}")
        case _:
            return Judgement("pass", finding.expectation)


def _for_good(finding: Finding) -> str:
    """Where the number alone is within the limit, and what its remark tells of is why it fails."""
    return " for good" if within(finding) else ""


def within(finding: Finding) -> bool:
    """Whether all of the interval is under a limit from above."""
    return "<" in finding.expectation and finding.high is not None and finding.high <= finding.limit


def _limit(finding: Finding) -> str:
    written = parse(finding.expectation)
    return f"{written.op} {written.bound}"


def _where(finding: Finding) -> str:
    """Of what it was measured, as an expectation would say it; and in which of several windows it was worst."""
    selection = parse(finding.expectation).selection
    worst = f" (worst after {finding.window})" if finding.window else ""
    return f"{selection.labelled} {selection}".rstrip() + worst


def _value(finding: Finding) -> str:
    if finding.value is None:
        return "not measured" + _remark(finding)
    if finding.censored:
        return f"more than {plain(finding.value, 6)}" + _remark(finding)
    return f"{plain(finding.value)}, {_interval(finding)}" + _remark(finding)


def _interval(finding: Finding) -> str:
    """Where the true value lies; an end that is open is said so."""
    if finding.low is None or finding.high is None:
        low, high = plain(finding.low or 0), plain(finding.high or 0)
        lies = (
            f"at most {high}"
            if finding.high is not None
            else f"at least {low}"
            if finding.low is not None
            else "anywhere"
        )
        return f"{lies} with 95 % confidence"
    return f"95 % interval {plain(finding.low)} to {plain(finding.high)}"


def _remark(finding: Finding) -> str:
    return f", {finding.remark}" if finding.remark else ""


def _sentence(reasons: list[str]) -> str:
    text = "; ".join(reasons)
    text += "" if text.endswith("?") else "."
    # A name of ours, such as good_ratio, relapses or latency-1, stays as it is written.
    first = text.split(" ", 1)[0]
    return f"{text[:1].upper()}{text[1:]}" if first.isalpha() and first not in metrics else text


def finding(evidence: Evidence, expectation: Expectation) -> Finding:
    """What *expectation* comes to of a run."""
    known = not any(not_there(expectation, evidence.plan))
    metric, selection = metrics[expectation.metric] if known else None, expectation.selection
    sample = pick(evidence, selection if metric else WHOLE)
    interval = metric.measure(sample, expectation.part) if metric else UNMEASURED
    grounds = metric.grounds(expectation.part) if metric else ()
    remarks = [metric.remark(sample, expectation.part) if metric else "", gone(grounds, sample)]
    at_best: list[Verdict] = (
        [metric.at_best(sample), best_of(grounds, sample)] if metric and expectation.wants_low else []
    )
    judged, found = expectation.judge(interval), measured(interval)
    exposed = UNMEASURED
    if metric and metric.among_exposed and selection.among is None:
        exposed = metric.measure(pick(evidence, replace(selection, among="exposed")), expectation.part)
    return Finding(
        expectation=str(expectation),
        metric=f"{expectation.metric}.{expectation.part}" if expectation.part else expectation.metric,
        phase=selection.phase,
        limit=expectation.limit,
        value=found.value,
        low=found.low,
        high=found.high,
        verdict=min([judged, *at_best], key=PRECEDENCE.index),
        censored=found.censored,
        remark="; ".join(filter(None, remarks)),
        labels=dict(selection.labels),
        among=selection.among,
        after=selection.after,
        window=metric.where(sample) if metric else None,
        among_exposed=measured(exposed) if exposed.n else None,
        line=evidence.lines.get(str(expectation)),
    )


def _document(evidence: Evidence, metric: Metric) -> result.Metric:
    """*metric* as it stands in the result: of a load of which it says nothing with no number."""
    if metric.of_load(evidence.plan):
        return metric.document(evidence)
    return result.Metric(**measured(UNMEASURED).model_dump(), unit=metric.unit)


def _fault(evidence: Evidence, disturbance: Disturbance) -> result.Fault:
    found, delivered = hold(evidence, disturbance), delivery(evidence, disturbance)

    def instant(kind: type[OfFault]) -> float | None:
        events = [event for event in evidence.of_fault(disturbance.id, kind) if not getattr(event, "error", "")]
        return round(events[-1].at_s, 4) if events else None

    return result.Fault(
        id=disturbance.id,
        kind=disturbance.fault.kind,
        summary=disturbance.summary,
        links=list(disturbance.links),
        asked_at_s=instant(Injecting),
        injected_at_s=instant(Injected),
        confirmed=found.held_at_s is not None,
        confirmed_at_s=_rounded(found.held_at_s),
        evidence=found.evidence,
        lost_at_s=_rounded(found.lost_at_s),
        lost=found.lost,
        share_asked=delivered.asked if delivered else None,
        share_of=delivered.of if delivered else "attempts",
        share_delivered=measured(delivered.delivered) if delivered else None,
        answers_acted_on=measured(delivered.acted) if delivered and delivered.acted else None,
        reverted_at_s=instant(Reverted),
        attempts_affected=_affected(evidence, disturbance),
        aftereffect=disturbance.fault.aftereffect,
    )


def _rounded(at_s: float | None) -> float | None:
    return None if at_s is None else round(at_s, 4)


def _affected(evidence: Evidence, disturbance: Disturbance) -> int | None:
    """Attempts that were open on the fault's links while it was in force, or that the edge did it to.

    Of a share of the connections it is not known which attempts came on them.
    """
    links = evidence.plan.target.links
    http = {name: links[name] for name in disturbance.links if links[name].carries == "http"}
    effects = disturbance.fault.effects(http)
    of_some = any(effect.share_ratio < 1 for effect in effects if isinstance(effect, TapMode | TapShape))
    if not http or not disturbance.fault.breaks or disturbance.fault.hides_requests() or of_some:
        return None
    if not disturbance.fault.probes and any(isinstance(effect, EdgeRule) for effect in effects):
        return int(were_hit(evidence.arrival_table, disturbance).sum())
    began, gone = evidence.of_fault(disturbance.id, Injected), evidence.of_fault(disturbance.id, Reverted)
    if not began or not gone:
        return None
    return _open_between(evidence, tuple(http), began[0].at_s, gone[-1].at_s)


def _open_between(evidence: Evidence, links: tuple[str, ...], from_s: float, until_s: float) -> int:
    """How many attempts on *links* had begun by *until_s*, and not ended before *from_s*; one that never ended had not."""

    import numpy as np

    def made() -> tuple[Floats, ...]:
        mine = evidence.words("attempts", "link").isin(links)
        start_s, end_s = (evidence.column("attempts", name)[mine] for name in ("start_s", "end_s"))
        odd = end_s < start_s
        return np.sort(start_s), np.sort(end_s), start_s[odd], end_s[odd]

    start_s, end_s, odd_start_s, odd_end_s = evidence.once(("open on", links), made, CHEAP)
    ended = end_s.searchsorted(from_s)
    # Those of which the end comes first, as it cannot be, may have ended before the one instant, and begun after the other.
    never_begun = np.count_nonzero((odd_start_s > until_s) & (odd_end_s < from_s))
    return int(start_s.searchsorted(until_s, "right") - ended + never_begun)


def _by_layer(evidence: Evidence, phase: str) -> dict[str, int]:
    if "joined" not in evidence.plan.known:
        return {}
    made = evidence.words("attempts", "layer")[evidence.words("attempts", "phase") == phase].counts()
    return {layer: made.get(layer, 0) for layer in layers_of(evidence.plan)} if made else {}


def _phase(evidence: Evidence, name: str, start_s: float, end_s: float) -> result.Phase:
    sample = pick(evidence, Selection(phase=name))
    good = sample.column("good")

    def quantile(of: Metric, part: str) -> float | None:
        value = of.measure(sample, part).value
        return None if value is None else round(value, 2)

    return result.Phase(
        name=name,
        start_s=start_s,
        end_s=end_s,
        requests=good.size,
        good_ratio=round(float(good.mean()), 6) if good.size else None,
        latency_ms=result.LatencyMs(
            **{part: quantile(Latency(), f"{part}_complete") for part in ("p50", "p95", "p99")}
        ),
        ttft_ms=result.TtftMs(**{part: quantile(TimeToFirstToken(), f"{part}_complete") for part in ("p50", "p95")}),
        attempts=_by_layer(evidence, name),
    )
