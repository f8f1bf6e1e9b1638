"""Settings given beside a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.yaml import load, read
from harness.reading.yaml.overrides import split

Told = Callable[..., list[str]]


def test_an_override_stands_in_place_of_what_the_file_says(scenario_text: str) -> None:
    overrides = {
        "load.rate_per_s": "40",
        "faults[0].region": "west",
        "about": "no: 5".replace(":", ""),
        "phases.fault": "1min",
    }
    document = read(scenario_text, Scenario, "f.yaml", overrides)
    assert document.value.load.rate_per_s == 40
    assert document.value.load.jitter == 0.1
    assert document.value.faults[0].summary() == "regional_loss west · refuse"
    assert document.value.about == "no 5"
    assert document.value.phases["fault"] == 60
    assert document.text == scenario_text


def test_an_override_is_read_as_a_file_would_be(scenario_text: str) -> None:
    overrides = {"faults": "[]", "expect": "[a <= 1]", "about": '"5"', "good": "{ratio: 0.5}", "name": "on"}
    value = read(scenario_text, Scenario, "f.yaml", overrides).value
    assert (value.faults, value.expect, value.about, value.good.ratio, value.name) == ([], ["a <= 1"], "5", 0.5, "on")


def test_an_override_makes_what_it_stands_in(scenario_text: str) -> None:
    text = scenario_text.replace("good:\n  within: 4s\n  ratio: 0.95\n", "")
    assert read(text, Scenario, "f.yaml", {"good.within": "9s"}).value.good.within == 9


def test_an_override_of_what_an_alias_repeats_changes_one_place(scenario_text: str) -> None:
    text = scenario_text.replace("on: {kind: provider, region: east}", "on: &on {kind: provider, region: east}")
    text = text.replace("on:\n      link: provider-east", "on: *on")
    value = read(text, Scenario, "f.yaml", {"faults[2].on.region": "west"}).value
    assert [fault.summary() for fault in value.faults[1:3]] == [
        "latency 1500 ± 200 ms on kind provider, region east",
        "rate_limit 120 per minute, burst 2, on kind provider, region west",
    ]


def test_a_wrong_override_is_a_problem_of_the_command_line_and_not_of_the_file(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("jitter: 0.1", "jitter: 7")
    assert told(text, Scenario, load__rate_per_s="fast", lod__x="4", seed="-1") == [
        "--set seed: should be a whole number, at least 0 and below 9223372036854775808, but is -1",
        "--set load.rate_per_s: should be a number, above 0 and at most 20000, but is 'fast'",
        "--set lod: unknown key; did you mean 'load'?",
        "f.yaml:8 load.jitter: should be a number from 0 to 1, but is 7",
    ]


def test_an_override_that_cannot_be_put_anywhere_is_told_with_all_others(told: Told, scenario_text: str) -> None:
    overrides = {"faults[9].region": "x", "a b": "1", "name": "a: b", "seed": "1\nx: 2", "name.x": "1", "about": "!x y"}
    assert told(scenario_text, Scenario, **overrides) == [
        "--set faults[9].region: there is no such place in the file; faults is a list: there is faults[0] to faults[4]",
        "--set a b: 'a b' is not a path; write it such as faults[0].kind",
        "--set name: a ':' too many, or a line indented too far; text that holds ': ' has to stand in quotes",
        "--set seed: '1\\nx: 2' is not one value",
        "--set name.x: there is no such place in the file; name is one value",
        "--set about: the tag !x means nothing here; leave it out",
    ]


def test_what_stands_in_a_list_is_told_by_its_number_to_whoever_names_it(told: Told, scenario_text: str) -> None:
    assert told(scenario_text, Scenario, faults__latency__base="1s") == [
        "--set faults.latency.base: there is no such place in the file; faults is a list, so write faults[1] for 'latency'"
    ]


def test_a_slip_on_the_way_to_a_setting_is_told_where_it_was_made(told: Told) -> None:
    text = "schema: harness.target/1\nname: t\nentries: [{url: 'http://127.0.0.1:1'}]\nask: {protocol: openai-chat, model: m}\n"
    text += "links: {openai: {kind: provider, api: openai, upstream: {simulated: {}}}}\n"
    first, *_ = told(text, Target, links__opnai__listen="7001")
    assert first.startswith(
        "--set links.opnai.listen: the file has no links.opnai; did you mean 'openai'? In a new one, links.opnai.kind is missing"
    )
    assert told(text, Target, links__cache="{kind: cache, upstream: 'redis://127.0.0.1:1'}") == []


def test_a_later_problem_with_what_was_overridden_is_one_of_the_command_line(scenario_text: str) -> None:
    document = read(scenario_text, Scenario, "f.yaml", {"faults[0].at": "recovery"})
    assert str(document.problem("faults[0].at", "is odd")) == "--set faults[0].at: is odd"
    assert str(document.problem("faults[0]", "is odd")) == "f.yaml:19 faults[0]: is odd"


def test_a_file_is_loaded_with_overrides(tmp_path: Path, scenario_text: str) -> None:
    (tmp_path / "a.yaml").write_text(scenario_text)
    assert load(tmp_path / "a.yaml", Scenario, {"seed": "3"}).value.seed == 3
    assert load(tmp_path / "a.yaml", Scenario).value.seed == 7


def test_what_begins_with_target_is_a_setting_of_the_target_and_all_else_of_the_scenario() -> None:
    assert split(["load.rate_per_s=40", "target.start.cwd=x=y", "targets.no=1", "load.rate_per_s=50"]) == (
        {"load.rate_per_s": "50", "targets.no": "1"},
        {"start.cwd": "x=y"},
    )


def test_what_stands_in_an_environment_is_a_text_with_quotes_and_without() -> None:
    _, of_target = split(["target.services.a.env.N=0", 'target.start.env.Q="1"', "target.links.l.port=7"])
    assert of_target == {"services.a.env.N": '"0"', "start.env.Q": '"1"', "links.l.port": "7"}
