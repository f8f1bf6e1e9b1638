"""Made-up runs: what happened in them is drawn with a seed, so that each looks like a run and none has to be waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from simulated_world import tabled

from harness.judging.evidence import Evidence
from harness.judging.joining import derive_attempts, derive_requests
from harness.judging.result import Finding, Result
from harness.judging.verdict import judge
from harness.planning.plan import Plan, plan
from harness.reading.expectation import parse
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.history import Begun, Confirmed, Ended, Event, Injected, Injecting, Published, Reverted, Reverting
from harness.record.presses import GivenUp, written
from harness.record.rows import Arrival, Attempt, Request

SCENARIO = """
schema: harness.scenario/1
name: {name}
seed: 7
load: {{rate_per_s: {rate}, questions: questions.yaml, deadline: 10s{retries}}}
phases: {{warmup: 3s, baseline: 12s, fault: 15s, recovery: 20s}}
good: {{within: 4s}}
faults: {faults}
expect: {expect}
"""
TARGET = """
schema: harness.target/1
name: {name}
entries:
  - {{name: east, url: "http://127.0.0.1:1", region: east}}
  - {{name: west, url: "http://127.0.0.1:2", region: west}}
ask: {{protocol: json, path: /ask, body: {{q: "{{question}}"}}, reply: {{answer: /answer, snapshot_version: /version}}}}
links:
  provider-east: {{kind: provider, region: east, api: openai, upstream: {{simulated: {{}}}}}}
  provider-west: {{kind: provider, region: west, api: openai, upstream: {{simulated: {{}}}}}}
  store-east: {{kind: store, region: east, upstream: "redis://127.0.0.1:3"}}
  store-west: {{kind: store, region: west, upstream: "redis://127.0.0.1:4"}}
  replication: {{kind: replication, region: west, upstream: "redis://127.0.0.1:3"}}
publish: {{post: "http://127.0.0.1:5/publish"}}
"""
LOSS = "[{kind: regional_loss, region: east, mode: blackhole}]"
REFUSAL = "[{kind: regional_loss, region: east, mode: refuse}]"
DIVERGENCE = "[{kind: cache_divergence, region: west, publish_after: 3s}]"
EXPECT = "[good_ratio >= 0.9 in fault, retry_amplification <= 1.5 in fault, failover_time_s <= 5, recovery_time_s <= 5]"
QUESTIONS = {
    "refund-window": "What is the refund window for annual plans?",
    "notice-period": "What notice period applies to contracts?",
    "hotline-hours": "At what hour does the hotline open?",
    "backup-retention": "For how long are backups retained?",
    "parking": "How many parking spaces has the headquarters?",
    "hotel-limit": "What may a hotel night cost?",
}
ANSWERS = {
    "refund-window": "Annual plans can be refunded within {} days of renewal.",
    "notice-period": "Contracts can be ended with a notice period of {} weeks to the end of a month.",
    "hotline-hours": "The hotline opens at {}:00 on weekdays.",
    "backup-retention": "Backups are kept for {} days.",
    "parking": "There are {} parking spaces at the headquarters.",
    "hotel-limit": "A hotel night may cost up to {} euros.",
}


@dataclass
class Made:
    """A made-up run and what it is judged to be."""

    evidence: Evidence
    result: Result


@dataclass
class Story:
    """What is to happen in a run; *bad* says by due time and entry whether a request fares badly, and *tries* how often it is tried."""

    faults: str = "[]"
    expect: str = EXPECT
    name: str = "region-loss"
    target: str = "fragile"
    rate: float = 20.0
    with_faults: bool = True
    bad: Callable[[float, str], bool] = lambda due_s, entry: False
    slow_ms: Callable[[float], float] = lambda due_s: 0.0
    came_to: tuple[str, int] = ("timed_out", 0)
    answered: Callable[[float, str], tuple[str, int]] = lambda due_s, link: ("complete", 200)
    tries: Callable[[float, str], int] = lambda due_s, entry: 1
    layers: Callable[[int], tuple[str, int | None]] = lambda number: ("same", 1 if number % 3 else 0)
    retries: str = ""
    presses: Callable[[float], int] = lambda due_s: 1
    version: Callable[[float, str], int | None] = lambda due_s, entry: 41
    answer: Callable[[str, int | None], str] = lambda question, version: ANSWERS[question].format(
        14 if version == 42 else 30
    )
    until_s: float | None = None
    published_s: float | None = None
    ended: str = "completed"
    held: bool = True
    questions: dict[str, str] = field(default_factory=lambda: QUESTIONS)


def aimed(story: Story) -> Plan:
    of_story = {"faults": story.faults, "expect": story.expect, "retries": story.retries}
    written = SCENARIO.format(name=story.name, rate=story.rate, **of_story)
    scenario = Scenario.model_validate(yaml.safe_load(written))
    target = Target.model_validate(yaml.safe_load(TARGET.format(name=story.target)))
    made, problems = plan(scenario, target, tuple(map(parse, scenario.expect)), with_faults=story.with_faults)
    assert not problems
    return made


def told(story: Story) -> Made:
    """*story* as evidence and its judged result."""
    made = aimed(story)
    generator = np.random.default_rng(made.seed)
    until_s = story.until_s if story.until_s is not None else made.total_s
    requests: list[Request] = []
    attempts: list[Attempt] = []
    arrivals: list[Arrival] = []
    for index in range(int(until_s * story.rate)):
        _tell(story, made, index, generator, requests, attempts, arrivals)
    attempts_table, requests_table = tabled(attempts, Attempt), tabled(requests, Request)
    attempts_table = derive_attempts(made, attempts_table, requests_table)
    requests_table = derive_requests(made, requests_table, attempts_table)
    evidence = Evidence(
        made,
        begun(made, story),
        history(made, story, until_s),
        requests_table,
        attempts_table,
        tabled(arrivals, Arrival),
        {"provider-east": len(arrivals) // 2, "provider-west": len(arrivals) - len(arrivals) // 2},
        story.questions,
    )
    return Made(evidence, judge(evidence))


def _tell(
    story: Story, made: Plan, index: int, generator: np.random.Generator, requests: list, attempts: list, arrivals: list
) -> None:
    entry = ("east", "west")[index % 2]
    due_s = index / story.rate + float(generator.uniform(-0.1, 0.1)) / story.rate
    sent_s = due_s + float(generator.exponential(0.0006))
    question = list(story.questions)[index // 2 % len(story.questions)]
    bad = story.bad(due_s, entry) and generator.random() < 0.96
    first_s = 0.25 * float(np.exp(generator.normal(0, 0.35))) + story.slow_ms(due_s) / 1000
    end_s = sent_s + (10.0 if bad else first_s + 0.3)
    version = story.version(sent_s, entry)
    nonce, presses = f"n-{index:010d}", story.presses(due_s)
    requests.append(
        Request(
            index=index,
            worker=0,
            due_s=due_s,
            sent_s=sent_s,
            first_byte_s=None if bad else sent_s + first_s,
            first_token_s=None if bad else sent_s + first_s,
            end_s=end_s,
            status=story.came_to[1] if bad else 200,
            outcome=story.came_to[0] if bad else "complete",
            bytes=0 if bad else 240,
            entry=entry,
            conversation=f"c-{index % 100:04d}",
            turn=index // 100,
            question=question,
            answer="" if bad else story.answer(question, version),
            snapshot_version=None if bad else version,
            nonce=nonce,
            presses=presses,
            given_up=written(GivenUp("error", 503, 0.002 + 0.1 * n, 0.052 + 0.1 * n) for n in range(presses - 1)),
            last_sent_s=due_s + 0.1 * (presses - 1) if presses > 1 else None,
        )
    )
    tried = story.tries(due_s, entry)
    for number in range(tried):
        where, count = story.layers(number)
        link = f"provider-{entry}" if where == "same" else "provider-west"
        start_s = sent_s + 0.01 + number * 1.05
        outcome, status = story.answered(due_s, link)
        row = Attempt(link=link, start_s=start_s, nonce=nonce, retry_count=count, outcome=outcome, status=status)
        row.end_s, row.press = start_s + 0.5, min(number, presses - 1)
        attempts.append(row)
        if not bad or generator.random() < 0.15:
            arrivals.append(
                Arrival(
                    link=link, start_s=start_s + 0.004, nonce=nonce, forwarded_s=start_s + 0.005, outcome="complete"
                )
            )


def begun(made: Plan, story: Story) -> Begun:
    return Begun(
        run_id=f"20261121-053102-{story.target}",
        started_at="2026-11-21T05:31:02+00:00",
        clock_zero_s=1234.5,
        seed=made.seed,
        scenario_path=f"scenarios/{story.name}.yaml",
        scenario_sha256="5f" * 32,
        target_path=f"scenarios/targets/{story.target}.yaml",
        target_sha256="a1" * 32,
        replay=f"harness run scenarios/{story.name}.yaml --target scenarios/targets/{story.target}.yaml --seed {made.seed}",
        overrides=[],
        expectations=[],
        with_faults=story.with_faults,
        versions={"harness": "0.1.0", "python": "3.11.7", "system": "Linux-6.8", "locust": "2.47.0"},
        proxy_engine="toxiproxy",
        proxy_version="2.12.0",
    )


def history(made: Plan, story: Story, until_s: float) -> tuple[Event, ...]:
    events: list[Event] = []
    for d in made.disturbances:
        if until_s < d.start_s:
            continue
        end_s = min(d.end_s, until_s)
        events += [Injecting(d.start_s + 0.001, d.id), Injected(d.start_s + 0.012, d.id)]
        how = (
            "every probe was silent for 0.3 s: provider-east, store-east"
            if story.held
            else "a probe was answered after 2 ms"
        )
        events.append(Confirmed(d.start_s + 0.31, d.id, story.held, how))
        if story.published_s is not None:
            events.append(Published(story.published_s + 0.02, story.published_s, 42))
        events += [Reverting(end_s, d.id), Reverted(end_s + 0.018, d.id)]
    detail = "the load child ended with status 1" if story.ended == "crashed" else ""
    return (*events, Ended(until_s + (3.1 if story.ended == "completed" else 0.2), story.ended, detail))


def storm() -> Story:
    """A region is lost; each request becomes many, and the trouble outlives the fault by 9.6 s."""

    def bad(due_s: float, entry: str) -> bool:
        return 15.0 < due_s < 39.6 and (entry == "east" or due_s > 30)

    def tries(due_s: float, entry: str) -> int:
        return 6 if entry == "east" and 15 < due_s < 30 else 3 if 15 < due_s < 39.6 else 1

    def slow_ms(due_s: float) -> float:
        return 1500.0 if 15 < due_s < 30 else max(0.0, 1500 - 150 * (due_s - 30)) if 30 <= due_s < 40 else 0.0

    return Story(faults=LOSS, bad=bad, tries=tries, slow_ms=slow_ms)


def held() -> Story:
    """The same loss; the other region is asked after 2.2 s, and hardly anything is seen of it."""

    def bad(due_s: float, entry: str) -> bool:
        return 15.0 < due_s < 17.2 and entry == "east"

    def tries(due_s: float, entry: str) -> int:
        return 2 if 15.0 < due_s < 30 and entry == "east" else 1

    def layers(number: int) -> tuple[str, int | None]:
        return ("same", 0) if number == 0 else ("other", 0)

    expect = (
        "[good_ratio >= 0.8 in fault, retry_amplification <= 2 in fault, failover_time_s <= 5, recovery_time_s <= 5]"
    )
    return Story(faults=LOSS, bad=bad, tries=tries, layers=layers, target="resilient", expect=expect)


def divergence() -> Story:
    """West goes on answering from snapshot 41 after 42 was published."""

    def version(sent_s: float, entry: str) -> int:
        return 42 if sent_s > (18.05 if entry == "east" else 30.4) else 41

    expect = "[good_ratio >= 0.9 in fault, answer_consistency >= 0.95 in fault, monotonic_violations <= 0]"
    return Story(faults=DIVERGENCE, name="cache-divergence", version=version, published_s=18.0, expect=expect)


HOSTILE = [
    "</script><script>document.documentElement.dataset.hacked='yes'</script>",
    "<img src=x onerror=\"document.documentElement.dataset.hacked='yes'\">",
    "\x00\x01\x1b[2J\x1b]0;owned\x07 bell and escape",
    "\u202egnp.exe reversed\u2066 and isolated",
    "-->]]>{{ 7 * 7 }}{% raw %} ${7*7} `rm -rf` | pipe | [link](javascript:alert(1))",
    "Z" + "\u0301" * 4000 + " a tower of accents",
    "\ufffe no character, and \u2028 a line end",
    "long " * 20_000,
]


def hostile() -> Story:
    """Answers that want to do harm, and differ by entry."""
    answers = iter(range(10**9))
    questions = {f"q{number}": text for number, text in enumerate(HOSTILE)}
    return Story(
        name="hostile",
        expect="[good_ratio >= 0.9 in fault]",
        questions=questions,
        answer=lambda question, version: f"{HOSTILE[next(answers) % len(HOSTILE)]}",
        version=lambda sent_s, entry: None,
        rate=4,
    )


class Read(HTMLParser):
    """A page as a reader without styles finds it: its text, its elements, and what stands in scripts apart."""

    VOID = frozenset({"meta", "link", "br", "input", "rect", "line", "circle", "path"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inside: list[str] = []
        self.words: list[str] = []
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in self.VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.inside.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] in self.code:
            self.code[self.inside[-1]].append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="session")
def read() -> Callable[[str], Read]:
    return Read


@pytest.fixture(scope="session")
def tell() -> Callable[[Story], Made]:
    """Make up a run of one's own."""
    return told


@pytest.fixture(scope="session")
def story() -> type[Story]:
    return Story


@pytest.fixture(scope="session")
def failing() -> Made:
    return told(storm())


@pytest.fixture(scope="session")
def passing() -> Made:
    return told(held())


@pytest.fixture(scope="session")
def diverging() -> Made:
    return told(divergence())


@pytest.fixture(scope="session")
def cut_short() -> Made:
    story = storm()
    story.until_s, story.ended = 21.3, "interrupted"
    return told(story)


@pytest.fixture(scope="session")
def unheard() -> Made:
    """Not one request was due before it was over."""
    story = storm()
    story.until_s, story.ended = 0.0, "crashed"
    return told(story)


@pytest.fixture(scope="session")
def undisturbed() -> Made:
    return told(
        Story(
            expect="[good_ratio >= 0.9 in fault, retry_amplification <= 1.5 in fault]", with_faults=False, faults=LOSS
        )
    )


@pytest.fixture(scope="session")
def refused() -> Made:
    """A fault that hides attempts, and did not take hold."""
    story = storm()
    story.faults, story.held = REFUSAL, False
    return told(story)


@pytest.fixture(scope="session")
def attacked() -> Made:
    return told(hostile())


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """A finding with what it is asked to differ in."""

    def made(expectation: str = "recovery_time_s <= 5", **changes: object) -> Finding:
        parsed = parse(expectation)
        name = f"{parsed.metric}.{parsed.part}" if parsed.part else parsed.metric
        values = {"value": 9.6, "low": 9.1, "high": 10.2, "verdict": "fail"} | changes
        return Finding(expectation=expectation, metric=name, phase=parsed.selection.phase, limit=parsed.limit, **values)

    return made


@pytest.fixture
def run_with(failing: Made) -> Callable[..., Result]:
    """A result that has these findings and this verdict."""

    def made(*findings: Finding, verdict: str = "fail", **changes: object) -> Result:
        return failing.result.model_copy(update={"findings": list(findings), "verdict": verdict} | changes)

    return made
