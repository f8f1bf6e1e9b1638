"""All that is wrong with files that can be read: by themselves, with one another, and with what was asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from shutil import which
from types import MappingProxyType
from typing import Any

from harness.faults.base import Climbing
from harness.faults.effects import EdgeRule, Effect
from harness.faults.stretches import fault_of
from harness.interval import Interval
from harness.judging.following import followed, refused
from harness.judging.metastable import SETTLED_S, SHORTEST_S
from harness.judging.metrics import Metric, metrics
from harness.judging.misnamed import unknown_labels, unknown_part, unknown_values
from harness.judging.sample import entries_of
from harness.planning.plan import Plan
from harness.planning.shapes import phases_of
from harness.problems import Problem, UsageProblems
from harness.protocols.asking import resolved
from harness.protocols.jobs import job_problems
from harness.protocols.pointer import is_pointer
from harness.protocols.protocols import PROTOCOLS, chats, protocol
from harness.reading import abort, compose_file, expectation, quantities
from harness.reading.abort import AbortLimit
from harness.reading.expectation import Expectation, Selection
from harness.reading.hosts import address, host_of, on_this_machine
from harness.reading.load_hosts import MANY, LoadHosts
from harness.reading.placeholders import (
    missing_secrets,
    unknown_in_draft,
    unknown_placeholders,
    untold_authorities,
    untold_links,
    untold_ports,
    untold_resolver,
    written_out,
)
from harness.reading.proxies import proxy_for
from harness.reading.questions import Expected, Questions
from harness.reading.scenario import PHASES, PROBES, SHED, Load, Scenario
from harness.reading.state_place import is_url
from harness.reading.target import KNOWN_KINDS, Target, Tls
from harness.reading.templates import placeholders, secret_names, secrets, texts
from harness.reading.yaml import Document, Draft, DraftProblems, load, sayable
from harness.reading.yaml.overrides import OF_TARGET
from harness.registry import UnknownNameError, letters_apart, suggestion


@dataclass(frozen=True, slots=True)
class _Said:
    """What a scenario says that expectations are held against; names are None where they are not known for certain."""

    expect: Sequence[str]
    phases: list[str] | None
    faults: list[str] | None
    problem: Callable[[str, str], Problem]


def _said(scenario: Document[Scenario] | Draft | None) -> _Said | None:
    """Of a scenario that is refused as much as can be told: what is wrong with one thing hides nothing of another."""
    if scenario is None:
        return None
    if isinstance(scenario, Document):
        value = scenario.value
        return _Said(value.expect, list(value.phases), list(value.fault_ids), scenario.problem)
    held = scenario.meant if isinstance(scenario.meant, dict) else {}
    phases, expect, rest = held.get("phases"), held.get("expect"), scenario.rest(Scenario)
    texts = [text if isinstance(text, str) else "" for text in expect] if isinstance(expect, list) else []
    # Of phases that are not in order it is known all the same how they are written, and nobody knows which is meant for one that is not.
    sound = not any(path[:1] == ("phases",) for path in scenario.unsure)
    names = [*phases, *(["warmup"] if sound else PHASES)] if isinstance(phases, dict) else None
    faults = sayable(lambda: list(rest.value.fault_ids)) if rest else None
    return _Said(texts, names, faults, scenario.problem)


class Written:
    """The expectations of a scenario and of the command line, and what is wrong with them whatever the target."""

    def __init__(self, scenario: Document[Scenario] | Draft | None, asked: Collection[str]) -> None:
        self._scenario = _said(scenario)
        self._places: dict[Expectation, str] = {}
        self.problems: list[Problem] = []
        texts = self._scenario.expect if self._scenario else ()
        # What is no text is refused already.
        of_file = self._read({f"expect[{i}]": text for i, text in enumerate(texts) if text})
        self.expectations = expectation.replace(of_file, self._read({f"--expect {text}": text for text in asked}))

    def problem(self, of: Expectation, what: str) -> Problem:
        return self._problem(self._places[of], what)

    def _read(self, texts: Mapping[str, str]) -> tuple[Expectation, ...]:
        read: dict[str, Expectation] = {}
        for place, text in texts.items():
            try:
                read[place] = self._known(_checked(text))
            except (ValueError, UnknownNameError) as error:
                self.problems.append(self._problem(place, str(error)))
        places, found = list(read), tuple(read.values())
        for later, earlier in expectation.again(found):
            what = f"{found[later]} limits what {found[earlier]} ({places[earlier]}) limits already; keep one of them"
            self.problems.append(self._problem(places[later], what))
        for later, earlier in expectation.torn(found):
            what = f"{found[later]} and {found[earlier]} ({places[earlier]}) can never both hold"
            self.problems.append(self._problem(places[later], what))
        self._places |= dict(zip(found, places, strict=True))
        return found

    def _known(self, expected: Expectation) -> Expectation:
        """*expected*, whose names the scenario knows; raises ValueError."""
        if self._scenario is None:
            return expected
        selection = expected.selection
        for noun, name, known in (
            ("phase", selection.phase, self._scenario.phases),
            ("fault", selection.after and fault_of(selection.after), self._scenario.faults),
        ):
            if name is not None and known is not None and name not in known:
                raise ValueError(f"unknown {noun} {name!r}; {suggestion(name, known)}")
        return expected

    def _problem(self, place: str, what: str) -> Problem:
        if place.startswith("--expect") or self._scenario is None:
            return Problem(what, path="--expect")
        return self._scenario.problem(place, what)


def _checked(text: str) -> Expectation:
    """The expectation in *text*; raises ValueError or UnknownNameError that says what is wrong with it."""
    parsed = expectation.parse(text)
    metric = metrics[parsed.metric]
    _selects(metric, parsed.selection)
    for what in (*unknown_labels(parsed), *unknown_part(parsed)):
        raise ValueError(what)
    low, high = metric.range_of(parsed.part, parsed.selection.names)
    foregone = {"pass": "always holds", "fail": "can never hold"}.get(parsed.judge(Interval(low, low, high, 1)))
    if foregone:
        upper = "" if high == float("inf") else f" and at most {quantities.plain(high, 6)}"
        what = f"{metric.name}.{parsed.part}" if parsed.part else metric.name
        raise ValueError(f"{parsed} {foregone}: {what} is at least {quantities.plain(low, 6)}{upper}")
    return parsed


def _selects(metric: Metric, selection: Selection) -> None:
    """Raises ValueError where *metric* has no such rows to pick from."""
    if selection.phase and not metric.phased:
        raise ValueError(f"{metric.name} belongs to the whole run; leave out 'in {selection.phase}'")
    if selection.among and not (metric.phased and metric.of_requests):
        raise ValueError(f"{metric.name} is no number of single requests; leave out 'among {selection.among}'")
    if selection.after and not metric.windowed:
        raise ValueError(
            f"{metric.name} is not counted from a fault; leave out 'after {selection.after}', or say in which phase"
        )


def strangers(written: Written, target: Target) -> Iterator[Problem]:
    """Every label whose value *target* does not have."""
    for expected in written.expectations:
        for what in unknown_values(expected.selection.labels, target):
            yield written.problem(expected, f"{expected}: {what}")


def warnings(document: Document[Scenario], made: Plan, questions: Questions) -> Iterator[Problem]:
    """What a person may not have meant, though it can be run."""
    if untold := untold_users(made.target, questions):
        yield document.problem("load.questions", untold)
    if silent := _silent_users(made, questions):
        yield document.problem("load.questions", silent)
    if unheld := _unheld(made, questions):
        yield document.problem("load.questions", unheld)
    used = {expected.selection.phase for expected in made.expectations} | {*phases_of(made.scenario.load)}
    for phase in made.between:
        broken = any(d.start_s < phase.end_s and phase.start_s < d.end_s for d in made.disturbances)
        meant = phase.name == "fault" if not made.scenario.faults else not made.disturbances  # --without-faults
        if not broken and phase.name not in {SHED, *used} and not meant:
            yield document.problem(
                f"phases.{phase.name}", "no fault is in force in it, and no expectation or shape names it"
            )
    yield from _half_recorded(document, made)
    yield from _late_comers(document, made)
    yield from _without_users(document, made)
    yield from _unmarked(document, made)
    yield from _outlived(document, made)
    yield from _cut_short(document, made)
    yield from _out_of_time(document, made)
    yield from _shed_too_soon(document, made)
    yield from _never_met(document, made)
    yield from _half_climbed(document, made)
    yield from _met_by_nobody(document, made)
    yield from _unbreakable(document, made)
    # One is enough where several hang on the same thing.
    unsure = dict.fromkeys(why for one in made.expectations if (why := metrics[one.metric].unsure(made, one)))
    yield from (document.problem("phases.baseline", why) for why in unsure)


def _half_recorded(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """A recorded curve that goes on when the load is over: its phases are no more those of the scenario."""
    if made.logged and made.logged.end_s > made.total_s + 1:
        what = f"it ends at {made.logged.end_s} s, and the load at {made.total_s:g} s: what comes after that is held against nothing"
        yield document.problem("recorded", f"{what}; were the phases shortened, or the curve made for others?")


def _unmarked(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """That attempts are to be counted, and the target has the nonce travel where nobody puts it for users of a locustfile."""
    place = made.target.ask.nonce.place
    if made.closed and place != "header" and any(metrics[one.metric].counts_attempts for one in made.expectations):
        yield document.problem(
            "load.locustfile",
            f"target {made.target.name!r} has the nonce travel in the {place} (ask.nonce), and requests of a locustfile carry it in the "
            "headers x-request-id and traceparent: attempts are counted only where the service passes one of those on, "
            "or where the locustfile itself writes harness.locust.mark() there",
        )


def _late_comers(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Users of a locustfile that are not all there when the baseline begins."""
    load, warm_s = made.scenario.load, made.phase("baseline").start_s
    if made.closed and load.users > 1 and (load.users - 1) / load.spawn_per_s > warm_s:
        at = "load.spawn_rate" if load.spawn_rate else "load.users"
        yield document.problem(
            at,
            f"the last of {load.users} users comes {(load.users - 1) / load.spawn_per_s:g} s after the load began, and the baseline "
            f"begins at {warm_s:g} s: let the warm-up last longer, or more users come a second",
        )


def _without_users(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Workers of a locustfile's load for whom there are no users."""
    load = made.scenario.load
    if made.closed and load.users < load.workers:
        yield document.problem(
            "load.workers",
            f"{load.workers} workers share {load.users} user{'' if load.users == 1 else 's'}, so that some have none, unless a "
            "LoadTestShape of the file has more of them; one process carries hundreds of users",
        )


def _never_met(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Conditions of which this run is too short, or has too few requests, to meet them however badly it goes."""
    places = [index for index, written in enumerate(document.value.abort) if isinstance(written, str)]
    for index, one in zip(places, followed(made), strict=True):
        condition = one.condition
        known_s = condition.span_s + one.after_s + abort.SLACK_S
        # At the highest rate that there is.
        due = inf if made.closed else made.schedule.most_per_s * condition.span_s
        if known_s > made.total_s:
            why = f"whether it was so is known {known_s:g} s after the load began at the earliest, and that lasts {made.total_s:g} s"
        elif due < abort.FEWEST:
            why = f"{quantities.plain(due, 6)} requests are due in {condition.span_s:g} s, and of fewer than {abort.FEWEST} nothing is said"
        else:
            continue
        yield document.problem(f"abort[{index}]", f"can never be met: {why}")


def _unbreakable(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Limits that nothing which can happen would break."""
    for index, text in enumerate(document.value.expect):
        one = expectation.parse(text)
        if one in made.expectations and (why := metrics[one.metric].unbreakable(made, one)):
            yield document.problem(f"expect[{index}]", why)


def _half_climbed(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Settings that would get to what the scenario says they are only after their fault has ended."""
    for disturbance in {d.of: d for d in reversed(made.disturbances)}.values():
        fault, lasts_s = disturbance.fault, disturbance.end_s - disturbance.start_s
        if not isinstance(fault, Climbing):
            continue
        for name in fault.ramp:
            ramp = fault.climb(name)
            if ramp is not None and ramp.over_s > lasts_s:
                each = "each time it is in force" if fault.flap else "it is in force"
                yield document.problem(
                    f"faults[{made.scenario.fault_ids.index(disturbance.of)}].ramp.{name}",
                    f"{disturbance.of} is never what {name} says: that is so after {ramp.over_s:g} s, and {each} for {lasts_s:g} s, "
                    f"{quantities.share(lasts_s / ramp.over_s)} of the way",
                )


def _met_by_nobody(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Faults of links in whose time the load's shape has no request due."""
    if made.closed or made.scenario.load.watched:
        return
    for index, name in enumerate(made.scenario.fault_ids):
        mine = [one for one in made.disturbances if one.of == name]
        due = sum(made.schedule.due_between(one.start_s, one.end_s) for one in mine)
        if any(one.broken for one in mine) and due < 1:
            yield document.problem(
                f"faults[{index}]",
                f"no request is due while {name} is in force, {mine[0].start_s:g} s to {mine[-1].end_s:g} s: where nothing but requests "
                "uses what it breaks nobody meets it, and the run says nothing; let the load have a rate then (load.shape)",
            )


def _shed_too_soon(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """A load that is shed where that can show nothing."""
    if made.shed is None:
        if "shed_to" in document.value.load.model_fields_set:
            yield document.problem("load.shed_to", f"is for a phase called {SHED}, and there is none")
        return
    last_s = max((d.end_s for d in made.disturbances), default=made.shed.start_s)
    if made.disturbances and made.shed.start_s < last_s + SETTLED_S + SHORTEST_S:
        what = (
            f"it begins at {made.shed.start_s:g} s, and the last fault ends at {last_s:g} s: only {SETTLED_S + SHORTEST_S:g} s after that "
            "can anybody say that the service keeps itself down; put a phase between, such as stuck: 15s"
        )
        yield document.problem(f"phases.{SHED}", what)


def _cut_short(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Limits that the plan itself goes over, however the service does."""
    planned = {"max_duration": made.total_s, "max_requests": made.schedule.requests}
    for index, written in enumerate(document.value.abort):
        for name, comes_to in planned.items() if not isinstance(written, str) else ():
            most = getattr(written, name)
            if most is not None and comes_to > most:
                yield document.problem(
                    f"abort[{index}].{name}",
                    f"every run is ended by it: {quantities.plain(comes_to, 6)} are planned, and {quantities.plain(most, 6)} are allowed",
                )


def _out_of_time(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Jobs for which the clients of the scenario have less time than the target file gives them."""
    job, deadline_s = made.target.ask.job, made.scenario.load.deadline
    if job is None or made.closed:
        return
    give_up = f"and clients give up after {deadline_s:g} s"
    if job.deadline is not None and job.deadline > deadline_s:
        what = f"a job of {made.target.name} may take {job.deadline:g} s (ask.job.deadline), {give_up}"
        yield document.problem("load.deadline", f"{what}; write {job.deadline:g}s, or a shorter time there")
    if not job.webhook and job.every >= deadline_s:
        what = f"a job of {made.target.name} is asked about every {job.every:g} s (ask.job.every), {give_up}"
        yield document.problem("load.deadline", f"{what}, so that every job would be lost; let one of them be another")


def _outlived(document: Document[Scenario], made: Plan) -> Iterator[Problem]:
    """Faults that requests outlive, where how much was tried in them is to be judged, or what the exposed came to."""
    deadline_s = made.scenario.load.deadline
    exposed = any(expected.selection.among == "exposed" for expected in made.expectations)
    counted = any(
        metrics[expected.metric].among_exposed and not expected.selection.among for expected in made.expectations
    )
    for name, disturbance in {d.of: d for d in reversed(made.disturbances)}.items():
        lasts_s = disturbance.end_s - disturbance.start_s
        at, may = f"faults[{made.scenario.fault_ids.index(name)}]", f"load.deadline, {deadline_s:g} s"
        if exposed and lasts_s <= deadline_s:
            yield document.problem(
                at,
                f"{name} lasts {lasts_s:g} s, no longer than a request may ({may}): where one takes as long, none lives wholly "
                "inside it, and nothing is measured among the exposed; let it last longer",
            )
        elif counted and lasts_s < OUTLIVED * deadline_s:
            yield document.problem(
                at,
                f"{name} lasts {lasts_s:g} s, not much longer than a request may ({may}): many requests see "
                "only a part of it, so that what they tried says too little; let it last longer, or say among exposed",
            )


OUTLIVED = 2.0
"""A fault shorter than so many deadlines is ended by the time that many of its requests are."""


def unabortable(document: Document[Scenario]) -> Iterator[Problem]:
    """Every condition on which the run is to be ended that could never be met, or that nobody could look at."""
    wrong = [*unmeetable(document.value.abort)]
    sound = {*range(len(document.value.abort))} - {index for index, _ in wrong}
    wrong += [(index, _of_no_request(document.value.abort[index], document.value.load)) for index in sound]
    for index, why in wrong:
        if why:
            yield document.problem(f"abort[{index}]", why)


def _of_no_request(written: str | AbortLimit, load: Load) -> str:
    """Why *written* ends no run under *load*, where that is so since the harness sends nothing; else empty."""
    if isinstance(written, str):
        metric = metrics[abort.parse(written).metric]
        why = metric.unsaid(load)
        return (
            f"{metric.name}: {why}; write {PROBES}, or end it by max_attempts, max_cost, max_duration or url"
            if why
            else ""
        )
    sent = load.asks or written.max_requests is None
    return "" if sent else "the harness sends no request (load.source), so this ends no run; write max_attempts"


def unmeetable(conditions: Iterable[str | AbortLimit]) -> Iterator[tuple[int, str]]:
    """The place of each of *conditions* that could never be met, or that nobody could look at, with what is wrong with it."""
    for index, written in enumerate(conditions):
        for why in refused(abort.parse(written)) if isinstance(written, str) else ():
            yield index, why


def priceless(document: Document[Scenario], target: Target) -> Iterator[Problem]:
    """Every limit on what attempts may cost though nobody knows what any of them does."""
    for index, written in enumerate(document.value.abort):
        if not isinstance(written, str) and written.max_cost is not None and not target.prices:
            what = f"target {target.name!r} has no prices, so nothing is known of what an attempt costs"
            yield document.problem(
                f"abort[{index}]", f"{what}; write them in its file, such as prices: {{MODEL: {{in: 2.5, out: 10}}}}"
            )


def unheard(document: Document[Scenario], written: Written, target: Target) -> Iterator[Problem]:
    """What is asked of the users of a locustfile that nobody can know of them, or of an entry that *target* does not have."""
    load = document.value.load
    if not load.closed:
        return
    if load.host is not None and load.host not in target.entries_by_name:
        hint = suggestion(load.host, list(target.entries_by_name))
        yield document.problem("load.host", f"target {target.name!r} has no entry {load.host!r}; {hint}")
    if document.value.good.answers is not None:
        why = (
            "nobody reads the answers of a locustfile's users; say it there with catch_response and response.failure()"
        )
        yield document.problem("good.answers", why)
    for expected in written.expectations:
        if why := metrics[expected.metric].not_of_users:
            yield written.problem(expected, f"{expected}: {why}; leave it out, or send questions (load.questions)")
        if load.host in target.entries_by_name and load.host not in entries_of(target, expected.selection):
            what = f"users ask {load.host} alone (load.host), so that nothing of that would be measured"
            yield written.problem(expected, f"{expected}: {what}; leave host out, or ask of {load.host}")


def unknowable(document: Document[Scenario], written: Written) -> Iterator[Problem]:
    """What is expected of a load that is the service's own, and cannot be known of it."""
    load = document.value.load
    if not load.watched:
        return
    told = ", ".join(name for name in metrics if metrics[name].needs == "attempts")
    for expected in written.expectations:
        metric = metrics[expected.metric]
        if why := metric.unsaid(load):
            probes = (
                f"write {PROBES}" if metric.needs == "requests" else "have the harness send the load (load.rate_per_s)"
            )
            yield written.problem(expected, f"{expected}: {why}; {probes}, or expect any of {told}")


def by_conversation(made: Plan) -> Iterator[Problem]:
    """Every fault of *made* that is drawn by conversations, which the users of a locustfile do not have."""
    for name in dict.fromkeys(
        d.of for d in made.disturbances if made.closed and any(map(_of_conversations, d.effects))
    ):
        at = f"faults[{made.scenario.fault_ids.index(name)}].per"
        yield Problem(
            "nobody knows the conversations of a locustfile's users; write per: attempt or connection", path=at
        )


def _of_conversations(effect: Effect) -> bool:
    return isinstance(effect, EdgeRule) and effect.requests.per == "conversation"


def never_settled(written: Written, made: Plan) -> Iterator[Problem]:
    """Every expectation that *made* can never settle, however the run goes."""
    for expected in made.expectations:
        if not metrics[expected.metric].of_load(made):
            continue  # which is told by itself
        if why := _of_no_stretch(made, expected.selection.after) or metrics[expected.metric].unsettled(made, expected):
            yield written.problem(expected, f"{expected}: {why}")


def _of_no_stretch(made: Plan, after: str | None) -> str:
    """That *after* names a stretch that its fault does not have; empty where it names one, or a fault."""
    ids = [d.id for d in made.disturbances if after and d.of == fault_of(after)]
    if after is None or after == fault_of(after) or not made.disturbances or after in ids:
        return ""
    return f"{fault_of(after)} has no such stretch; {suggestion(after, [fault_of(after), *ids])}"


def meaningless(questions: Document[Questions]) -> Iterator[Problem]:
    """Everything that is expected of an answer though it could not be told from any other."""
    if next(_expected(questions.value), None) is None:
        return
    # Only who expects something waits for what reads it.
    from harness.judging.answers import facts_of, says

    for here, expected in _expected(questions.value):
        if expected.text is not None and not says(expected.text):
            yield questions.problem(here, f"{expected.text!r} has no words, so no answer could be held against it")
        if expected.facts is not None and not facts_of(expected.facts):
            what = "has no number, date or name with digits, so every answer would do; write text: to have its words in the answer"
            yield questions.problem(f"{here}.facts", f"{expected.facts!r} {what}")


def _expected(questions: Questions) -> Iterator[tuple[str, Expected]]:
    """Everything that is expected of an answer, with the path at which it stands."""
    for index, question in enumerate(questions.questions):
        if question.expected is not None:
            yield f"questions[{index}].expected", question.expected
        for number, turn in enumerate(question.turns or ()):
            if turn.expected is not None:
                yield f"questions[{index}].turns[{number}].expected", turn.expected


_OF_A_CHAT = ("system", "tools", "max_tokens")
"""What of a question only the API of a model has words for."""


def unworded(questions: Document[Questions], target: Target) -> Iterator[Problem]:
    """The first of each thing that questions have beside their text and that the protocol of *target* has no word for."""
    name = target.ask.protocol
    if name not in PROTOCOLS or chats(name):
        return
    for key in _OF_A_CHAT:
        having = (index for index, one in enumerate(questions.value.questions) if getattr(one, key) is not None)
        if (index := next(having, None)) is not None:
            what = f"the {name} protocol, by which {target.name} is asked, has no word for it; leave it out"
            yield questions.problem(f"questions[{index}].{key}", what)


def untold_users(target: Target, questions: Questions) -> str | None:
    """What the target cannot know: which of several users asks, where they ask in the same words and it is not told; None where it can."""
    if any(
        "user" in placeholders(text)
        for _, text in texts([target.ask.body, target.ask.path, [*target.ask.headers.values()]])
    ):
        return None
    who: dict[str, set[str | None]] = {}
    for question in questions.questions:
        who.setdefault(question.text.strip().casefold(), set()).add(question.user)
    if all(len(users) < 2 for users in who.values()):
        return None
    where = 'write {user} where it reads that, such as headers: {x-user: "{user}"}'
    return f"questions say who asks (user), and the service is not told; {where}"


def nobody_asks(written: Written, made: Plan, questions: Questions) -> Iterator[Problem]:
    """Every expectation of *made* on leaks, where no question says who asks, or where one alone does, so that nobody else could be told."""
    said = any(question.user for question in questions.questions)
    what = untold_users(made.target, questions) or (_alone(made, questions) if said else _UNSAID)
    for expected in made.expectations if what else ():
        if metrics[expected.metric].asks_who:
            yield written.problem(expected, f"{expected}: {what}")


_UNSAID = "no question says who asks; give each its user: in the questions file"


def _askers(made: Plan, questions: Questions) -> tuple[list[str], list[str]]:
    """Who asks, and who never does since there are fewer conversations than users; each of them is one user's."""
    users = list(dict.fromkeys(question.user or "" for question in questions.questions))
    many = len(users) if made.recorded else min(made.schedule.conversations, made.schedule.requests)
    return users[:many], users[many:]


def _alone(made: Plan, questions: Questions) -> str:
    """That one user alone asks, and nobody knows what is right for another; empty where somebody else's answer could be told."""
    asking, silent = _askers(made, questions)
    if len(asking) > 1 or any(question.expected for question in questions.questions if (question.user or "") in silent):
        return ""
    return (
        _silent_users(made, questions) or f"only {asking[0]!r} asks, so that there is nobody else's answer to be told"
    )


def _unheld(made: Plan, questions: Questions) -> str:
    """That most answers will be held against nothing, where they are to agree with the baseline; empty where that is not so."""
    good, before = made.scenario.good.answers, made.phase("baseline")
    if (
        made.closed
        or not made.asks
        or not ((good and good.agrees) or any(metrics[one.metric].reads_answers for one in made.expectations))
    ):
        return ""
    asked = list(questions.asked.values())
    untold = sum(question.expected is None for question in asked)
    due = made.schedule.due_between(before.start_s, before.end_s)
    # Of questions that are drawn at random so many are not asked in the baseline.
    if untold * (1 - 1 / len(asked)) ** due <= len(asked) / 2:
        return ""
    return (
        f"of {len(asked)} questions most are not asked in the baseline, in which {quantities.plain(due, 6)} requests are due, so that "
        "answers to them are held against one another alone; ask fewer, let the baseline last longer, or say what is expected"
    )


def _silent_users(made: Plan, questions: Questions) -> str:
    """That some of the users never ask; empty where all do."""
    asking, silent = _askers(made, questions)
    if not silent or made.closed or not made.asks:
        return ""
    many = f"{len(asking)} conversation{'s go' if len(asking) > 1 else ' goes'} on at once (rate x load.turn_gap), each one user's"
    such = f"such as {next(filter(None, silent), 'those without a name')}"
    return f"{len(silent)} of {len(asking) + len(silent)} users never ask, {such}: {many}; let the rate or load.turn_gap be greater"


def nowhere_bound(written: Written, made: Plan, questions: Questions) -> Iterator[Problem]:
    """Every expectation of *made* on where questions go, where none says in which region it has to stay, or in one that is not there."""
    regions = {link.region for link in made.target.links.values() if link.region}
    bound = {question.region for question in questions.questions if question.region}
    what = "no question says where it has to stay; give some their region: in the questions file"
    if bound and not bound <= regions:
        what = f"no link is in {', '.join(sorted(bound - regions))}; regions of links: {', '.join(sorted(regions)) or 'none'}"
    if bound and bound <= regions:
        return
    for expected in made.expectations:
        if metrics[expected.metric].asks_where:
            yield written.problem(expected, f"{expected}: {what}")


def target_problems(target: Document[Target], environment: Mapping[str, str] | None) -> Iterator[Problem]:
    """All that is wrong with a target as such; *environment* is where ``${VAR}`` comes from, None where none is needed."""
    yield from unknown_placeholders(target)
    yield from untold_links(target)
    yield from untold_ports(target)
    yield from untold_authorities(target)
    yield from untold_resolver(target)
    yield from _authority_problems(target)
    yield from _ask_problems(target, environment or {})
    yield from _compose_problems(target)
    if environment is not None:
        yield from missing_secrets(target, environment)
        yield from _proxy_problems(target, environment)


def shared_listens(targets: Iterable[Document[Target]]) -> Iterator[Problem]:
    """Links of different targets that listen on one port: their runs would meet there, and no lease keeps them apart."""
    first: dict[int, tuple[Document[Target], str]] = {}
    for target in targets:
        for name, link in target.value.links.items():
            if link.listen is None:
                continue
            other, its_link = first.setdefault(link.listen, (target, name))
            if other.value.name != target.value.name:
                what = f"{link.listen} is where link {its_link!r} of target {other.value.name!r} ({other.file}) listens, too"
                yield target.problem(f"links.{name}.listen", f"{what}; give each a port of its own")


def foreign_hosts(target: Document[Target], allowed: Collection[str]) -> Iterator[Problem]:
    """Where the target names a host off this machine that was not *allowed* by name."""
    for path, host in _hosts(target.value):
        yield from foreign(target, path, host, allowed)


def unreachable(target: Document[Target], hosts: LoadHosts) -> Iterator[Problem]:
    """What of the target workers of other machines could not reach, or be reached from: loopback is each machine's own."""
    if not hosts.away:
        return
    for index, entry in enumerate(target.value.entries):
        host = host_of(entry.url)
        if host is None or on_this_machine(host):
            what = (
                f"{entry.url} is on each machine that machine itself, so workers on others ({MANY}) would not reach the service; "
                "name an address of this machine that they do, and have the service listen there"
            )
            yield target.problem(f"entries[{index}].url", what)
    if target.value.ask.job and target.value.ask.job.webhook:
        yield target.problem(
            "ask.job.webhook", f"results are sent to this machine, and not to workers on others ({MANY})"
        )


def unshared(scenario: Document[Scenario], hosts: LoadHosts) -> Iterator[Problem]:
    """Where workers of other machines are asked for, and the load is none that they could send."""
    if hosts.many and scenario.value.load.watched:
        yield scenario.problem(
            "load", f"workers share a load that the harness sends, and this one is the service's own: leave out {MANY}"
        )


def foreign_to_scenario(scenario: Document[Scenario], allowed: Collection[str]) -> Iterator[Problem]:
    """Where the scenario names a host off this machine, to ask whether it may go on or for its users, that was not *allowed* by name."""
    for path, host in (*_vetoes(scenario.value), *_reached(scenario.value)):
        yield from foreign(scenario, path, host, allowed)


def _vetoes(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Path and host of each address that is asked whether the run may go on."""
    urls = [(index, one.url) for index, one in enumerate(scenario.abort) if not isinstance(one, str) and one.url]
    yield from ((f"abort[{index}].url", host) for index, url in urls if (host := host_of(url)) is not None)


def _reached(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Path and host of each address that clients of a locustfile's own may connect to."""
    for index, text in enumerate(scenario.load.reaches):
        if (host := host_of(text)) is not None:
            yield f"load.reaches[{index}]", host


def foreign(document: Document[Any], path: str, host: str, allowed: Collection[str]) -> Iterator[Problem]:
    """That *host*, which *document* names at *path*, is off this machine, and was not *allowed* by name."""
    if not on_this_machine(host) and host.lower() not in {name.lower() for name in allowed}:
        what = f"{host!r} is not on this machine; if traffic may be sent there, allow it with --allow-host {host}"
        yield document.problem(path, what)


def load_target(path: Path, overrides: Mapping[str, str] = MappingProxyType({})) -> Document[Target]:
    """The target in the file at *path*, whose folder is where it starts from; raises UsageProblems as `load` does."""
    try:
        document = load(path, Target, overrides)
    except DraftProblems as refused:
        more = [*unknown_in_draft(refused.draft), *_of_part(refused.draft)]
        found = dict.fromkeys(map(_of_target, [*refused.problems, *more]))
        raise DraftProblems(refused.draft, *sorted(found, key=lambda problem: problem.line or 0)) from None
    except UsageProblems as refused:
        raise UsageProblems(*map(_of_target, refused.problems)) from None
    return replace(document, value=document.value.of_folder(path.absolute().parent))


def _of_part(draft: Draft) -> Iterator[Problem]:
    """What is wrong with a target that is refused, by the checks of which all is there that they look at."""
    if (target := draft.part(Target)) is None:
        return
    of = target
    checks: list[Callable[[], Iterable[Problem]]] = [
        lambda: untold_links(of),
        lambda: untold_ports(of),
        lambda: untold_authorities(of),
        lambda: untold_resolver(of),
        lambda: [*_authority_problems(of)],
        lambda: [*_ask_problems(of, {})],
    ]
    for check in checks:
        yield from sayable(check) or ()


def _of_target(problem: Problem) -> Problem:
    """*problem*; one of the command line at the place where it was said there, which is the target's."""
    option, _, key = problem.path.partition(" ")
    return replace(problem, path=f"{option} {OF_TARGET}{key}") if option == "--set" else problem


def of_note(target: Document[Target]) -> Iterator[Problem]:
    """What of *target* may be meant so, and is told before anything is started: commands that are not here, keys that are written out."""
    yield from missing_commands(target)
    yield from written_out(target)
    yield from _slips_of_kinds(target)
    yield from _one_twice(target)
    yield from _beside_what_is_started(target)


def _beside_what_is_started(target: Document[Target]) -> Iterator[Problem]:
    """Entries of a fixed port of this machine, on which nothing listens that the file starts, though it starts the service."""
    started = target.value.processes.values() if target.value.start else ()
    told = " ".join(text for service in started for text in (*service.command, *service.env.values()))
    for index, entry in enumerate(target.value.entries if started else ()):
        where = address(entry.url)
        links = {str(link.listen) for link in target.value.links.values()}
        ours = not where.port.isdecimal() or where.port in links or re.search(rf"(?<!\d){where.port}(?!\d)", told)
        if not ours and on_this_machine(where.host.strip("[]")):
            what = f"nothing that the file starts is told to listen on {where.port}, and what start starts is on its {{port}}"
            yield target.problem(f"entries[{index}].url", f"{what}; is http://{where.host}:{{port}} meant?")


def _one_twice(target: Document[Target]) -> Iterator[Problem]:
    """Entries of one address, which are told apart by their names and regions, and are not two."""
    first: dict[str, str] = {}
    for index, (name, entry) in enumerate(target.value.entries_by_name.items()):
        if (other := first.setdefault(entry.url.rstrip("/"), name)) != name:
            what = f"{entry.url} is where {other} is asked, too: the two are one, and whatever is told of {name} is of {other} as well"
            yield target.problem(f"entries[{index}].url", what)


def _slips_of_kinds(target: Document[Target]) -> Iterator[Problem]:
    """Kinds of links that are free words, and look as if a known one was meant."""
    for name, link in target.value.links.items():
        kind = str(link.kind)
        for known in KNOWN_KINDS:
            swapped = sorted(kind) == sorted(known)
            if kind != known and (swapped or letters_apart(kind, known) <= (2 if len(known) > 5 else 1)):
                what = f"{kind!r} is a kind of your own; did you mean {known!r}? Scenarios aim by kind, and metrics ask for it"
                yield target.problem(f"links.{name}.kind", what)


def missing_commands(target: Document[Target]) -> Iterator[Problem]:
    """Every command of *target* that is not there to be started; one that a placeholder names is known later."""
    if target.value.compose and not (which("docker") or which("docker-compose")):
        what = "neither docker compose nor docker-compose is here, so nothing of it can be brought up; harness doctor says how to get it"
        yield target.problem("compose.file", what)
    for name, service in target.value.processes.items():
        command, place = service.command[0], "start" if service is target.value.start else f"services.{name}"
        folder = Path(service.cwd) if service.cwd else Path.cwd()
        if not folder.is_dir():
            yield target.problem(f"{place}.cwd", f"there is no folder {folder}")
            continue
        relative = "/" in command and not command.startswith("/")
        if placeholders(command) or secret_names(command) or "PATH" in service.env:
            continue
        if which(str(folder / command) if relative else command) is not None:
            continue
        what = (
            "is no file that can be run here"
            if "/" in command
            else "is no command on this machine's PATH, so it cannot be started here"
        )
        hint = f"; it is looked for below {folder}" if relative else ""
        yield target.problem(f"{place}.command[0]", f"{command!r} {what}{hint}")


def needs(
    target: Document[Target], environment: Mapping[str, str], scenario: Document[Scenario] | None = None
) -> Iterator[str]:
    """What a run on *target* would need beyond what is there: variables to set, hosts to allow; those of *scenario*, too."""
    missing = [problem.what for problem in missing_secrets(target, environment)]
    yield from dict.fromkeys(missing)
    named = [host for _, host in [*_hosts(target.value), *(_vetoes(scenario.value) if scenario else ())]]
    hosts = [host for host in named if not on_this_machine(host)]
    yield from (f"--allow-host {host}" for host in dict.fromkeys(hosts))


def _authority_problems(target: Document[Target]) -> Iterator[Problem]:
    """Files of authorities that cannot be used, or would never be."""
    for name, link in target.value.links.items():
        if link.tls and (wrong := _unusable_to_sign(link.tls)):
            yield target.problem(f"links.{name}.tls", wrong)
        if link.ca is None or link.carries != "http":
            continue
        place = f"links.{name}.ca"
        if not str(link.upstream).startswith("https://"):
            yield target.problem(place, f"ca is for an https:// upstream, and {link.upstream!r} is none; leave it out")
        elif wrong := _unusable(link.ca):
            yield target.problem(place, f"{link.ca!r} {wrong}; name a PEM file with the authority's certificate")


def _unusable_to_sign(tls: Tls) -> str:
    """What of the authority that a link's *tls* names cannot be used, and what would be right."""
    if tls.ca is None or tls.ca_key is None:
        return ""
    if wrong := _unusable(tls.ca):
        return f"{tls.ca!r} {wrong}; name a PEM file with the authority's certificate"
    if not Path(tls.ca_key).is_file():
        return f"{tls.ca_key!r} is no file in {Path.cwd()}; name a PEM file with the authority's key"
    from harness.reading.authorities import authority  # few targets name one, and it takes long to load

    try:
        authority(Path(tls.ca), Path(tls.ca_key))
    except (ValueError, OSError) as error:
        return f"{error}; name an authority's certificate and the key with which it signs"
    return ""


def _unusable(ca: str) -> str:
    import ssl  # few targets have one, and it takes long to load

    try:
        if Path(ca).exists() and not Path(ca).is_file():
            return "is no file"  # nobody may ever write to a pipe, and to open it waits for that
        ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        return "holds no certificate"
    except OSError as error:
        return f"cannot be read from {Path.cwd()}: {error.strerror}"
    return ""


def _compose_problems(target: Document[Target]) -> Iterator[Problem]:
    """A Compose file that cannot be used, and services that it does not have; of one that includes others, Compose itself knows."""
    compose = target.value.compose
    if compose is None:
        return
    try:
        document = compose_file.document(Path(compose.file))
    except compose_file.NoComposeFileError as error:
        yield target.problem("compose.file", f"{compose.file!r} {error}")
        return
    known = [] if "include" in document else list(map(str, document["services"]))
    for name in compose.services if known else ():
        if name not in known:
            yield target.problem(
                f"compose.services.{name}", f"{compose.file} has no service {name!r}; {suggestion(name, known)}"
            )


def _proxy_problems(target: Document[Target], environment: Mapping[str, str]) -> Iterator[Problem]:
    """Proxies of the environment that stand before a link and cannot be used."""
    for name, link in target.value.links.items():
        if isinstance(link.upstream, str) and link.carries == "http" and host_of(link.upstream) is not None:
            try:
                proxy_for(link.upstream, environment)
            except ValueError as error:
                yield target.problem(f"links.{name}.upstream", str(error))


def _ask_problems(target: Document[Target], environment: Mapping[str, str]) -> Iterator[Problem]:
    """What the protocol says of the way in which the target is to be asked."""
    ask, publish = target.value.ask, target.value.publish
    if publish and not is_pointer(publish.version):
        yield target.problem("publish.version", f"{publish.version!r} is no JSON Pointer; write one such as /version")
    effects = target.value.effects
    if effects and not is_pointer(effects.at):
        yield target.problem("effects.at", f"{effects.at!r} is no JSON Pointer; write one such as /orders")
    try:
        spoken = protocol(ask.protocol)
    except UnknownNameError as error:
        yield target.problem("ask.protocol", str(error))
        return
    headers = {
        name: secrets(text, environment) if _all_set(text, environment) else text for name, text in ask.headers.items()
    }
    asked = resolved(ask, headers)
    for what in spoken.problems(asked):
        yield target.problem("ask", what)
    if asked.job and ask.protocol != "json":
        what = f"jobs are submitted and polled by the json protocol, and this one is asked by {ask.protocol}; write protocol: json"
        yield target.problem("ask.job", what)
    for key, what in job_problems(asked.job) if asked.job else ():
        yield target.problem(f"ask.job.{key}", what)
    yield from _webhook_problems(target)


def _webhook_problems(target: Document[Target]) -> Iterator[Problem]:
    """A webhook that nobody is told of or that nobody reaches, and one that is told of where nothing waits for it."""
    ask = target.value.ask
    told = any("webhook" in placeholders(text) for _, text in texts([ask.body, ask.path, [*ask.headers.values()]]))
    wanted = ask.job is not None and ask.job.webhook
    if told and not wanted:
        yield target.problem(
            "ask", "{webhook} stands for nothing unless a result is waited for there; write job: {webhook: true}"
        )
    if wanted and not told:
        what = 'nobody is told where to send the result; write {webhook} where that is read, such as body: {callback: "{webhook}"}'
        yield target.problem("ask.job.webhook", what)
    for index, entry in enumerate(target.value.entries if wanted else ()):
        host = host_of(entry.url)
        if host is not None and not on_this_machine(host):
            yield target.problem(
                f"entries[{index}].url",
                f"a webhook listens on 127.0.0.1, which {host} cannot reach; poll instead (ask.job.poll)",
            )


def _all_set(text: str, environment: Mapping[str, str]) -> bool:
    return all(name in environment for name in secret_names(text))


def _hosts(target: Target) -> Iterator[tuple[str, str]]:
    """Path and host of each address that names one."""
    urls = [(f"entries[{index}].url", entry.url) for index, entry in enumerate(target.entries)]
    urls += [
        (f"links.{name}.upstream", link.upstream)
        for name, link in target.links.items()
        if isinstance(link.upstream, str)
    ]
    urls += [("publish.post", target.publish.post)] if target.publish else []
    urls += [("reset.post", target.reset.post)] if target.reset else []
    urls += [("effects.get", target.effects.get)] if target.effects else []
    urls += [("health.get", target.health.get)] if target.health and not target.health.of_each_entry else []
    urls += [("state", target.state)] if target.state and is_url(target.state) else []
    yield from ((path, host) for path, url in urls if (host := host_of(url)) is not None)
