"""A game-day file with all that it names: what is wrong is told at its line, and what is right becomes runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from day_in_memory import SCENARIOS, Written

from harness.gameday.files import day_files, validate_day
from harness.gameday.outline import outline
from harness.problems import UsageProblems
from harness.suites.validating import validate_file

SLOW = f"{SCENARIOS}/provider-latency.yaml"


def said(path: Path) -> list[str]:
    return [str(problem).removeprefix(str(path)) for problem in validate_day(path).problems]


def test_a_file_that_is_right_is_and_its_example_is_too(written: Written) -> None:
    assert validate_file(written()).ok
    assert validate_file(SCENARIOS / "gamedays" / "friday.yaml").ok


@pytest.mark.parametrize(
    ("more", "agenda", "problem"),
    [
        ("", "agenda: [{scenario: nowhere.yaml}]\n", ":10 agenda[0].scenario: there is no "),
        (
            "",
            f"agenda: [{{scenario: {SCENARIOS}/targets/default.yaml}}]\n",
            "is a harness.target/1 file; wanted here is",
        ),
        ("", f"agenda: [{{scenario: {SLOW}, settings: {{load.rate: 4}}}}]\n", ":10 agenda[0].settings"),
        ("", f"agenda: [{{scenario: {SLOW}, expect: [goodness >= 1]}}]\n", ":10 agenda[0].expect[0]: "),
        ("", "agenda: [{wait: 5}]\n", ":10 agenda[0].wait: "),
        (
            "",
            "agenda: [{manual: x, start: '14:00'}]\n",
            ":10 agenda[0].start: '14:00' says not when a step begins; write hand, next, or how",
        ),
        (
            "",
            "agenda: [{manual: x, start: nxt}]\n",
            ":10 agenda[0].start: 'nxt' says not when a step begins; write hand, next, or how",
        ),
        (
            "",
            "agenda: [{manual: x, start: 5}]\n",
            ":10 agenda[0].start: 5 says not when a step begins; write hand, next, or how",
        ),
        ("", "agenda: [{manual: x, wait: 5s}]\n", "exactly one of scenario:, manual:, wait:, discuss:"),
        ("", "agenda: [{manual: x, id: a}, {manual: y, id: a}]\n", "two steps have the id 'a'"),
        ("", "agenda: [{manual: x, secret: true}]\n", "secret: goes with scenario: alone"),
        ("abort: [goodness < 0.5 for 10s]\n", "", ":10 abort[0]: 'goodness' is no metric"),
        ("abort: [cost > 5]\n", "", ":10 abort[0]: target 'resilient' has no prices"),
        ("budget: {money: 5}\n", "", ":10 budget.money: target 'resilient' has no prices"),
        ("approvals: [{by: Ada}, {by: Ada}]\n", "", ":10 approvals[1].by: 'Ada' is asked twice"),
        ("prerequisites: [{tick: a, url: b}]\n", "", "exactly one of tick:, command: and url:"),
        (
            "prerequisites: [{url: 'ftp://127.0.0.1/'}]\n",
            "",
            ":10 prerequisites[0].url: 'ftp://127.0.0.1/' cannot be asked",
        ),
        ("prerequisites: [{url: 'http://127.0.0.1/${KEY}'}]\n", "", "secrets are filled into notify: alone"),
        ("notify: [{url: 'hooks.example'}]\n", "", ":10 notify[0].url: cannot be told"),
        ("schedule: {cron: 0 14 * * FRY, zone: UTC}\n", "", ":10 schedule.cron: "),
        ("ownr: Bob\n", "", "did you mean 'owner'?"),
        ("notify: [{url: 'http://127.0.0.1/', on: all}]\n", "", "but is 'all'; each of it is 'opened', 'began', "),
        (
            "schedule: 0 14 * * FRI\n",
            "",
            """but is '0 14 * * FRI', such as {cron: "0 14 * * FRI", zone: Europe/Berlin}""",
        ),
        ("schedule: {cron: [0, 14], zone: UTC}\n", "", "should be text such as 0 14 * * FRI, but is a list"),
        (
            "schedule: {cron: 0 14 * * FRI, zone: UTC, blackout: weekends}\n",
            "",
            """but is 'weekends', such as [{days: [sat, sun], start: "00:00", end: "00:00"}] or [{start: """,
        ),
        (
            "schedule: {cron: 0 14 * * FRI, zone: UTC, blackout: [{days: [Friday], start: '18:00', end: '06:00'}]}\n",
            "",
            "but is 'Friday'; did you mean 'fri'?",
        ),
        (
            "schedule: {cron: 0 14 * * FRI, zone: UTC, holidays: [2026-12-25]}\n",
            "",
            "should be text such as days-off.ics, but is a list",
        ),
        (
            "schedule: {cron: 0 14 * * FRI, zone: UTC, holidays: germany}\n",
            "",
            "an .ics file is looked for beside this one, such as days-off.ics",
        ),
        ("prerequisites: [{command: harness doctor}]\n", "", "but is 'harness doctor'; write [harness, doctor]"),
        ("prerequisites: [{url: 'http://127.0.0.1/', within: 1h}]\n", "", "should be at most 600s, but is '1h'"),
        ("abort: good_ratio < 0.5 for 10s\n", "", "; write [good_ratio < 0.5 for 10s]"),
        ("budget: {money: 5 EUR}\n", "", "but is '5 EUR'; write 5"),
        ("", "agenda: [Talk about it]\n", "but is 'Talk about it', such as {manual: Talk about it}"),
        ("", "agenda: [{id: Talk it over, manual: x}]\n", "but is 'Talk it over'; did you mean 'talk-it-over'?"),
        ("", "agenda: {slow: {manual: x}}\n", "leave out the keys, and put a '-' before what stands below each"),
        ("", "agenda: []\n", "but is an empty list, such as [{scenario: ../provider-latency.yaml}]"),
        (
            "",
            f"agenda: [{{scenario: {SLOW}, settings: load.rate_per_s=10}}]\n",
            "a mapping stands there, such as {load.rate_per_s: 10}",
        ),
        (
            "",
            f"agenda: [{{scenario: {SLOW}, expect: good_ratio > 0.9 in fault}}]\n",
            'write ["good_ratio > 0.9 in fault"]',
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_line(more: str, agenda: str, problem: str, written: Written) -> None:
    found = said(written(more, agenda) if agenda else written(more))
    assert any(problem in one for one in found), found


def test_a_file_in_a_folder_beside_that_of_the_day_is_named(tmp_path: Path, written: Written) -> None:
    beside, day = tmp_path / "targets" / "staging.yaml", tmp_path / "days" / "friday.yaml"
    for one in (beside, day):
        one.parent.mkdir()
        one.touch()
    day.write_text(re.sub("(?m)^target: .*$", "target: staging", written().read_text()))
    assert any("there is no" in one and "targets/staging.yaml?" in one for one in said(day))


def test_a_target_that_is_not_there_is_told_once_and_with_what_was_meant(written: Written) -> None:
    path = written()
    path.write_text(path.read_text().replace("resilient.yaml", "resilent.yaml"))
    (found,) = said(path)
    assert ":9 target: there is no" in found
    assert "did you mean" in found


def test_everything_wrong_is_told_at_once(written: Written) -> None:
    path = written("abort: [goodness < 0.5 for 10s]\n", "agenda: [{scenario: a.yaml}, {scenario: b.yaml}]\n")
    assert len(said(path)) == 3


def test_an_abort_condition_that_is_wrong_is_told_once_and_not_once_for_each_step(written: Written) -> None:
    agenda = f"agenda: [{{scenario: {SLOW}}}, {{scenario: {SLOW}}}]\n"
    assert len(said(written("abort: [goodness < 0.5 for 10s]\n", agenda))) == 1
    assert said(written("abort: [good_ratio < 0.5 for 10s]\n", agenda)) == []


def test_a_step_begins_by_hand_after_another_or_at_a_time(written: Written) -> None:
    agenda = "agenda: [{manual: a}, {manual: b, start: hand}, {manual: c, start: next}, {manual: d, start: 30min}]\n"
    assert [step.start for step in day_files(written("", agenda), None).day.agenda] == ["hand", "hand", "next", 1800.0]


def test_the_days_abort_conditions_stand_beside_those_of_the_scenario(written: Written, tmp_path: Path) -> None:
    scenario = (SCENARIOS / "provider-latency.yaml").read_text().replace("questions/", f"{SCENARIOS}/questions/")
    (tmp_path / "slow.yaml").write_text(scenario + "abort: [good_ratio < 0.5 for 10s]\n")
    more = "abort: [good_ratio < 0.1 for 5s, {max_duration: 10min}]\n"
    files = day_files(written(more, "agenda: [{scenario: slow.yaml, settings: {load.rate_per_s: 10}}]\n"), None)
    plan = files.runs["step-1"].plan
    assert [one for one in plan.scenario.abort if isinstance(one, str)] == [
        "good_ratio < 0.5 for 10s",
        "good_ratio < 0.1 for 5s",
    ]
    assert (plan.limits.duration_s, plan.scenario.load.rate_per_s) == (600, 10)
    alone = day_files(written("", "agenda: [{scenario: slow.yaml}]\n"), None)
    assert alone.runs["step-1"].plan.scenario.abort == ["good_ratio < 0.5 for 10s"]


def test_hosts_off_this_machine_have_to_be_allowed_by_name(written: Written) -> None:
    path = written(
        "notify: [{url: 'https://hooks.example/${HOOK}'}]\nprerequisites: [{url: 'http://status.example/'}]\n"
    )
    with pytest.raises(UsageProblems) as refused:
        day_files(path, {"HOOK": "T0/B0/x1"})
    assert [problem.path for problem in refused.value.problems] == ["notify[0].url", "prerequisites[0].url"]
    assert day_files(path, {"HOOK": "T0/B0/x1"}, ("hooks.example", "status.example")).day.notify


def test_a_secret_that_is_not_set_is_told_before_anything_begins(written: Written) -> None:
    path = written("notify: [{url: 'http://127.0.0.1/${HOOK}'}]\n")
    assert validate_day(path).ok
    with pytest.raises(UsageProblems, match="HOOK"):
        day_files(path, {})


def test_what_stands_in_a_secret_address_is_not_quoted(written: Written) -> None:
    with pytest.raises(UsageProblems) as refused:
        day_files(written("notify: [{url: '${HOOK}'}]\n"), {"HOOK": "gopher://very-secret"})
    assert "very-secret" not in str(refused.value)


def test_what_was_said_when_the_day_was_opened_stands_in_the_place_of_the_file(written: Written) -> None:
    path = written()
    text = path.read_text()
    path.write_text("nothing")
    assert day_files(path, None, (), text).day.name == "friday"


def test_copies_are_of_all_that_makes_the_day_what_it_is(written: Written) -> None:
    assert set(day_files(written(), None).copies) == {"gameday.yaml", "target.yaml", "slow.scenario.yaml"}


def test_its_schema_knows_every_key_of_the_model() -> None:
    schema = json.loads((SCENARIOS.parent / "harness" / "schemas" / "gameday.json").read_text())
    assert {"agenda", "prerequisites", "approvals", "notify", "schedule"} <= set(schema["properties"])


def test_a_step_may_watch_the_services_own_traffic_and_is_ended_by_what_can_be_known_of_it(written: Written) -> None:
    watched = f"agenda: [{{scenario: {SCENARIOS}/watched/slow-provider.yaml}}]\n"
    path = written("abort: [{max_attempts: 500}]\n", watched)
    path.write_text(path.read_text().replace("resilient.yaml", "used.yaml"))
    assert said(path) == []
    files = day_files(path, None)
    assert not files.runs["step-1"].plan.asks
    assert any("watches the service's own traffic" in line for line in outline(files))
    path.write_text(path.read_text().replace("{max_attempts: 500}", "good_ratio < 0.5 for 10s"))
    (problem,) = said(path)
    assert problem.startswith(":10 abort: good_ratio: it is told from requests, and the harness sends none")
