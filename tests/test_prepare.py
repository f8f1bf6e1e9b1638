"""What is wrong with files is told all at once: each file by itself, the two together, and what was asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from simulated_world import begun

from harness.checks import needs, target_problems, unworded
from harness.planning.outline import outline
from harness.prepare import Asked, among, prepare, validate
from harness.problems import UsageProblems
from harness.reading.question_files import load_questions
from harness.reading.target import Target
from harness.reading.yaml import load
from harness.record import as_run
from harness.record.run_folder import RunFolder
from harness.record.trace_file import write_due
from harness.suites.inputs import inputs_of
from harness.suites.turns import with_seed

NOTHING = Asked()
SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped scenarios with their targets and questions, to be spoilt."""
    return Path(shutil.copytree(SCENARIOS, tmp_path / "scenarios"))


def spoil(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong, 1)
    path.write_text(text)


def told(path: Path, asked: Asked = NOTHING) -> list[str]:
    with pytest.raises(UsageProblems) as found:
        prepare(path, None, asked, None)
    return [str(problem).removeprefix(f"{path}:") for problem in found.value.problems]


def test_a_slip_of_each_kind_is_told_at_once(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("good_ratio >= 0.9 in fault", "good_ration >= 0.9 in fault"), ("region: east", "region: esat"))
    spoil(folder / "targets" / "default.yaml", ("{tcp: true}", "{tcp: true, get: /x}"))
    spoil(folder / "questions" / "facts.yaml", ("id: ", "idd: "))
    problems = "\n".join(told(path, Asked(expectations=("recovery_time_s <= x",))))
    assert "good_ration" in problems
    assert "has no such link" in problems
    assert "either get: /path or tcp: true" in problems
    assert "unknown key; did you mean 'id'?" in problems
    assert "'recovery_time_s <= x' is not an expectation" in problems


SLIPS = {
    "load.rate": (("rate_per_s: 20", "rate_per_s: x"), "load.rate_per_s: "),
    "phases": (("fault: 15s", "fault: 15"), "phases.fault: "),
    "good": (("within: 4s", "within: 4"), "good.within: "),
    "seed": (("faults:", "seed: x\nfaults:"), "seed: should be"),
    "key of the load": (("load:", "lod:"), "did you mean 'load'?"),
    "mode": (("mode: blackhole", "mode: blckhole"), "did you mean 'blackhole'?"),
    "kind": (("kind: regional_loss", "kind: regional_los"), "did you mean 'regional_loss'?"),
    "key of the kind": (("kind: regional_loss", "knd: regional_loss"), "did you mean 'kind'?"),
    "rule": (("about: One", "trials: 0\nabout: One"), "trials: "),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_faults_are_aimed_at_is_told_beside_a_slip_of_any_other_key(folder: Path, slip: str) -> None:
    path, (change, said) = folder / "region-loss.yaml", SLIPS[slip]
    spoil(path, ("region: east", "region: esat"), change)
    problems = "\n".join(told(path))
    assert said in problems
    assert problems.count("has no such link") == 1
    assert "regional_loss" in problems


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name: resilient", "nam: resilient"), "did you mean 'name'?"),
        (("name: resilient\n", ""), "name: is missing"),
        (("{tcp: true}", "{tcp: true, get: /x}"), "either get: /path or tcp: true"),
        (("capacity: 24", "capacity: x"), "capacity: "),
    ],
)
def test_what_faults_are_aimed_at_is_told_beside_what_is_wrong_with_the_target(
    folder: Path, change: tuple[str, str], said: str
) -> None:
    spoil(folder / "region-loss.yaml", ("region: east", "region: esat"))
    spoil(folder / "targets" / "default.yaml", change)
    problems = "\n".join(told(folder / "region-loss.yaml"))
    assert said in problems
    assert problems.count("has no such link; it has provider-east (provider, east)") == 1


@pytest.mark.parametrize("first", ["mode: blckhole", "mode: blackhole, regin: west", "mode: blackhole, errors: x"])
def test_what_is_wrong_with_one_fault_hides_nothing_of_the_next(folder: Path, first: str) -> None:
    more = "\n  - {kind: latency, on: {link: nosuch}, base: 1s, at: fault}\n  - {kind: qqqqqq}\n"
    spoil(folder / "region-loss.yaml", ("mode: blackhole", first), ("at: fault}\n", f"at: fault}}{more}"))
    problems = "\n".join(told(folder / "region-loss.yaml"))
    assert "faults[0]." in problems
    assert "on link nosuch: target 'resilient' has no such link" in problems
    assert "unknown fault kind 'qqqqqq'" in problems


def test_a_slip_of_a_key_hides_no_missing_file_and_no_limit_that_can_never_be_settled(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(
        path, ("load:", "lod:"), ("facts.yaml", "no-such.yaml"), ("name:", "nme:"), ("rate_per_s: 20", "rate_per_s: 1")
    )
    problems = told(path)
    assert any("lod.questions: there is no file" in problem for problem in problems)
    assert any("can never settle it" in problem for problem in problems)
    assert all(problem[0].isdigit() for problem in problems)


@pytest.mark.parametrize(
    ("load", "what"),
    [
        (
            "{locustfile: users.txt}",
            "load.locustfile: users.txt is no locustfile by its name, as Locust goes by it; it has to end in .py",
        ),
        ("{locustfile: .}", "load.locustfile: is a folder; name one file, such as users.py"),
        ('{locustfile: ""}', "load.locustfile: is a folder; name one file, such as users.py"),
        (
            "{locustfile: users.py, tags: [a b]}",
            "load.tags[0]: should be text without blanks that does not begin with -, but is 'a b'; did you mean 'a-b'?",
        ),
        (
            "{locustfile: users.py, tags: [--x]}",
            "load.tags[0]: should be text without blanks that does not begin with -, but is '--x'; did you mean 'x'?",
        ),
        (
            '{locustfile: users.py, reaches: ["http://metrics.example/x"]}',
            "load.reaches[0]: should be a host, with its port or without, such as metrics.example or 127.0.0.1:8125, "
            "but is 'http://metrics.example/x'",
        ),
    ],
)
def test_what_is_no_load_of_a_locustfile_is_told_at_its_key(folder: Path, load: str, what: str) -> None:
    for name in ("users.txt", "users.py"):
        (folder / name).write_text("from locust import HttpUser\n")
    spoil(
        path := folder / "region-loss.yaml",
        ("{rate_per_s: 20, deadline: 7500ms, questions: questions/facts.yaml}", load),
    )
    assert told(path) == [f"9 {what}"]


def test_a_host_off_this_machine_that_users_may_connect_to_has_to_be_allowed(folder: Path) -> None:
    (folder / "users.py").write_text("from locust import HttpUser\n")
    load = '{locustfile: users.py, reaches: ["127.0.0.1:8125", metrics.example]}'
    spoil(
        path := folder / "region-loss.yaml",
        ("{rate_per_s: 20, deadline: 7500ms, questions: questions/facts.yaml}", load),
    )
    with pytest.raises(UsageProblems) as found:
        prepare(path, None, NOTHING, {})
    (problem,) = found.value.problems
    assert problem.path == "load.reaches[1]"
    assert "'metrics.example' is not on this machine; if traffic may be sent there, allow it" in problem.what
    prepare(path, None, Asked(allowed_hosts=("metrics.example",)), {})


@pytest.mark.parametrize("key", ["constant", "burst", "wave"])
def test_a_shape_of_an_unknown_key_alone_is_told_with_the_others_that_there_are(folder: Path, key: str) -> None:
    spoil(path := folder / "region-loss.yaml", ("rate_per_s: 20", f"rate_per_s: 20, shape: {{{key}: 5}}"))
    (said,) = told(path)
    assert "load.shape" in said
    assert ("leave shape out" if key == "constant" else "unknown key; known: ramp, sine, spike, steps, trace") in said


def test_phases_of_which_one_is_wrong_are_known_by_their_names(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("fault: 15s", "fault: 15"), ("good_ratio >= 0.9 in fault", "good_ratio >= 0.9 in falt"))
    assert any("unknown phase 'falt'; did you mean 'fault'?" in problem for problem in told(path))


def test_what_the_plan_shows_is_told_beside_what_is_wrong_with_an_expectation(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("good_ratio >= 0.9 in fault", "good_ratio >= 0.9 in falt"), ("region: east", "region: esat"))
    problems = told(path)
    assert len(problems) == 2
    assert "has no such link" in problems[0]
    assert "unknown phase 'falt'; did you mean 'fault'?" in problems[1]


@pytest.mark.parametrize(
    ("expectation", "what"),
    [
        ("good_ratio{region=wset} >= 0.9", "has no region 'wset'; did you mean 'west'?"),
        ("good_ratio{link=store} >= 0.9", "good_ratio is not told apart by 'link' (link=store); known: entry, region"),
        (
            "recovery_time_s <= 5 after regional_los-1",
            "unknown fault 'regional_los-1'; did you mean 'regional_loss-1'?",
        ),
        ("recovery_time_s <= 5 among exposed", "recovery_time_s is no number of single requests"),
        ("good_ratio >= 0.9 after regional_loss-1", "good_ratio is not counted from a fault"),
        ("good_ratio >= 0", "good_ratio >= 0 always holds: good_ratio is at least 0 and at most 1"),
        ("good_ratio >= 1.5", "good_ratio >= 1.5 can never hold: good_ratio is at least 0 and at most 1"),
        ("recovery_time_s <= -1", "recovery_time_s <= -1 can never hold: recovery_time_s is at least 0"),
        ("retry_amplification >= 1", "retry_amplification >= 1 always holds: retry_amplification is at least 1"),
        ("monotonic_violations >= 0", "always holds: monotonic_violations is at least 0"),
        ("good_ratio.p95 >= 0.9", "good_ratio has no parts; leave out '.p95'"),
        ("latency_ms >= 0.9", "say which part of latency_ms: latency_ms.p50, "),
        ("latency_ms.p42 >= 0.9", "latency_ms has no part 'p42'; known: p50, p50_complete, p90"),
    ],
)
def test_an_expectation_that_says_nothing_is_refused(folder: Path, expectation: str, what: str) -> None:
    assert what in "\n".join(told(folder / "region-loss.yaml", Asked(expectations=(expectation,))))


def test_a_file_may_hold_a_value_between_two_limits(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("expect:\n", "expect:\n  - good_ratio <= 0.99 in fault\n"))
    expectations = [str(expected) for expected in prepare(path, None, Asked(), None).plan.expectations]
    assert {"good_ratio <= 0.99 in fault", "good_ratio >= 0.9 in fault"} <= set(expectations)


@pytest.mark.parametrize(
    ("new", "torn"),
    [("good_ratio <= 0.5 in fault", True), ("good_ratio < 0.9 in fault", True), ("good_ratio <= 0.9 in fault", False)],
)
def test_two_limits_with_nothing_between_them_are_refused(folder: Path, new: str, torn: bool) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("expect:\n", f"expect:\n  - {new}\n"))
    problems = told(path) if torn else []
    assert torn or prepare(path, None, Asked(), None)
    assert [f"good_ratio >= 0.9 in fault and {new} (expect[0]) can never both hold" in one for one in problems] == (
        [True] if torn else []
    )


def test_of_two_limits_on_one_side_neither_is_dropped_in_silence(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("expect:\n", "expect:\n  - good_ratio >= 0.1 in fault\n"))
    (problem,) = told(path)
    assert "good_ratio >= 0.9 in fault limits what good_ratio >= 0.1 in fault (expect[0]) limits already" in problem


def test_an_expectation_of_the_command_line_replaces_all_of_its_metric_and_phase(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("expect:\n", "expect:\n  - good_ratio <= 0.99 in fault\n"))
    asked = Asked(expectations=("good_ratio >= 0.5 in fault",))
    of_fault = [e for e in prepare(path, None, asked, None).plan.expectations if e.metric == "good_ratio"]
    assert list(map(str, of_fault)) == ["good_ratio >= 0.5 in fault"]


@pytest.mark.parametrize("rate", ["0.01", "0.05", "0.07"])
def test_a_rate_too_low_for_a_single_request_is_a_problem_and_no_crash(folder: Path, rate: str) -> None:
    problems = "\n".join(told(folder / "region-loss.yaml", Asked(overrides=(f"load.rate_per_s={rate}",))))
    assert "can never settle it" in problems
    assert "phases.baseline: no request would be due in 12 s" in problems


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("=4", "'=4' is not KEY=VALUE"),
        ("good.within=null", "null is not a duration"),
        (f"phases.fault={'9' * 400}s", "is too long; nothing here may last more than 24h"),
        ("phases.fault=100000h", "'100000h' is too long; nothing here may last more than 24h"),
        ("faults.0.mode=refuse", "write it such as faults[0].mode"),
        ("phases.baseline=0s", "no request would be due in 0 s"),
    ],
)
def test_an_override_that_cannot_be_is_told_in_the_words_of_files(folder: Path, override: str, what: str) -> None:
    assert what in "\n".join(told(folder / "region-loss.yaml", Asked(overrides=(override,))))


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("http://{seed}.example.com", "'0.example.com' is not on this machine"),
        ("http://example.com:{target.port}", "'example.com' is not on this machine"),
        ("http://[::::]:80", "an IPv6 address stands in brackets, and nothing else"),
        ("http://127.0.0.1:{target.port}", ""),
        ("http://localhost:{target.port}/base", ""),
    ],
)
def test_no_placeholder_hides_a_host_off_this_machine(folder: Path, address: str, what: str) -> None:
    target = folder / "targets" / "template.yaml"
    spoil(
        target, ('"http://127.0.0.1:{target.port}"', f'"{address}"'), ("https://api.openai.com", "http://127.0.0.1:9")
    )
    spoil(folder / "provider-latency.yaml", ("- retry_amplification", "# - retry_amplification"))
    if not what:
        prepare(folder / "provider-latency.yaml", target, NOTHING, {})
        return
    with pytest.raises(UsageProblems, match=what):
        prepare(folder / "provider-latency.yaml", target, NOTHING, {})


def test_a_host_is_allowed_however_it_is_spelt(folder: Path) -> None:
    target = folder / "targets" / "template.yaml"
    with pytest.raises(UsageProblems, match=r"--allow-host api\.openai\.com"):
        prepare(folder / "provider-latency.yaml", target, NOTHING, {})
    prepare(folder / "provider-latency.yaml", target, Asked(allowed_hosts=("API.OpenAI.com",)), {})


def test_the_last_of_two_settings_of_one_key_holds(folder: Path) -> None:
    twice = Asked(overrides=("load.rate_per_s=30", "load.rate_per_s=40"))
    assert prepare(folder / "region-loss.yaml", None, twice, None).plan.scenario.load.rate_per_s == 40


@pytest.fixture
def alone(folder: Path) -> Path:
    """A scenario beside which there is no target."""
    shutil.rmtree(folder / "targets")
    return folder / "region-loss.yaml"


def test_a_scenario_without_a_target_is_checked_as_far_as_that_goes(alone: Path) -> None:
    assert validate(alone).problems == ()
    assert validate(alone).without_target
    spoil(alone, ("good_ratio", "good_ration"), ("facts.yaml", "facst.yaml"))
    first, second = map(str, validate(alone).problems)
    assert "there is no file" in first
    assert "did you mean 'good_ratio'?" in second


def test_a_scenario_is_held_against_the_target_that_is_named(alone: Path) -> None:
    assert validate(alone, SCENARIOS / "targets" / "fragile.yaml").problems == ()
    (problem,) = validate(alone, SCENARIOS / "targets" / "template.yaml").problems
    assert "has no such link" in str(problem)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("provders", "provider"),
        ("providre", "provider"),
        ("stores", "store"),
        ("cahce", "cache"),
        ("replicaton", "replication"),
    ],
)
def test_a_kind_of_link_that_looks_like_a_slip_of_a_known_one_is_told(folder: Path, written: str, meant: str) -> None:
    target = folder / "targets" / "default.yaml"
    spoil(target, ("kind: replication", f"kind: {written}"))
    (warning,) = validate(target).warnings
    assert f"did you mean {meant!r}?" in str(warning)
    assert "links.replication.kind" in str(warning)


@pytest.mark.parametrize("own", ["gateway", "core", "storage", "queue", "vector-store"])
def test_a_kind_of_link_of_ones_own_is_no_slip(folder: Path, own: str) -> None:
    target = folder / "targets" / "default.yaml"
    spoil(target, ("kind: replication", f"kind: {own}"))
    assert validate(target).warnings == ()


@pytest.mark.parametrize("there", ["{assistant-east.port}", "{assistant-east.port}/"])
def test_two_entries_of_one_address_are_told(folder: Path, there: str) -> None:
    target = folder / "targets" / "default.yaml"
    spoil(target, ('url: "http://127.0.0.1:{assistant-west.port}"', f'url: "http://127.0.0.1:{there}"'))
    (warning,) = validate(target).warnings
    assert f"entries[1].url: http://127.0.0.1:{there} is where east is asked, too: the two are one, and" in str(warning)


def test_a_command_that_is_not_here_is_told_by_validate_and_refused_where_it_would_be_started(folder: Path) -> None:
    target = folder / "targets" / "default.yaml"
    spoil(target, ('["{python}"', '["no-such-command"'))
    (warning,) = validate(target).warnings
    assert str(warning).endswith("'no-such-command' is no command on this machine's PATH, so it cannot be started here")
    scenario = folder / "region-loss.yaml"
    assert prepare(scenario, None, NOTHING, None).plan
    with pytest.raises(UsageProblems, match="'no-such-command' is no command"):
        prepare(scenario, None, NOTHING, {}, starts=True)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("'...'", "questions[0].expected: '...' has no words, so no answer could be held against it"),
        ("{facts: of course}", "questions[0].expected.facts: 'of course' has no number, date or name with digits"),
        ("{facts: 30 days}", ""),
        ("yes", ""),
    ],
)  # fmt: skip
def test_what_is_expected_of_an_answer_has_to_be_something_that_another_could_lack(
    folder: Path, expected: str, said: str
) -> None:
    questions = folder / "questions" / "facts.yaml"
    questions.write_text(f"schema: harness.questions/1\nquestions:\n  - {{id: a, text: x, expected: {expected}}}\n")
    for path in (questions, folder / "region-loss.yaml"):
        found = "\n".join(map(str, validate(path).problems))
        assert said in found if said else found == ""


def test_users_who_ask_in_the_same_words_have_to_be_told_to_the_service(folder: Path) -> None:
    questions = folder / "questions" / "facts.yaml"
    path, leaks = folder / "region-loss.yaml", Asked(expectations=("leaks <= 0",))

    def asked(*rows: str) -> None:
        questions.write_text("\n".join(["schema: harness.questions/1", "questions:", *rows]) + "\n")

    asked("  - {id: a, user: ann, text: My limit?}", "  - {id: b, user: bob, text: my limit? }")
    untold = "questions say who asks (user), and the service is not told; write {user} where it reads that"
    assert f"leaks <= 0: {untold}" in "\n".join(told(path, leaks))
    assert untold in str(prepare(path, None, Asked(), None).warnings[0])
    asked("  - {id: a, user: ann, text: My limit?}", "  - {id: b, user: bob, text: I am Bob. My limit?}")
    assert untold not in "".join(map(str, prepare(path, None, leaks, None).warnings))


TRACE = "due_s,tokens_in\n" + "".join(f"{at_s / 20},100\n" for at_s in range(1_200))
REPLAYED = ("load: {rate_per_s: 20, ", "load: {shape: {trace: t.csv}, ")


def test_a_load_that_is_a_trace_is_planned_of_the_file_beside_the_scenario(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, REPLAYED)
    (folder / "t.csv").write_text(TRACE)
    prepared = prepare(path, None, NOTHING, None)
    assert list(prepared.plan.schedule.due_times()) == [at_s / 20 for at_s in range(1_000)]
    assert validate(path).ok
    other = with_seed(prepared, 99).plan.schedule
    assert list(other.due_times()) == list(prepared.plan.schedule.due_times())
    assert other.seed == 99
    (folder / "t.csv").write_text(TRACE.replace("100", "101"))
    assert inputs_of(prepare(path, None, NOTHING, None)) != inputs_of(prepared), "another trace is another run"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "region-loss.yaml:9 load.shape.trace: there is no file"),
        ("due_s\n1\nx\n", "t.csv:3 due_s: 'x' is no number"),
        (TRACE[:9_000], "region-loss.yaml:9 load.shape.trace: "),
    ],
)
def test_a_trace_that_is_not_there_or_cannot_be_sent_is_told(folder: Path, content: str | None, what: str) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, REPLAYED)
    if content is not None:
        (folder / "t.csv").write_text(content)
    with pytest.raises(UsageProblems) as found:
        prepare(path, None, NOTHING, None)
    (problem,) = found.value.problems
    assert what in str(problem)
    assert validate(path).problems == (problem,)


def test_a_stored_run_of_a_trace_is_planned_again_without_it(folder: Path, tmp_path: Path) -> None:
    path, stored = folder / "region-loss.yaml", RunFolder(tmp_path)
    spoil(path, REPLAYED)
    (folder / "t.csv").write_text(TRACE)
    prepared = prepare(path, None, NOTHING, None)
    for where, document in (
        (stored.scenario, prepared.scenario),
        (stored.target, prepared.target),
        (stored.questions, prepared.questions),
    ):
        where.write_text(document.text)
    first = begun(prepared.plan)
    with pytest.raises(UsageProblems, match=r"trace\.parquet: is missing"):
        as_run.read(stored, first, ())
    assert prepared.plan.recorded is not None
    write_due(stored, prepared.plan.recorded)
    (folder / "t.csv").unlink()
    again = as_run.read(stored, first, ())
    assert again.plan.schedule == prepared.plan.schedule
    assert again.refused_today == ()


@pytest.mark.parametrize("name", ["facts.csv", "facts.jsonl"])
def test_a_run_may_ask_the_questions_of_a_table_and_is_planned_again_with_them(
    folder: Path, tmp_path: Path, name: str
) -> None:
    path, stored = folder / "region-loss.yaml", RunFolder(tmp_path)
    spoil(path, ("questions/facts.yaml", name))
    texts = {
        "facts.csv": "id,text\na,What?\nb,Who?\n",
        "facts.jsonl": '{"id": "a", "text": "What?", "turns": ["Who?"]}\n',
    }
    (folder / name).write_text(texts[name])
    prepared = prepare(path, None, NOTHING, None)
    assert validate(folder / name).ok
    stored.scenario.write_text(prepared.scenario.text)
    stored.target.write_text(prepared.target.text)
    stored.questions_named(prepared.questions.file).write_text(prepared.questions.text)
    again = as_run.read(stored, begun(prepared.plan), ())
    assert again.questions.value.asked == prepared.questions.value.asked
    assert again.questions.sha256 == prepared.questions.sha256


def test_what_a_protocol_has_no_word_for_is_refused(folder: Path) -> None:
    path, questions = folder / "region-loss.yaml", folder / "questions" / "facts.yaml"
    more = "{id: more, text: x, system: Be brief., max_tokens: 5, turns: [y], size: 9}"
    spoil(questions, ("questions:\n", f"questions:\n  - {more}\n"))
    what = "the json protocol, by which resilient is asked, has no word for it; leave it out"
    assert [problem.partition("questions[0].")[2] for problem in told(path)] == [
        f"system: {what}",
        f"max_tokens: {what}",
    ]
    target = load(folder / "targets" / "default.yaml", Target).value
    chat = target.model_copy(update={"ask": target.ask.model_copy(update={"protocol": "openai-chat"})})
    assert [*unworded(load_questions(questions), chat)] == []


def test_what_is_expected_of_a_later_turn_is_checked_too(folder: Path) -> None:
    questions = folder / "questions" / "facts.yaml"
    spoil(questions, ("questions:\n", "questions:\n  - {id: more, text: x, turns: [{text: y, expected: '?!'}]}\n"))
    (problem,) = validate(questions).problems
    assert problem.path == "questions[0].turns[0].expected"


def test_leaks_are_not_expected_where_no_question_says_who_asks(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    leaks = Asked(expectations=("leaks <= 0",))
    assert "leaks <= 0: no question says who asks; give each its user: in the questions file" in "\n".join(
        told(path, leaks)
    )
    questions = folder / "questions" / "facts.yaml"
    questions.write_text(questions.read_text().rstrip() + "\n  - {id: of-ann, user: ann, text: What is my limit?}\n")
    assert prepare(path, None, leaks, None).plan.expectations


def test_leaks_are_not_expected_where_one_user_alone_asks_and_who_never_does_is_warned_of(folder: Path) -> None:
    path, questions = folder / "region-loss.yaml", folder / "questions" / "facts.yaml"
    rows = [f"  - {{id: {name}, user: {name}, text: What is the limit of {name}?}}" for name in ("ann", "bob", "cy")]
    questions.write_text("\n".join(["schema: harness.questions/1", "questions:", *rows]) + "\n")
    one = Asked(expectations=("leaks <= 0",), overrides=("load.turn_gap=0s",))
    silent = (
        "2 of 3 users never ask, such as bob: 1 conversation goes on at once (rate x load.turn_gap), each one user's"
    )
    assert f"leaks <= 0: {silent}; let the rate or load.turn_gap be greater" in "\n".join(told(path, one))
    two = replace(one, overrides=("load.turn_gap=100ms",))
    (warned,) = prepare(path, None, two, None).warnings
    assert "1 of 3 users never ask, such as cy: 2 conversations go on at once" in str(warned)
    # What is right for somebody else can be told from what one is told, whoever asks.
    questions.write_text(questions.read_text().replace("the limit of bob?", "the limit of bob?, expected: 7 euros"))
    assert "never ask" in str(prepare(path, None, one, None).warnings[0])
    questions.write_text("\n".join(["schema: harness.questions/1", "questions:", rows[0]]) + "\n")
    assert "leaks <= 0: only 'ann' asks, so that there is nobody else's answer to be told" in "\n".join(told(path, one))


@pytest.mark.parametrize(
    ("expect", "warned"),
    [
        ("latency_ms.p95 <= 7501 in fault", True),
        ("ttft_ms.p50 <= 20000 in fault", True),
        ("latency_ms.p95 <= 7500 in fault", False),
        ("latency_ms.p95 >= 20000 in fault", False),
        ("latency_ms.p95_complete <= 20000 in fault", False),
    ],
)
def test_a_limit_behind_the_deadline_that_no_run_can_break_is_warned_of(
    folder: Path, expect: str, warned: bool
) -> None:
    spoil(folder / "region-loss.yaml", ("good_ratio >= 0.9 in fault", expect))
    found = prepare(folder / "region-loss.yaml", None, NOTHING, None).warnings
    said = "clients give up after 7.5 s (load.deadline), so that no run can break it"
    assert [said in str(one) for one in found] == [True] * warned


@pytest.mark.parametrize(
    ("many", "expect", "expected", "warned"),
    [
        (500, "answer_consistency >= 0.9", "", True),
        (500, "good_ratio >= 0.9 in fault", "", False),
        (500, "answer_consistency >= 0.9", ", expected: 7 euros", False),
        (200, "answer_consistency >= 0.9", "", False),
    ],
)
def test_so_many_questions_that_most_are_not_asked_in_the_baseline_are_warned_of_where_answers_are_to_agree(
    folder: Path, many: int, expect: str, expected: str, warned: bool
) -> None:
    rows = [f"  - {{id: q{number}, text: What is {number}?{expected}}}" for number in range(many)]
    (folder / "questions" / "facts.yaml").write_text("\n".join(["schema: harness.questions/1", "questions:", *rows]))
    found = prepare(folder / "region-loss.yaml", None, Asked(expectations=(expect,)), None).warnings
    said = "of 500 questions most are not asked in the baseline, in which 240 requests are due"
    assert [said in str(one) for one in found] == [True] * warned


def test_where_questions_go_is_not_expected_where_none_has_to_stay_anywhere(folder: Path) -> None:
    path, stay = folder / "region-loss.yaml", Asked(expectations=("residency_violations <= 0",))
    assert "no question says where it has to stay; give some their region:" in "\n".join(told(path, stay))
    questions = folder / "questions" / "facts.yaml"
    bound = questions.read_text().rstrip() + "\n  - {id: of-eu, region: east, text: What is my limit?}\n"
    questions.write_text(bound)
    assert prepare(path, None, stay, None).plan.expectations
    questions.write_text(bound.replace("region: east", "region: moon"))
    assert "no link is in moon; regions of links: east, west" in "\n".join(told(path, stay))


def test_what_a_target_publishes_is_pointed_at_by_a_json_pointer(folder: Path) -> None:
    spoil(folder / "targets" / "default.yaml", ("version: /version", "version: version"))
    assert "publish.version: 'version' is no JSON Pointer" in "\n".join(told(folder / "region-loss.yaml"))


DEADLINE_10_S = ("deadline: 7500ms", "deadline: 10s")


def warned(path: Path, *changes: tuple[str, str]) -> list[str]:
    spoil(path, *changes)
    return [str(warning).removeprefix(f"{path}:") for warning in prepare(path, None, NOTHING, None).warnings]


def test_a_phase_that_nothing_names_is_warned_of(folder: Path) -> None:
    path = folder / "cache-divergence.yaml"
    assert warned(path) == []
    assert warned(path, ("fault: 15s", "fault: 15s, outage: 5s")) == [
        "10 phases.outage: no fault is in force in it, and no expectation or shape names it"
    ]


@pytest.mark.parametrize(("per_s", "met"), [(0, False), (2, True)])
def test_a_fault_in_whose_time_no_request_is_due_is_warned_of(folder: Path, per_s: int, met: bool) -> None:
    path = folder / "region-loss.yaml"
    asked = (
        "good_ratio >= 0.9 in fault\n  - retry_amplification <= 1.5 in fault\n  - failover_time_s <= 5",
        "good_ratio >= 0.5",
    )
    told_of = warned(path, ("rate_per_s: 20", f"rate_per_s: 20, shape: {{steps: {{fault: {per_s}}}}}"), asked)
    assert [one.partition(",")[0] for one in told_of if "faults[0]" in one] == (
        [] if met else ["12 faults[0]: no request is due while regional_loss-1 is in force"]
    )


def test_a_baseline_that_is_short_of_requests_is_warned_of_where_something_hangs_on_it(folder: Path) -> None:
    path, few = folder / "region-loss.yaml", ("baseline: 12s", "baseline: 2s")
    (said,) = [warning for warning in warned(path, few) if "baseline" in warning]
    assert said.split(" ", 1)[1] == (
        "phases.baseline: 40 requests are due in the baseline, and 52 are needed to show how good the service is when it is well; "
        "where answers come back only in part the verdict will be inconclusive"
    )


def test_one_that_is_long_enough_or_on_which_nothing_hangs_is_not(folder: Path) -> None:
    assert not [said for said in warned(folder / "region-loss.yaml") if "baseline" in said]
    assert not [
        said
        for said in warned(folder / "cache-divergence.yaml", ("baseline: 12s", "baseline: 2s"))
        if "baseline" in said
    ]


def test_a_phase_whose_load_is_another_is_not_warned_of(folder: Path) -> None:
    path = folder / "cache-divergence.yaml"
    shed = ("load: {", "load: {shape: {steps: {quiet: 2}}, ")
    assert warned(path, ("fault: 15s", "fault: 15s, quiet: 5s"), shed) == []


def test_a_fault_that_a_fault_or_an_expectation_names_is_not_warned_of(folder: Path) -> None:
    path = folder / "cache-divergence.yaml"
    assert warned(path, ("fault: 15s", "fault: 15s, outage: 5s"), ("0.9 in fault", "0.8 in outage")) == []


def test_a_load_that_is_shed_where_that_shows_nothing_is_warned_of(folder: Path) -> None:
    path = folder / "cache-divergence.yaml"
    assert warned(path, ("fault: 15s", "fault: 15s, stuck: 10s, load_shed: 5s"), ("in fault", "in stuck")) == []
    (warning,) = warned(path, ("stuck: 10s", "stuck: 9s"))
    assert warning.startswith(
        "10 phases.load_shed: it begins at 39 s, and the last fault ends at 30 s: only 10 s after that can"
    )
    (warning,) = warned(path, (", load_shed: 5s", ""), ("load: {", "load: {shed_to: 0.5, "))
    assert "load.shed_to: is for a phase called load_shed, and there is none" in warning


def test_a_ramp_that_outlives_its_fault_is_warned_of_with_how_far_it_comes(folder: Path) -> None:
    path = folder / "provider-latency.yaml"
    climbs = ("1500ms, jitter: 200ms, at: fault", "1s, ramp: {base: {from: 0s, over: 4s}}, flap: {period: 8s}")
    fits = ("retry_amplification <= 1.5 in fault", "retry_amplification <= 9")
    assert not [said for said in warned(path, climbs, fits, ("fault: 15s", "fault: 20s")) if "ramp" in said]
    (warning,) = (said for said in warned(path, ("over: 4s", "over: 5s")) if "ramp" in said)
    assert (
        "faults[0].ramp.base: latency-1 is never what base says: that is so after 5 s, and each time it is in force for 4 s, 80 %"
        in warning
    )


def test_a_condition_that_this_run_can_never_meet_is_warned_of(folder: Path) -> None:
    path = folder / "cache-divergence.yaml"
    assert warned(path, ("expect:", "abort: [good_ratio < 0.5 for 10s]\nexpect:")) == []
    (warning,) = warned(path, ("for 10s", "for 10h"))
    assert "abort[0]: can never be met: whether it was so is known 36" in warning
    (warning,) = warned(path, ("for 10h", "for 200ms"))
    assert "abort[0]: can never be met: 4 requests are due in 0.2 s, and of fewer than 5 nothing is said" in warning


def test_a_condition_that_a_load_can_meet_where_it_is_at_its_highest_is_not(folder: Path) -> None:
    path = folder / "cache-divergence.yaml"
    short = ("expect:", "abort: [good_ratio < 0.5 for 200ms]\nexpect:")
    higher = ("load: {", "load: {shape: {steps: {fault: 60}}, ")
    assert not [said for said in warned(path, short, higher) if "can never be met" in said]


def test_a_fault_not_much_longer_than_a_request_is_warned_of_where_attempts_are_counted(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    assert warned(path) == []
    (warning,) = warned(path, DEADLINE_10_S)
    assert "regional_loss-1 lasts 15 s, not much longer than a request may (load.deadline, 10 s)" in warning


def test_among_the_exposed_a_short_fault_is_not_warned_of(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    assert warned(path, DEADLINE_10_S, ("<= 1.5 in fault", "<= 1.8 in fault among exposed")) == []


def test_a_fault_no_longer_than_a_request_may_last_is_warned_of_where_the_exposed_are_asked_for(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    exposed = ("<= 1.5 in fault", "<= 1.8 in fault among exposed")
    (warning,) = warned(path, exposed, ("deadline: 7500ms", "deadline: 15s"))
    assert "regional_loss-1 lasts 15 s, no longer than a request may (load.deadline, 15 s)" in warning


def test_warnings_are_told_of_a_file_that_is_in_order(folder: Path) -> None:
    spoil(folder / "region-loss.yaml", DEADLINE_10_S)
    found = validate(folder / "region-loss.yaml")
    assert found.problems == ()
    assert len(found.warnings) == 1


# How providers are reached


def _target_problems(path: Path, link: str, environment: dict[str, str] | None = None) -> list[str]:
    """What is wrong with the shipped template whose link to a provider has this line, too."""
    text = (SCENARIOS / "targets" / "template.yaml").read_text()
    anchor = '    upstream: "https://api.openai.com"'
    assert anchor in text
    path.write_text(text.replace(anchor, f"    {link}\n{anchor}") if link else text)
    return [problem.what for problem in target_problems(load(path, Target), environment)]


def test_an_authority_that_cannot_be_used_is_told_and_one_that_can_is_not(
    tmp_path: Path, new_authority: Callable[..., tuple[Path, object]]
) -> None:
    path = tmp_path / "target.yaml"
    authority, _ = new_authority("api.openai.com")
    assert _target_problems(path, f"ca: {authority}") == []
    assert "cannot be read from" in _target_problems(path, "ca: no-such.pem")[0]
    (tmp_path / "empty.pem").write_text("nothing")
    assert "holds no certificate; name a PEM file" in _target_problems(path, f"ca: {tmp_path / 'empty.pem'}")[0]
    # Nobody ever writes to it, and to open it would wait for that.
    os.mkfifo(tmp_path / "pipe.pem")
    assert "is no file; name a PEM file" in _target_problems(path, f"ca: {tmp_path / 'pipe.pem'}")[0]


def test_a_proxy_of_the_environment_that_links_cannot_use_is_told_before_a_run(tmp_path: Path) -> None:
    path, secrets = tmp_path / "target.yaml", {"OPENAI_API_KEY": "x"}
    assert _target_problems(path, "", secrets | {"HTTPS_PROXY": "http://proxy.example:3128"}) == []
    (what,) = _target_problems(path, "", secrets | {"HTTPS_PROXY": "socks5://proxy.example:1080"})
    assert "HTTPS_PROXY names no HTTP proxy that can be used on the way to api.openai.com" in what
    assert _target_problems(path, "", secrets | {"HTTPS_PROXY": "socks5://x:1", "NO_PROXY": "api.openai.com"}) == []


LISTENING = """
schema: harness.target/1
name: %s
entries: [{url: "http://127.0.0.1:8000"}]
ask: {protocol: openai-chat, path: /v1/chat/completions, model: small}
links: {openai: {kind: provider, upstream: "http://127.0.0.1:9", listen: %d}}
"""


@pytest.mark.parametrize(
    ("second", "wrong"), [(("bank", 7101), True), (("bank", 7102), False), (("shop", 7101), False)]
)
def test_targets_that_would_listen_on_one_port_are_refused_unless_one_lease_keeps_them_apart(
    tmp_path: Path, second: tuple[str, int], wrong: bool
) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(LISTENING % ("shop", 7101))
    other.write_text(LISTENING % second)
    (tmp_path / "broken.yaml").write_text("schema: harness.target/1")
    told = [str(problem) for problem in among([one, other, other, tmp_path / "broken.yaml"])]
    what = f"7101 is where link 'openai' of target 'shop' ({one}) listens, too; give each a port of its own"
    assert told == ([f"{other}:6 links.openai.listen: {what}"] if wrong else [])


def test_a_limit_of_cost_needs_prices_and_a_url_elsewhere_has_to_be_allowed(folder: Path) -> None:
    limits = '[cost > 5, {url: "https://alerts.example/ok"}, {max_requests: 10}]'
    spoil(folder / "region-loss.yaml", ("faults:", f"abort: {limits}\nfaults:"))
    with pytest.raises(UsageProblems) as found:
        prepare(folder / "region-loss.yaml", None, NOTHING, {})
    told = [problem.what.split(";")[0] for problem in found.value.problems]
    assert told == [
        "'alerts.example' is not on this machine",
        "target 'resilient' has no prices, so nothing is known of what an attempt costs",
    ]
    spoil(folder / "region-loss.yaml", ("cost > 5, ", ""))
    prepared = prepare(folder / "region-loss.yaml", None, replace(NOTHING, allowed_hosts=("alerts.example",)), {})
    assert list(needs(prepared.target, {}, prepared.scenario)) == ["--allow-host alerts.example"]
    (warned,) = prepared.warnings
    assert (warned.path, warned.what.split(":")[0]) == ("abort[1].max_requests", "every run is ended by it")


SERVICE = """\
schema: harness.target/1
{name}
start: {{command: [python3, app.py, "{{port}}"]{start}}}
services:
  keeper: {{command: [python3, b.py, "{{port}}"], ready: {{tcp: true}}}}
entries:
  - {{name: a, url: "{entry}"}}
  - {{name: a, url: "http://127.0.0.1:{{target.port}}"}}
ask: {{protocol: json, path: /ask, body: {{question: "{{question}}"}}{reply}, nonce: {{in: prompt}}}}
links:
  openai: {{kind: provider, upstream: "http://127.0.0.1:9000"{link}}}
"""
WELL = {
    "name": "name: own",
    "start": ", ready: {tcp: true}",
    "entry": "http://127.0.0.1:{target.port}",
    "reply": ", reply: {answer: /a}",
    "link": ", env: {BASE: '{url}'}",
}
TWICE = "'a' is what entries[0] is called, too"
OURS = "'keeper' is the name of a process of the harness's own"
UNTOLD = "nobody is told where it is"


@pytest.mark.parametrize(
    ("spoilt", "all_told", "left_out"),
    [
        ({}, [TWICE, OURS], []),
        # A key that is missing hides none of what others say.
        ({"name": ""}, ["name: is missing", TWICE, OURS], []),
        ({"name": "", "link": ""}, ["name: is missing", TWICE, OURS, UNTOLD], []),
        ({"name": "name: own\nlinkz: {}"}, ["linkz: unknown key", TWICE, OURS], []),
        ({"reply": ", reply: {answer: 1}"}, ["ask.reply.answer: ", TWICE, OURS], []),
        ({"start": ", ready: {tcp: yes}"}, ["start.ready.tcp: ", TWICE], []),
        ({"start": ", ready: {tcp: true, get: /x}", "name": ""}, ["either get: /path or tcp: true", "name: is missing", TWICE], []),
        # What a rule looks at has to be there, else it says nothing.
        ({"entry": ""}, ["entries[0].url: ", OURS], []),
        ({"name": "entires: []", "link": ""}, ["entires: unknown key", OURS, UNTOLD], []),
        ({"link": ", lissten: 9000", "name": ""}, ["links.openai.lissten: unknown key", TWICE], [UNTOLD, OURS]),
    ],
)  # fmt: skip
def test_rules_over_a_whole_target_are_told_beside_what_is_wrong_with_other_keys(
    tmp_path: Path, spoilt: dict[str, str], all_told: list[str], left_out: list[str]
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(SERVICE.format(**WELL | spoilt))
    problems = [str(problem) for problem in validate(path).problems]
    assert [[what in problem for problem in problems].count(True) for what in all_told] == [1] * len(all_told)
    assert [what for what in left_out if any(what in problem for problem in problems)] == []
    assert len(problems) == len(set(problems))


def test_what_a_scenario_says_of_its_target_is_told_beside_a_key_that_is_missing(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(path, ("name: region-loss\n", ""), ("region: east", "region: esat"))
    problems = told(path)
    assert [any(what in problem for problem in problems) for what in ("name: is missing", "has no such link")] == [
        True
    ] * 2


def test_faults_of_one_id_are_told_beside_a_key_that_is_missing(folder: Path) -> None:
    path = folder / "region-loss.yaml"
    spoil(
        path,
        ("name: region-loss\n", ""),
        (
            "faults:\n",
            "faults:\n  - {kind: blackhole, id: a, on: {kind: provider}}\n  - {kind: blackhole, id: a, on: {kind: store}}\n",
        ),
    )
    assert any("'a' is what faults[0] is called, too" in problem for problem in told(path))


COMPOSED = """
schema: harness.target/1
name: shop
compose: {file: docker-compose.yml, services: %s}
entries: [{url: "http://127.0.0.1:{app.port}"}]
ask: {protocol: openai-chat, path: /v1/chat/completions, model: m}
links: {openai: {kind: provider, upstream: {simulated: {}}, env: {OPENAI_BASE_URL: "{url}/v1"}}}
"""


def composed(folder: Path, services: str, *changes: tuple[str, str]) -> Path:
    path = folder / "shop.yaml"
    path.write_text(COMPOSED % services)
    (folder / "docker-compose.yml").write_text("services: {app: {image: a}, redis: {image: r}}\n")
    spoil(path, *changes)
    return path


def test_a_plan_shows_what_compose_brings_up_and_takes_down_and_that_a_fault_is_aimed_at_a_service(
    folder: Path,
) -> None:
    scenario = folder / "provider-latency.yaml"
    target = composed(folder, "{app: {port: 8000, env: {LEVEL: debug}}, redis: }")
    spoil(scenario, ("faults:\n", "faults:\n  - {kind: pause, on: {container: redis}, for: 2s}\n"))
    lines = "\n".join(outline(prepare(scenario, target, Asked(), None).plan))
    assert "--project-name harness-RUN" in lines
    assert "docker-compose.yml up --detach app redis\n" in lines
    assert "its port 8000 at a free one of 127.0.0.1; told OPENAI_BASE_URL={url}/v1 LEVEL=debug" in lines
    assert "redis            container, service redis: pause on container redis" in lines
    assert lines.count("docker compose") == 2


@pytest.mark.parametrize("how", ["flush", "lose_writes"])
def test_nothing_is_lost_for_good_of_what_a_service_of_a_compose_file_holds(folder: Path, how: str) -> None:
    link = 'links: {db: {kind: store, upstream: "redis://127.0.0.1:{redis.port}"}, openai:'
    target = composed(folder, "{app: {port: 8000}, redis: {port: 6379}}", ("links: {openai:", link))
    fault = f"faults:\n  - {{kind: damaged_store, on: {{link: db}}, how: {how}, for: 2s}}\n"
    spoil(folder / "provider-latency.yaml", ("faults:\n", fault))
    with pytest.raises(
        UsageProblems, match="whose data may be mounted from this machine, and damaged_store cannot be undone"
    ):
        prepare(folder / "provider-latency.yaml", target, Asked(), None)


@pytest.mark.parametrize(
    ("services", "changes", "what"),
    [
        ("[app, rediss]", (), "has no service 'rediss'; did you mean 'redis'?"),
        ("[]", (), "compose.services: "),
        ("{app: {ports: 8000}}", (), "unknown key; did you mean 'port'?"),
        ("[app]", (), "unknown placeholder {app.port}"),
        ("{app: {port: 8000}}", (("docker-compose.yml", "compose.yml"),), "compose.yml' cannot be read: No such file"),
        ("{app: {port: 8000}}", (("docker-compose.yml", "/dev/null"),), "'/dev/null' is no file"),
        ("{app: {port: 8000}}", (("openai:", "app:"),), "'app' is the name of a service, too"),
        (
            "{app: {port: 8000}}",
            (("entries", "start: {command: [a], ready: {tcp: true}}\nentries"),),
            "keep one of them",
        ),
    ],
)
def test_what_is_wrong_with_a_compose_file_is_told_before_anything_is_brought_up(
    folder: Path, services: str, changes: tuple[tuple[str, str], ...], what: str
) -> None:
    target = composed(folder, services, *changes)
    with pytest.raises(UsageProblems) as found:
        prepare(folder / "provider-latency.yaml", target, Asked(), None)
    assert what in "\n".join(map(str, found.value.problems))


@pytest.fixture
def watched(folder: Path) -> Path:
    """A scenario whose load is the service's own, beside which there is no target."""
    return folder / "watched" / "slow-provider.yaml"


def test_what_the_services_own_traffic_cannot_tell_is_refused_at_its_line_with_what_can(watched: Path) -> None:
    assert validate(watched).problems == validate(watched, SCENARIOS / "targets" / "used.yaml").problems == ()
    spoil(
        watched,
        ("attempts_per_s <= 20 in fault", "recovery_time_s <= 5"),
        ("attempt_latency_ms.p50", "orphaned_attempts"),
    )
    asked, joined = validate(watched).problems
    assert (asked.line, joined.line) == (12, 13)
    assert asked.what.startswith(
        "recovery_time_s <= 5: it is told from requests, and the harness sends none; "
        "write load: {source: service, probe_per_s: 1, questions: FILE}, or expect any of probes_per_s, "
        "credential_leaks, bad_certificates_accepted, attempts_per_s"
    )
    assert "and of the service's own traffic nobody knows those; have the harness send the load" in joined.what
    with_target = validate(watched, SCENARIOS / "targets" / "used.yaml").problems
    assert [problem.what for problem in with_target] == [asked.what, joined.what]


def test_one_probe_a_second_makes_what_is_told_from_requests_possible(watched: Path) -> None:
    probed = watched.parent / "probed-outage.yaml"
    assert validate(probed, SCENARIOS / "targets" / "used.yaml").problems == ()
    spoil(probed, ("probe_per_s: 1", "probe_per_s: 0.9"))
    (problem,) = validate(probed).problems
    assert problem.what.startswith("recovery_time_s <= 15: it needs 1 probe request a second, and probe_per_s is 0.9")


def test_what_ends_a_run_by_its_requests_ends_none_in_which_there_are_none(watched: Path) -> None:
    used = SCENARIOS / "targets" / "used.yaml"
    ends = "abort: [good_ratio < 0.5 for 10s, max_requests: 9, max_attempts: 900]\nexpect:"
    spoil(watched, ("expect:", ends))
    good, many = validate(watched, used).problems
    assert (good.path, many.path) == ("abort[0]", "abort[1]")
    assert "end it by max_attempts, max_cost, max_duration or url" in good.what
    spoil(watched, ("load: none", "load: {source: service, probe_per_s: 1, questions: ../questions/facts.yaml}"))
    assert validate(watched, used).problems == ()


def test_of_a_run_in_which_nothing_is_asked_no_question_is_prepared_and_it_is_planned_again_without(
    watched: Path, tmp_path: Path
) -> None:
    prepared = prepare(watched, watched.parents[1] / "targets" / "used.yaml", NOTHING, None)
    assert prepared.questions.value.asked == {}
    run = RunFolder(tmp_path)
    for path, text in ((run.scenario, prepared.scenario.text), (run.target, prepared.target.text)):
        path.write_text(text)
    again = as_run.read(run, begun(prepared.plan), ())
    assert (again.plan.scenario.load, again.refused_today) == (prepared.plan.scenario.load, ())


def test_workers_have_nothing_to_share_of_a_load_that_nobody_sends(watched: Path) -> None:
    asked = Asked(hosts=NOTHING.hosts._replace(many=2))
    with pytest.raises(
        UsageProblems, match="workers share a load that the harness sends, and this one is the service's own"
    ):
        prepare(watched, watched.parents[1] / "targets" / "used.yaml", asked, None)
