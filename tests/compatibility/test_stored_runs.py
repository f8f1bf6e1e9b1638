"""Runs that earlier versions stored are judged by this one, and so are runs of what may not be run any more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any, get_args

import msgspec
import pandas as pd
import pytest

from harness import stored
from harness.faults.effects import Sight
from harness.judging import verdict
from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.tracing import followed
from harness.problems import UsageProblems
from harness.record import history, tables
from harness.record.history import Begun, Look, PlannedFault
from harness.record.rows import Arrival, Attempt, Request, Traffic
from harness.record.run_folder import RunFolder
from harness.record.tables import defaults
from harness.report.followed import facts

HERE = Path(__file__).parent
RELEASED: dict[str, tuple[str, dict[str, str]]] = {
    "0.1.0": (
        "fail",
        {
            "good_ratio >= 0.9 in fault": "fail",
            "retry_amplification <= 1.5 in fault": "fail",
            "failover_time_s <= 5": "fail",
            "recovery_time_s <= 5": "fail",
        },
    ),
    "watched": (
        "pass",
        {
            "attempt_error_ratio <= 0.1 in fault": "pass",
            "attempts_per_s <= 20 in fault": "pass",
            "attempt_latency_ms.p50 <= 3500 in fault": "pass",
            "attempt_error_ratio <= 0.05 in recovery": "pass",
        },
    ),
    "grounded": ("pass", {"good_ratio >= 0.7 in fault": "pass", "latency_ms.p50 <= 4000 in fault": "pass"}),
}
"""What a run of each layout came to, one that watched the service's own traffic, and one whose answers named what they stand on.

Of each its verdict, and that of each of its findings.
"""
TABLES = {"requests": Request, "attempts": Attempt, "arrivals": Arrival}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of the first layout, that a test may change."""
    return RunFolder(Path(copytree(HERE / "0.1.0", tmp_path / "run")))


def judged(run: RunFolder) -> tuple[Result, list[str]]:
    """What the run comes to, and what was said on the way."""
    said: list[str] = []
    return verdict.judge(stored.load_evidence(run, say=said.append)), said


def edit(path: Path, *replacements: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def verdicts(result: Result) -> tuple[str, dict[str, str]]:
    return result.verdict, {finding.expectation: finding.verdict for finding in result.findings}


def test_every_layout_that_is_kept_is_judged() -> None:
    assert {path.name for path in HERE.iterdir() if (path / "history.jsonl").exists()} == set(RELEASED)


@pytest.mark.parametrize("release", RELEASED)
def test_a_run_of_an_earlier_layout_comes_to_what_it_came_to(release: str, tmp_path: Path) -> None:
    said: list[str] = []
    run = stored.judge(Path(copytree(HERE / release, tmp_path / "run")), say=said.append)
    assert (verdicts(run.result), said) == (RELEASED[release], [])


@pytest.mark.parametrize("release", RELEASED)
def test_every_file_that_a_page_names_stands_beside_it(release: str, tmp_path: Path) -> None:
    run = RunFolder(Path(copytree(HERE / release, tmp_path / "run")))
    run.logs.mkdir()  # as every run has it, and nobody keeps
    if release == "0.1.0":  # a run may have more than it
        run.questions.unlink()
        run.questions_named("x.jsonl").write_text(
            '{"id": "warranty", "text": "How long is the warranty on lanterns?"}\n'
        )
        edit(run.scenario, ("questions/facts.yaml", "questions/facts.jsonl"), ("good: {", "recorded: it.csv\ngood: {"))
        edit(run.target, ("\nask:", "\nhealth: {get: /healthz, every: 500ms}\nask:"))
        run.recorded.write_bytes((HERE / "recorded.csv").read_bytes())
        run.table("health_checks").write_bytes((HERE / "health_checks.parquet").read_bytes())
    stored.judge(run.path, say=lambda _: None)
    named = set(re.findall(r'href="(?!#|data:)([^"]+)"', run.report.read_text()))
    assert [name for name in named if not (run.path / name).exists()] == []
    made = {"report.html", "counts.json", "instrument.jsonl", "effects.json", "workers.json", "baseline.json"}
    assert {path.name for path in run.path.iterdir()} - {name.rstrip("/") for name in named} <= made


def loaded(run: RunFolder) -> Evidence:
    """All that the run holds, as it is judged."""
    return stored.load_evidence(run, keep=False, say=lambda _: None)


def drop(run: RunFolder, table: str, columns: list[str]) -> None:
    path = run.table(table)
    # One that was added after this layout is not there to begin with.
    pd.read_parquet(path).drop(columns=columns, errors="ignore").to_parquet(path)


@pytest.mark.parametrize(
    ("table", "column"), [(table, name) for table, kind in TABLES.items() for name in defaults(kind)]
)
def test_a_run_stored_before_a_column_was_added_is_read(run: RunFolder, table: str, column: str) -> None:
    drop(run, table, [column])
    assert column in getattr(loaded(run), table)


@pytest.mark.parametrize("column", defaults(Traffic))
def test_a_run_stored_before_a_column_of_what_passed_was_added_is_read(run: RunFolder, column: str) -> None:
    passed = tables.table([Traffic("provider-east", 1.0, *[7] * len(defaults(Traffic)))], Traffic, 0.0)
    passed.drop(columns=column).to_parquet(run.table("traffic"))
    found = loaded(run).traffic_table
    assert found is not None
    of = {name: found.numbers(name).tolist() for name in defaults(Traffic)}
    assert of == {name: [7] for name in defaults(Traffic)} | {column: [defaults(Traffic)[column]]}


def _later_fields() -> list[tuple[str, str]]:
    """Each field of an event that has a default, and so may have been added."""
    kinds = [*get_args(history.Event)]
    return [
        (str(kind.__struct_config__.tag), field.name)
        for kind in kinds
        for field in msgspec.structs.fields(kind)
        if field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
    ]


def forget(run: RunFolder, fields: list[tuple[str, str]]) -> None:
    events = [json.loads(line) for line in run.history.read_text().splitlines()]
    for event in events:
        for kind, field in fields:
            if event["type"] == kind:
                event.pop(field, None)
    run.history.write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.mark.parametrize(("kind", "field"), _later_fields())
def test_a_run_stored_before_a_field_of_an_event_was_added_is_read(run: RunFolder, kind: str, field: str) -> None:
    forget(run, [(kind, field)])
    evidence = loaded(run)
    assert kind in {event.__struct_config__.tag for event in (evidence.begun, *evidence.history)} or kind not in WRITTEN


WRITTEN = {json.loads(line)["type"] for line in (HERE / "0.1.0" / "history.jsonl").read_text().splitlines()}
"""The kinds of events that there were when the first layout was released."""


def test_a_run_stored_before_any_of_them_was_added_is_judged(run: RunFolder) -> None:
    forget(run, _later_fields())
    assert verdicts(judged(run)[0]) == RELEASED["0.1.0"]
    for table, kind in TABLES.items():
        drop(run, table, list(defaults(kind)))
    assert len(judged(run)[0].findings) == 4  # without what joins them it is invalid, and says so


def test_a_run_without_a_column_that_nothing_can_stand_for_is_refused_with_one_line(run: RunFolder) -> None:
    pd.read_parquet(run.table("attempts")).drop(columns="link").to_parquet(run.table("attempts"))
    with pytest.raises(UsageProblems) as raised:
        judged(run)
    assert str(raised.value) == f"{run.table('attempts')}: has no column 'link', and nothing can be taken in its place"


def _written_down(run: RunFolder, *faults: PlannedFault) -> None:
    """Make the first line say what this version's says of the faults."""
    first, *rest = run.history.read_bytes().splitlines(keepends=True)
    begun = msgspec.json.decode(first, type=Begun)
    run.history.write_bytes(history.encode(msgspec.structs.replace(begun, faults=list(faults))) + b"".join(rest))


_FOREIGN = (
    "{kind: regional_loss, region: east, mode: blackhole, at: fault}",
    "{kind: moonlight, of: [east], phase: 3}",
)


def test_a_fault_whose_kind_is_not_installed_is_known_by_what_its_run_wrote_down(run: RunFolder) -> None:
    edit(run.scenario, _FOREIGN)
    edit(run.history, ('"fault":"regional_loss-1"', '"fault":"moonlight-1"'))
    links = ["provider-east", "store-east"]
    _written_down(run, PlannedFault("moonlight-1", "moonlight", "moonlight on east", links, 15.0, 30.0))
    result, said = judged(run)
    assert [(fault.kind, fault.summary, fault.links, fault.confirmed) for fault in result.faults] == [
        ("moonlight", "moonlight on east", links, True)
    ]
    assert verdicts(result) == RELEASED["0.1.0"]
    assert any("unknown fault kind 'moonlight'" in line and line.endswith("judged all the same") for line in said)


@pytest.mark.parametrize(
    "aimed", [_FOREIGN[1], "{kind: moonlight, on: {region: east}}", "{kind: moonlight, on: [east]}"]
)
def test_a_fault_that_nothing_was_written_down_of_is_known_by_its_kind(run: RunFolder, aimed: str) -> None:
    edit(run.scenario, (_FOREIGN[0], aimed))
    edit(run.history, ('"fault":"regional_loss-1"', '"fault":"moonlight-1"'))
    result, _ = judged(run)
    assert [(fault.id, fault.summary) for fault in result.faults] == [
        ("moonlight-1", "moonlight (of a kind that is not installed)")
    ]
    assert verdicts(result) == RELEASED["0.1.0"]


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"outcome": "silent", "elapsed_s": 0.6}, "probe of provider-east: silent for 0.6 s; probe of store-east: silent for 0.6 s; "),
        # One that no probe shows, but what it was done to.
        ({"answered": 7}, "14 attempts felt it; "),
        ({}, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("stood", "verdict"), [(True, "fail"), (False, "invalid")])
def test_of_a_fault_whose_kind_is_not_installed_it_is_judged_whether_it_stood(
    run: RunFolder, stood: bool, verdict: str, seen: dict[str, Any], told: str
) -> None:
    edit(run.scenario, _FOREIGN)
    edit(run.history, ('"fault":"regional_loss-1"', '"fault":"moonlight-1"'))
    links = ["provider-east", "store-east"]
    _written_down(run, PlannedFault("moonlight-1", "moonlight", "moonlight on east", links, 15.0, 30.0))
    looks = [Look(at_s, "moonlight-1", Sight(link, **seen, stands=stood)) for at_s in (16.0, 29.9) for link in links]
    lines = [line for line in run.history.read_bytes().splitlines(keepends=True) if b'"confirmed"' not in line]
    run.history.write_bytes(b"".join([*lines[:3], *map(history.encode, looks), *lines[3:]]))
    result, _ = judged(run)
    assert result.verdict == verdict
    assert not stood or result.faults[0].evidence == f"{told}what carries it says that it is there"


def test_an_expectation_on_a_metric_that_is_not_installed_is_not_measured_and_that_is_told(run: RunFolder) -> None:
    edit(run.scenario, ("good_ratio >=", "happiness >="))
    result, said = judged(run)
    assert verdicts(result)[1]["happiness >= 0.9 in fault"] == "inconclusive"
    (told,) = [line for line in said if "happiness" in line]
    assert told.startswith("happiness >= 0.9 in fault is not measured: no such metric is installed; known: answer")
    assert told.endswith("; what was run is judged all the same")


@pytest.mark.parametrize(
    ("edited", "what"),
    [
        ("good_ratio >= 0.9 in fualt", "unknown phase 'fualt'; did you mean 'fault'?"),
        ("good_ratio{region=wset} >= 0.9", "target 'fragile' has no region 'wset'; did you mean 'west'?"),
        ("good_ratio{entry=wset} >= 0.9", "target 'fragile' has no entry 'wset'; did you mean 'west'?"),
        (
            "good_ratio{colour=red} >= 0.9",
            "good_ratio is not told apart by 'colour' (colour=red); known: entry, region",
        ),
        ("good_ratio{entry=west,region=east} >= 0.9", "entry 'west' of target 'fragile' is not of region 'east'"),
        ("latency_ms.p96 <= 90", "latency_ms has no part 'p96'; did you mean 'p99'?"),
        ("retry_amplification{layer=frist} <= 1.5", "target 'fragile' has no layer 'frist'; did you mean 'first'?"),
        ("attempts_per_s{link=provider-esat} <= 9", "target 'fragile' has no link 'provider-esat'; did you mean"),
        ("failover_time_s <= 5 after loss", "unknown fault 'loss'; known: regional_loss-1"),
    ],
)
def test_an_expectation_that_names_what_is_not_there_is_not_measured_and_that_is_told(
    run: RunFolder, edited: str, what: str
) -> None:
    edit(run.scenario, ("good_ratio >= 0.9 in fault", f'"{edited}"'))
    result, said = judged(run)
    assert (verdicts(result)[1][edited], result.findings[0].value) == ("inconclusive", None)
    (told,) = [line for line in said if edited in line]
    assert told.startswith(f"{edited} is not measured: {what}")


def test_what_a_load_cannot_tell_is_refused_of_a_stored_run_and_what_its_plan_cannot_settle_is_told() -> None:
    with pytest.raises(
        UsageProblems, match=r"good_ratio >= 0\.9: it is told from requests, and the harness sends none"
    ):
        stored.what_if(HERE / "watched", ["good_ratio >= 0.9"])
    said: list[str] = []
    (*_, last) = stored.what_if(HERE / "0.1.0", ["jobs.lost <= 0"], say=said.append).result.findings
    assert last.verdict == "inconclusive"
    assert said == ["jobs.lost <= 0: target 'fragile' answers at once: it has no jobs (ask.job)"]


def test_where_a_link_has_another_name_than_in_the_run_what_is_told_by_link_is_not_trusted(run: RunFolder) -> None:
    edit(run.scenario, ("good_ratio >= 0.9 in fault", '"retry_amplification{link=provider-e} <= 1.5"'))
    edit(run.target, ("provider-east", "provider-e"))
    result, _ = judged(run)
    assert result.verdict == "invalid"
    assert result.reason.startswith("On provider-east something was seen, which is no link of the target file; ")
    assert "it names provider-e, " in result.reason


def test_of_an_expectation_that_names_what_is_there_nothing_is_told(run: RunFolder) -> None:
    edit(run.scenario, ("good_ratio >= 0.9 in fault", '"retry_amplification{layer=first} <= 1.5 in fault"'))
    result, said = judged(run)
    assert result.findings[0].value is not None
    assert not [line for line in said if "not measured" in line]


Edit = tuple[Callable[[RunFolder], Path], str, str]
STRICTER: dict[str, Edit] = {
    "a limit on a value": (lambda run: run.scenario, "rate_per_s: 20,", "rate_per_s: 20, jitter: 1.5,"),
    "a key that is gone": (lambda run: run.scenario, "good: {within: 4s}", "good: {within: 4s, mood: 3}"),
    "a rule about a fault": (
        lambda run: run.scenario,
        "mode: blackhole, at: fault}",
        "mode: blackhole, at: fault, for: 90s}",
    ),
    "a rule about the plan": (lambda run: run.scenario, "good: {within: 4s}", "good: {within: 40s}"),
    "a rule about an expectation": (lambda run: run.scenario, "good_ratio >= 0.9 in fault", "good_ratio >= 0 in fault"),
    "an expectation that can never be settled": (lambda run: run.scenario, ">= 0.9 in fault", ">= 0.99999 in fault"),
    "a name": (lambda run: run.scenario, "name: region-loss", "name: Region Loss!"),
    "a rule about the target as a whole": (lambda run: run.target, "store-east:", "wire:"),
    "an unknown protocol": (lambda run: run.target, "protocol: json", "protocol: telex"),
    "two questions of one id": (lambda run: run.questions, "id: exchange-window", "id: refund-window"),
}


@pytest.mark.parametrize("rule", STRICTER)
def test_rules_about_what_may_be_run_do_not_apply_to_what_was_run(run: RunFolder, rule: str) -> None:
    of, old, new = STRICTER[rule]
    edit(of(run), (old, new))
    result, _ = judged(run)
    assert len(result.findings) == 4


def change(run: RunFolder, table: str, how: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = run.table(table)
    how(pd.read_parquet(path)).to_parquet(path)


def test_rows_in_any_order_under_any_places_and_with_columns_of_tomorrow_come_to_the_same(run: RunFolder) -> None:
    before = judged(run)[0]
    for table in TABLES:
        change(run, table, lambda rows: rows.sample(frac=1, random_state=1).assign(of_tomorrow=1))
    change(run, "requests", lambda rows: rows.set_index("nonce", drop=False))
    assert judged(run)[0] == before


def test_where_somebody_took_a_row_out_of_a_table_it_is_missed(run: RunFolder) -> None:
    change(run, "requests", lambda rows: rows.drop(columns="streamed", errors="ignore").iloc[1:])
    result, _ = judged(run)
    assert (result.verdict, result.reason.split(": ")[1]) == ("invalid", "1 lost.")


@pytest.mark.parametrize("column", ["answer", "outcome", "status", "nonce"])
def test_a_row_that_says_nothing_where_there_is_something_usual_is_read_as_that(run: RunFolder, column: str) -> None:
    change(run, "requests", lambda rows: rows.assign(**{column: rows[column].where(rows.index != 3)}))
    said = loaded(run).requests[column]
    assert said.notna().all()
    assert said[3] == defaults(Request)[column]


@pytest.mark.parametrize(("table", "column"), [("requests", "due_s"), ("attempts", "link")])
def test_rows_without_what_every_row_has_are_one_line(run: RunFolder, table: str, column: str) -> None:
    change(run, table, lambda rows: rows.assign(**{column: rows[column].where(rows.index > 1, None)}))
    with pytest.raises(UsageProblems, match=f"column '{column}' says nothing in 2 of [0-9]+ rows$"):
        judged(run)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("baseline: 12s", "rest: 12s", "phases.baseline: is missing, and there is nothing to be taken in its place"),
        ("rate_per_s: 20", "rate_per_s: often", "load.rate_per_s: should be a number"),
        ("failover_time_s <= 5", "failover soon", "'failover soon' is not an expectation"),
        ("phases: {", "phases: {{", "scenario.yaml:11: a ',' is missing here"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_clear_error(run: RunFolder, old: str, new: str, said: str) -> None:
    edit(run.scenario, (old, new))
    with pytest.raises(UsageProblems) as raised:
        judged(run)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_run_whose_load_was_shared_is_judged_by_what_is_kept_of_its_workers(run: RunFolder) -> None:
    run.workers.write_bytes((HERE / "workers.json").read_bytes())
    result, _ = judged(run)
    assert verdicts(result) == RELEASED["0.1.0"]
    assert [worker.offset_s for worker in result.quality.workers] == [0.0, 2.000123]
    assert result.quality.clocks_add_s == 0.000259477
    edit(
        run.workers,
        ('"torn": ""', '"torn": "9 rows were written, and the file cannot be read: No such file or directory"'),
    )
    assert judged(run)[0].verdict == "invalid"
    run.workers.write_text("[{")
    with pytest.raises(UsageProblems, match=r"workers.json: does not say who sent the load: "):
        judged(run)


def test_a_run_that_was_held_against_a_recorded_curve_is_so_again_by_what_stands_in_its_folder(run: RunFolder) -> None:
    before = judged(run)[0]
    edit(run.scenario, ("good: {within: 4s}", "good: {within: 4s}\nrecorded: ../elsewhere/incident.csv"))
    run.recorded.write_bytes((HERE / "recorded.csv").read_bytes())
    result, _ = judged(run)
    assert result.fidelity is not None
    assert (result.fidelity.of, result.fidelity.seconds["not_run"]) == ("requests", 0)
    assert before.fidelity is None
    assert verdicts(result)[1] == verdicts(before)[1]
    run.recorded.unlink()
    with pytest.raises(UsageProblems, match=r"recorded.csv: there is no such file"):
        judged(run)


def test_what_answers_stood_on_is_told_again_and_where_a_run_did_not_write_it_down_nothing_is(run: RunFolder) -> None:
    grounded = stored.load_evidence(RunFolder(HERE / "grounded"), keep=False, say=lambda _: None)
    result = verdict.judge(grounded)
    assert result.prompt_versions == ["policies-1"]
    rows = grounded.requests
    assert (len(rows), (rows["sources"] != "").sum(), rows["context_sha256"].str.len().min()) == (180, 180, 64)
    told = dict(facts(followed(result, grounded, 3)))
    assert (told["Prompt version"], told["Sources"]) == ("policies-1", "incident-report")
    assert told["Context"].startswith("47 characters, 3c55c5e5a300")
    assert judged(run)[0].prompt_versions == []


def test_what_a_health_url_said_is_held_against_what_became_of_users_again(run: RunFolder) -> None:
    before = judged(run)[0]
    edit(run.target, ("\nask:", "\nhealth: {get: /healthz, every: 500ms}\nask:"))
    run.table("health_checks").write_bytes((HERE / "health_checks.parquet").read_bytes())
    result, _ = judged(run)
    assert "healthy_while_failing_s" not in before.metrics
    assert verdicts(result) == verdicts(before)
    said = result.metrics["healthy_while_failing_s"]
    assert (said.unit, said.by.phase["baseline"].value) == ("s", 0)
    assert said.by.phase["fault"].value == pytest.approx(15, abs=1)
    assert said.by.entry["east"].value > 15, "it does not come back"
    assert said.by.entry["west"].value == 0
    run.table("health_checks").write_bytes(b"PAR1")
    with pytest.raises(UsageProblems, match=r"health_checks.parquet: is not a whole Parquet file"):
        judged(run)
