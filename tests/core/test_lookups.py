"""Links that are reached by name, and faults of looking them up: what a file may say, what is counted, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
from written_faults import written_fault

from harness.faults.base import Looked
from harness.faults.effects import Drawn, Late, NameAnswer, NameDelay, Probe, Sight
from harness.judging import delivery, hold, unused
from harness.judging.metrics import metrics
from harness.judging.preflight import answered
from harness.judging.sample import Selection, pick
from harness.problems import UsageProblems
from harness.reading import expectation
from harness.reading.placeholders import unknown_placeholders, untold_resolver
from harness.reading.target import Dns, Link, Target
from harness.reading.yaml import load
from harness.record.history import Ended, Injected, LinkSeen, Look, Reverted, Reverting
from harness.record.rows import Traffic
from harness.record.tables import table
from harness.running.world.processes import link_address

EAST = {"on": {"kind": "provider", "region": "east"}}
BAD = {"kind": "bad_lookup", "answer": "no_such_name"} | EAST
SLOW = {"kind": "slow_lookup", "base": "2s"} | EAST
PLAIN = Link(kind="provider", upstream="http://127.0.0.1:9")
NAMED = PLAIN.model_copy(update={"dns": Dns(name="api.provider.example")})
TARGET = """schema: harness.target/1
name: one
start: {{command: [serve, "{{port}}"], env: {{{env}}}, ready: {{get: /healthz}}}}
entries: [{{url: "{entry}"}}]
ask: {{protocol: json, path: /ask, body: {{q: "{{question}}"}}, reply: {{answer: /answer}}}}
links:
  openai: {{kind: provider, upstream: "http://127.0.0.1:9", dns: {dns}, env: {{URL: "{{url}}"}}}}
  other: {{kind: provider, upstream: "http://127.0.0.1:9", dns: {other}, env: {{OTHER: "{{url}}"}}}}
"""


@pytest.fixture
def by_name(target: Target) -> Target:
    links = {name: link.model_copy(update={"dns": Dns(name=f"{name}.example")}) for name, link in target.links.items()}
    return target.model_copy(update={"links": links})


@pytest.fixture
def written(tmp_path):
    def read(
        dns: str = "api.provider.example",
        other: str = "null",
        env: str = 'DNS_SERVER: "{resolver}"',
        entry: str = "http://127.0.0.1:{port}",
    ):
        path = tmp_path / "target.yaml"
        path.write_text(TARGET.format(dns=dns, other=other, env=env, entry=entry))
        return load(path, Target)

    return read


def test_a_link_by_name_is_told_of_by_that_name(written) -> None:
    found = written("API.Provider.Example")
    assert unknown_placeholders(found) == untold_resolver(found) == []
    link = found.value.links["openai"]
    assert (link.dns.name, link.dns.ttl) == ("api.provider.example", 5.0)
    assert link_address(link, "127.0.0.1", 7) == {
        "url": "http://api.provider.example:7",
        "host": "api.provider.example",
        "port": "7",
    }
    longer = written("{name: cache, ttl: 30s}").value.links["openai"].dns
    assert (longer.name, longer.ttl) == ("cache", 30.0)


def test_a_process_that_is_not_told_whom_to_ask_is_told_of(written) -> None:
    (said,) = untold_resolver(written(env="X: y"))
    assert (said.path, 'DNS_SERVER: "{resolver}"' in said.what) == ("links.openai.dns", True)
    assert untold_resolver(written("null", env="X: y")) == []


def test_where_nothing_is_reached_by_name_there_is_no_resolver(written) -> None:
    (said,) = unknown_placeholders(written("null"))
    assert "unknown placeholder {resolver}" in said.what


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"dns": "10.0.0.1"}, "is an address, which nobody looks up; write a name"),
        ({"dns": '"https://api.provider.example"'}, "write a name alone, without scheme"),
        ({"dns": "localhost"}, "cannot be looked up"),
        ({"dns": '"-x.example"'}, "cannot be looked up"),
        ({"dns": "{name: x.example, ttl: 500ms}"}, "DNS counts in whole seconds"),
        ({"dns": "{nmae: x.example}"}, "did you mean 'name'"),
        ({"other": "API.provider.example"}, "is the name of link 'openai' too"),
        ({"entry": "{openai.url}"}, "is reached by name"),
    ],
)
def test_what_cannot_be_is_refused(written, keys: dict[str, str], said: str) -> None:
    with pytest.raises(UsageProblems, match=said):
        written(**keys)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (BAD | {"answer": "nxdomain"}, "no_such_name"),
        (BAD | {"answer": "nothing", "ttl": "5s"}, "ttl: nothing is never kept; no_such_name, no_address, nowhere are"),
        (BAD | {"ttl": "1500ms"}, "DNS counts in whole seconds"),
        (SLOW | {"jitter": "3s"}, "has to be at most base, 2 s"),
        (SLOW | {"base": "0s"}, "greater than 0"),
        (SLOW | {"ramp": {"jitter": {"from": "1s", "over": "2s"}}}, "of slow_lookup, base can"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(keys, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        written_fault(keys)


@pytest.mark.parametrize("document", [BAD, SLOW])
def test_they_are_for_links_by_name_alone(document) -> None:
    fault = written_fault(document)
    assert fault.misfit(PLAIN) == (
        "is not reached by a name, so nobody looks one up; say dns: NAME on it, such as dns: api.provider.example"
    )
    assert fault.misfit(NAMED) == ""


def test_what_they_do_is_data() -> None:
    bad = written_fault(BAD | {"answer": "nowhere", "ttl": "30s", "open_connections": "close", "share": 0.5})
    assert bad.effects({"east": NAMED}) == (NameAnswer("east", "nowhere", 30, True, 0.5),)
    slow = written_fault(SLOW | {"jitter": "1s", "distribution": "pareto"})
    assert slow.effects({"east": NAMED}) == (NameDelay("east", Late(2.0, 1.0, "pareto")),)


@pytest.mark.parametrize(
    ("answer", "shown", "elsewise"),
    [
        ("no_such_name", "no_such_name", "named"),
        ("nothing", "silent", "named"),
        ("nowhere", "nowhere", "silent"),
        ("truncated", "truncated", "no_such_name"),
    ],
)
def test_it_took_hold_once_the_resolver_says_so(answer: str, shown: str, elsewise: str) -> None:
    fault = written_fault(BAD | {"answer": answer})

    def looked(outcome: str) -> Looked:
        return Looked.of([Sight("east", outcome, 0.01, stands=True)], {"east": NAMED})

    assert fault.took_hold(looked(shown))
    assert not fault.took_hold(looked(elsewise))
    assert not fault.took_hold(Looked())


@pytest.mark.parametrize(
    ("elapsed_s", "outcome", "held"), [(2.0, "named", True), (0.1, "named", False), (2.0, "refused", False)]
)
def test_a_slow_one_took_hold_where_the_answer_comes_late(elapsed_s: float, outcome: str, held: bool) -> None:
    seen = Looked({"east": Probe("east", outcome, elapsed_s)})
    assert written_fault(SLOW).took_hold(seen) is held


@pytest.mark.parametrize("document", [BAD, SLOW | {"base": "500ms"}])
def test_amplification_cannot_be_expected_while_lookups_fail(make_plan, by_name: Target, document) -> None:
    made = make_plan(of=by_name, faults=[document | {"at": "fault"}])
    asked = expectation.parse("retry_amplification <= 3 in fault")
    assert metrics["retry_amplification"].unsettled(made, asked) is not None


def passing(made, lookups: int):
    """What passes on the eastern provider's link, where *lookups* are met by the fault."""
    fault = made.phase("fault")
    before = Traffic(
        "provider-east", made.phase("baseline").start_s + 1, connections=3, bytes_out=9, bytes_in=9, lookups=3
    )
    while_broken = Traffic(
        "provider-east", fault.start_s + 1, bytes_out=9, bytes_in=9, lookups=lookups, lookups_hit=lookups
    )
    return table([before, while_broken], Traffic, 0.0)


def told(made, sight: Sight):
    (disturbance,) = made.disturbances
    at_s = made.phase("fault").start_s
    return [
        Injected(at_s, disturbance.id),
        Look(at_s + 1, disturbance.id, sight),
        Reverting(made.phase("fault").end_s, disturbance.id),
        Reverted(made.phase("fault").end_s, disturbance.id),
        Ended(made.ends_s, "completed"),
    ]


@pytest.mark.parametrize("lookups", [0, 4])
def test_a_fault_that_no_lookup_met_met_nobody_though_requests_went_on(
    make_plan, make_evidence, by_name: Target, lookups: int
) -> None:
    made = make_plan(of=by_name, faults=[BAD | {"at": "fault"}])
    (disturbance,) = made.disturbances
    sight = Sight("provider-east", "no_such_name", 0.01, answered=lookups, stands=True)
    evidence = make_evidence(made, traffic=passing(made, lookups), history=told(made, sight))
    said = list(unused.unmet(evidence, {disturbance.id}))
    if lookups:
        assert said == []
    else:
        (one,) = said
        assert "met nobody: nobody looked up the name of provider-east while it was in force" in one
    evidence_told = hold.hold(evidence, disturbance).evidence
    assert "probe of provider-east: told that there is no such name" in evidence_told
    assert f"{lookups or 'no'} lookups met it at the resolver" in evidence_told


def test_the_share_of_lookups_that_it_met_is_told(make_plan, make_evidence, by_name: Target) -> None:
    made = make_plan(of=by_name, faults=[BAD | {"at": "fault", "share": 0.5}])
    (disturbance,) = made.disturbances
    sight = Sight("provider-east", "no_such_name", 0.01, answered=9, stands=True, drawn=Drawn(20, 9))
    evidence = make_evidence(made, traffic=passing(made, 20), history=told(made, sight))
    found = delivery.delivery(evidence, disturbance)
    assert (found.of, found.delivered.value, found.delivered.n) == ("lookups", 0.45, 20)


@pytest.mark.parametrize(("seen", "said"), [(0, "does the service ask there?"), (2, "nothing was asked on openai")])
def test_a_question_without_an_answer_tells_of_a_name_that_nobody_looked_up(seen: int, said: str) -> None:
    assert said in answered(LinkSeen("openai", 0, 0, 0, {}, looked_up=seen))


@pytest.fixture
def looked_up(make_plan, make_evidence, by_name: Target):
    """A run in which so many lookups a second were seen at the resolver, in the baseline and while a fault is in force."""

    def made(before: int, meanwhile: int, *, of: Target = by_name, fault: dict[str, Any] = BAD):
        planned = make_plan(of=of, faults=[fault | {"at": "fault"}], expect=["good_ratio >= 0.1"])
        fault_s = planned.phase("fault")
        rows = [
            Traffic("provider-east", at_s + n / many, lookups=1)
            for at_s in range(int(planned.total_s))
            for many in (meanwhile if fault_s.start_s <= at_s < fault_s.end_s else before,)
            for n in range(many)
        ]
        return planned, make_evidence(planned, traffic=table(rows, Traffic, 0.0))

    return made


LOOKUPS = metrics["lookups_per_s"]


@pytest.mark.parametrize(("meanwhile", "verdict"), [(2, "pass"), (0, "pass"), (30, "fail")])
def test_a_service_that_looks_a_name_up_again_and_again_while_it_is_gone_breaks_a_limit_on_lookups(
    looked_up, meanwhile: int, verdict: str
) -> None:
    limit = expectation.parse("lookups_per_s <= 8 in fault")
    planned, evidence = looked_up(2, meanwhile)
    found = LOOKUPS.measure(pick(evidence, Selection("fault")))
    assert (found.value, limit.judge(found)) == (pytest.approx(meanwhile), verdict)
    assert (LOOKUPS.unsettled(planned, limit), LOOKUPS.at_best(pick(evidence))) == (None, "pass")
    by = LOOKUPS.by(evidence)
    assert (by.link["provider-east"].value > 0, by.link["provider-west"].value) == (True, 0)


def test_lookups_are_seen_of_a_link_on_which_nobody_listens_and_of_who_asks_another_resolver_none(looked_up) -> None:
    refused = {"kind": "disconnect", "mode": "refuse"} | EAST
    _, evidence = looked_up(2, 5, fault=refused)
    assert LOOKUPS.measure(pick(evidence, Selection("fault"))).value == pytest.approx(5)
    assert metrics["connections_per_s"].measure(pick(evidence, Selection("fault"))).value is None
    _, nobody = looked_up(0, 0)
    assert LOOKUPS.measure(pick(nobody)).value is None


def test_without_a_link_that_is_reached_by_name_there_are_no_lookups_to_limit(looked_up, target: Target) -> None:
    planned, _ = looked_up(1, 1, of=target, fault={"kind": "disconnect", "mode": "refuse"} | EAST)
    said = LOOKUPS.unsettled(planned, expectation.parse("lookups_per_s <= 8 in fault")) or ""
    assert "no link that is reached by name" in said
    assert not LOOKUPS.there(planned)
