"""What a run would do, in lines for a person: its size, its timeline, what it would touch, what it expects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from shlex import quote

from harness.planning.plan import Plan
from harness.planning.shapes import phases_of
from harness.planning.timeline import timeline
from harness.reading.abort import AbortLimit
from harness.reading.hosts import address, host_of
from harness.reading.proxies import proxy_for
from harness.reading.quantities import plain, share
from harness.reading.scenario import SHED, Load
from harness.reading.shapes import Replay
from harness.reading.state_place import is_url, misplaced
from harness.reading.target import Job, Target
from harness.reading.templates import secret_names

_NOTHING: Mapping[str, str] = {}
_VERBS = {"inject": "inject", "publish": "publish the next snapshot for", "revert": "end"}


def outline(
    plan: Plan, needs: Sequence[str] = (), environment: Mapping[str, str] = _NOTHING, state: str = ""
) -> Iterator[str]:
    """The plan's lines, in the order in which they matter; *needs*: what a run of it still lacks.

    *environment*: in which it is run, since that names proxies; *state*: where its target's state is kept, if the target does not say.
    """
    yield f"{plan.scenario.name} on {plan.target.name}, seed {plan.seed}"
    yield f"{plan.total_s:g} s, {_load(plan)}"
    yield from _presses(plan)
    yield from _shares(plan)
    yield ""
    yield from timeline(plan)
    yield ""
    for at_s, what in sorted(_moments(plan), key=lambda moment: moment[0]):
        yield f"{at_s:7.1f} s  {what}"
    yield from ("", "touches")
    for name, link in plan.target.links.items():
        touched = dict.fromkeys(d.fault.summary() for d in plan.disturbances if name in d.links)
        region = f", {link.region}" if link.region else ""
        yield f"  {name:<16} {link.kind}{region}: {'; '.join(touched) or 'nothing'}"
    for name in plan.target.processes:
        if touched := dict.fromkeys(d.fault.summary() for d in plan.disturbances if name in d.processes):
            yield f"  {name:<16} process: {'; '.join(touched)}"
    for name, container in plan.target.broken_as_containers.items():
        touched = dict.fromkeys(d.fault.summary() for d in plan.disturbances if name in d.containers)
        yield f"  {name:<16} container, {container}: {'; '.join(touched) or 'nothing'}"
    yield from ("", *started(plan), "", *_reached(plan, environment, plan.target.state or state))
    yield from ("", "expects")
    for expectation in plan.expectations:
        yield f"  {expectation}"
    if plan.logged:
        yield f"is held against {plan.logged.file}: {len(plan.logged.seconds)} s of {plan.logged.of} that were recorded"
    if ends := [_ends(written) for written in plan.scenario.abort]:
        yield from ("", "is ended before its time where")
        yield from (f"  {what}" for what in ends)
    if needs:
        yield from ("", "a run would still need")
        yield from (f"  {need}" for need in needs)


def _presses(plan: Plan) -> Iterator[str]:
    """How often clients ask again; nothing where they do not."""
    pressing, load = plan.pressing, plan.scenario.load
    if pressing is not None:
        each = pressing.most(load.deadline)
        yield (
            f"whoever is not served within {pressing.patience_s:g} s asks again, so that of one request come at most {each} presses, "
            f"and {each * plan.schedule.requests} in all"
        )


def _shares(plan: Plan) -> Iterator[str]:
    """Who sends how much, where several workers do."""
    many = plan.scenario.load.workers
    if many > 1 and plan.closed:
        yield f"{many} workers share its users, as Locust gives them out"
    elif many > 1:
        most = plan.limits.requests
        sizes = plan.schedule.share_sizes(many, None if most == inf else int(most))
        yield f"{many} workers share it: {', '.join(map(str, sizes))} requests"


def _load(plan: Plan) -> str:
    """Who sends how much."""
    load = plan.scenario.load
    if not load.watched:
        return _users(plan) if plan.closed else _requests(plan)
    beside = f"asks beside it {_requests(plan)}" if load.asks else "sends nothing"
    return f"in which the service's own traffic is watched; the harness {beside}"


def _requests(plan: Plan) -> str:
    load, requests = plan.scenario.load, plan.schedule.requests
    if plan.recorded is None:
        which = f"{load.usual_per_s:g} per second{_rates(plan)}, {load.arrivals}"
    else:
        which = f"{plain(requests / plan.total_s)} per second on average{_rates(plan)}"
    return f"at most {requests} requests ({which}), each abandoned {load.deadline:g} s after it was due"


def _users(plan: Plan) -> str:
    """Who sends what of a closed load; how much that comes to, nobody knows beforehand."""
    load = plan.scenario.load
    tagged = [f"with tags {', '.join(load.tags)}"] if load.tags else []
    tagged += [f"without {', '.join(load.exclude_tags)}"] if load.exclude_tags else []
    return (
        f"a closed load of {load.who}, {load.spawn_per_s:g} more a second"
        f"{''.join(f', tasks {said}' for said in tagged)}; how many requests that comes to hangs on the service"
    )


def _ends(written: str | AbortLimit) -> str:
    if isinstance(written, str):
        return written
    if written.url is not None:
        return f"{written.url} answers other than 2xx"
    ((name, most),) = written.model_dump(exclude_none=True).items()
    return f"{name} {plain(most, 6)}{' s' if name == 'max_duration' else ''} is reached"


def started(plan: Plan) -> Iterator[str]:
    """What of files is run: every process of the target, as its file writes it, and the Python of a locustfile.

    With the names of placeholders and secrets, not with what stands for them.
    """
    processes, load = plan.target.processes, plan.scenario.load
    yield from _composed(plan.target)
    if not processes and not plan.target.compose:
        yield "starts nothing of the target's"
    if processes or load.locustfile:
        yield "starts, with your environment and in this folder where no other is named"
    for name, service in processes.items():
        env = [f"{key}={_as_typed(text)}" for key, text in service.env.items()]
        words = [*env, *map(_as_typed, service.command)]
        place = f"in {service.cwd}: " if service.cwd else ""
        yield f"  {name:<16} {place}{' '.join(words)}".replace("\n", "\\n")
    if load.locustfile:
        yield f"  {'load':<16} Locust, which runs the Python of {load.locustfile}"


def _composed(target: Target) -> Iterator[str]:
    """What is done to a Compose file's services, and what they are told beside what stands there."""
    if target.compose is None:
        return
    of = f"docker compose --project-name harness-RUN --file {quote(target.compose.file)}"
    yield "brings up, with your environment, on a network of the run's own, and takes down after it"
    yield f"  {of} up --detach {' '.join(target.composed)}"
    links = {key: text for link in target.links.values() for key, text in link.env.items()}
    for name, service in target.composed.items():
        told = " ".join(f"{key}={_as_typed(text)}" for key, text in {**links, **service.env}.items())
        port = f"its port {service.port} at a free one of 127.0.0.1" if service.port else ""
        yield f"  {name:<16} {'; '.join(filter(None, [port, told and f'told {told}'])) or 'as it is there'}"
    yield f"  {of} down"


def _as_typed(word: str) -> str:
    """*word* as in a shell, but for the placeholders in it, which no shell sees."""
    return word if re.fullmatch(r"[\w{}$./:=@%+,-]+", word) else quote(word)


def _reached(plan: Plan, environment: Mapping[str, str], state: str) -> Iterator[str]:
    """Every address that the harness itself turns to, and each proxy on the way."""
    target, load = plan.target, plan.scenario.load
    yield "reaches"
    for name, entry in target.entries_by_name.items():
        yield f"  {name:<16} {entry.url}{target.ask.path}, {_asked(load)}"
    if target.ask.job and load.asks and not load.closed:
        yield f"  {'':<16} {_followed(target.ask.job)}"
    for header, text in target.ask.headers.items():
        if secret_names(text):
            yield f"  {'':<16} with {header}: {text}"
    for name, link in target.links.items():
        if not isinstance(link.upstream, str):
            yield f"  {name:<16} a simulated provider, started on this machine"
        else:
            yield f"  {name:<16} {link.upstream}{_through(link.upstream, environment) if link.carries == 'http' else ''}"
    yield from _reached_besides(target)
    if is_url(state) and not misplaced(state):
        yield f"  {'state':<16} {state}{_through(state, environment)}: who holds, stops or freezes the target"
    for url in plan.limits.urls:
        yield f"  {'abort':<16} GET {url}{_through(url, environment)}, twice a second while the run goes on"


def _asked(load: Load) -> str:
    """By whom the target's entries are asked."""
    if load.closed:
        return "asked once before the load, and by its users as they like"
    if not load.asks:
        return "which has to be there, and is not asked anything"
    return "asked by probes" if load.watched else "asked by the load"


def _reached_besides(target: Target) -> Iterator[str]:
    """What is asked of the target besides questions."""
    if target.ready and target.ready.get:
        yield f"  {'ready':<16} GET {target.ready.get} of each entry, until it serves"
    if target.publish:
        yield f"  {'publish':<16} POST {target.publish.post}"
    if target.reset:
        yield f"  {'reset':<16} POST {target.reset.post}, between runs that are judged together"
    if target.effects:
        yield f"  {'effects':<16} GET {target.effects.get}, before and after the load"
    if target.health:
        where = f"{target.health.get} of each entry" if target.health.of_each_entry else target.health.get
        yield f"  {'health':<16} GET {where}, every {target.health.every:g} s while the load runs"


def _through(url: str, environment: Mapping[str, str]) -> str:
    """The proxy on the way to *url*, without its password; nothing where none is."""
    if host_of(url) is None:
        return ""
    try:
        proxy = proxy_for(url, environment)
    except ValueError as unusable:
        return f", but {unusable}"
    parts = address(proxy) if proxy else None
    return f", through the proxy {parts.host}{f':{parts.port}' if parts.port else ''}" if parts else ""


def _followed(job: Job) -> str:
    """How what is submitted is asked about."""
    if job.webhook:
        deadline = f" within {job.deadline:g} s" if job.deadline else ""
        return f"each of which is a job, whose result it sends{deadline} to the load, on 127.0.0.1"
    where = job.poll if job.poll is not None else f"where {job.id} leads"
    result = f", and its result fetched from {job.result}" if job.result else ""
    deadline = f", for {job.deadline:g} s at most" if job.deadline else ""
    return f"each of which is a job, asked about every {job.every:g} s at {where}{deadline}{result}"


def _shaped(load: Load) -> str:
    shape = load.shape
    if shape is None:
        return ""
    if shape.steps is not None:
        return "".join(f", {rate:g} in {phase}" for phase, rate in shape.steps.items())
    if shape.ramp is not None:
        first = load.rate_per_s if shape.ramp.from_ is None else shape.ramp.from_
        return f", from {first:g} to {shape.ramp.to:g} over {shape.ramp.over}"
    if shape.spike is not None:
        return f", {shape.spike.to:g} for {shape.spike.lasts:g} s from {shape.spike.at} on"
    if shape.trace is not None:
        return f", as in {shape.trace.file}{_replayed(shape.trace)}"
    assert shape.sine is not None
    return f", {share(shape.sine.by)} more and less in turn, every {shape.sine.period:g} s"


def _replayed(replay: Replay) -> str:
    """Which part of a trace, and how fast; nothing where it is all of it as it was."""
    part = f" from {replay.from_:g} s" if replay.from_ else ""
    part += f" to {replay.to:g} s" if replay.to is not None else ""
    part += f" at {replay.speed:g} times its speed" if replay.speed != 1 else ""
    return part + (", over and over" if replay.loop else "")


def _rates(plan: Plan) -> str:
    """How the rate differs from the usual one, in words; nothing where it does not."""
    load = plan.scenario.load
    shed = f", {share(load.shed_to)} of that in {SHED}" if plan.shed and SHED not in phases_of(load) else ""
    return f"{_shaped(load)}{shed}"


def _moments(plan: Plan) -> Iterator[tuple[float, str]]:
    for phase in plan.phases:
        yield phase.start_s, f"{phase.name} begins"
    for step in plan.steps:
        yield step.at_s, f"{_VERBS[step.verb]} {step.disturbance.summary}"
    yield plan.total_s, "the last request is due" if plan.asks else "watching ends"
