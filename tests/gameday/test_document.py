"""The document of a game day: told of its events and its runs alone, with nothing of what is still a secret."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_day import FIRST, INJECTED_S, SAMPLE, SECOND, MadeDay, closed, lived_through

from harness.conduct import _Record
from harness.gameday import days
from harness.gameday.day import Day
from harness.gameday.document import read, write
from harness.gameday.events import Began, Item, Looked, Marked, Noted, Over, PutBack, Stopped, Told, Warned, WentOn
from harness.judging.gameday import GameDayResult, Step
from harness.problems import UsageProblems
from harness.record import history, run_folder
from harness.record.masking import NOTHING
from harness.report.gameday import facts

FILES = ("gameday.json", "gameday.md", "gameday.html")


def made(day: MadeDay) -> GameDayResult:
    write(day.folder)
    return read(day.folder)


def text_of(day: MadeDay) -> str:
    return "\n".join((day.folder / name).read_text() for name in FILES)


def step(found: GameDayResult, id_: str) -> Step:
    return next(one for one in found.steps if one.id == id_)


@pytest.fixture
def day(tmp_path: Path) -> MadeDay:
    return lived_through(tmp_path / "20261127", SECOND)


def test_times_count_from_when_the_fault_was_injected_by_the_history_of_the_run(day: MadeDay) -> None:
    times = step(made(day), "loss").times
    assert times is not None
    assert (times.since, times.at) == ("fault", day.iso(612 + INJECTED_S))
    assert times.detect_s == pytest.approx(650 - 612 - INJECTED_S, abs=0.001)
    assert times.acknowledge_s == pytest.approx(655 - 612 - INJECTED_S, abs=0.001)
    assert times.mitigate_s is None
    assert times.resolve_s == pytest.approx(700 - 612 - INJECTED_S, abs=0.001)


def test_of_a_run_that_does_not_say_when_its_clock_was_0_they_count_from_its_start_and_that_is_said(
    tmp_path: Path,
) -> None:
    day = MadeDay(tmp_path / "d", SECOND)
    day.at(60, Looked(by="bob", prerequisite=0, ok=True))
    day.at(600, Began(step="loss"))
    day.at(650, Marked(by="eve", kind="detected"))
    day.at(680, Over(step="loss", outcome="failed", run=day.run("r", None)))
    times = step(made(day), "loss").times
    assert times is not None
    assert (times.since, times.detect_s) == ("run", 50.0)
    assert "the start of its run (the time of its fault is not known)" in (day.folder / "gameday.md").read_text()


def test_recovery_and_expectations_are_those_of_the_result(day: MadeDay) -> None:
    found, result = step(made(day), "loss"), json.loads((SAMPLE / "result.json").read_text())
    assert found.times is not None
    assert found.times.recovery is not None
    metric = result["metrics"]["recovery_time_s"]
    assert (found.times.recovery.value, found.times.recovery.censored) == (metric["value"], metric["censored"])
    told = [(one.expectation, one.value, one.low, one.high, one.verdict) for one in found.expectations]
    names = ("expectation", "value", "low", "high", "verdict")
    assert told == [tuple(one[name] for name in names) for one in result["findings"]]
    assert found.verdict == result["verdict"]


def test_a_fault_is_told_from_when_it_was_in_force_until_it_was_gone(day: MadeDay) -> None:
    (fault,) = step(made(day), "loss").faults
    assert fault.at == day.iso(612 + INJECTED_S)
    assert day.iso(612 + 30) <= fault.until <= day.iso(612 + 31)
    assert fault.confirmed


def test_what_a_killed_run_broke_is_told_of_its_history_and_not_that_it_was_put_back(tmp_path: Path) -> None:
    day = MadeDay(tmp_path / "d", SECOND)
    day.at(600, Began(step="loss"))
    run = day.run("r", 612, judged=False, ended=False)
    day.at(700, Over(step="loss", outcome="interrupted", run=run), WentOn(healed="1 fault"))
    found = made(day)
    (fault,) = step(found, "loss").faults
    assert (fault.at, fault.until) == (day.iso(612 + INJECTED_S), "")
    assert (step(found, "loss").verdict, step(found, "loss").expectations) == (None, [])
    assert [one.what for one in found.warnings] == [
        "carried on after the process that led through the day had ended; put back first: 1 fault"
    ]
    assert "report.html" not in text_of(day)


def test_a_step_that_broke_nothing_has_no_times_and_a_manual_one_counts_from_its_start(day: MadeDay) -> None:
    found = made(day)
    unplug = step(found, "unplug")
    assert unplug.times is not None
    assert (unplug.times.since, unplug.times.mitigate_s, unplug.times.detect_s) == ("step", 90.0, None)
    assert [step(found, id_).times for id_ in ("quiet", "talk")] == [None, None]


def test_what_is_marked_in_a_wait_or_a_talk_is_about_what_was_broken_before(day: MadeDay) -> None:
    day.at(1500, Began(step="quiet"))
    day.at(1510, Marked(by="fox", kind="resolved"))
    found = made(day)
    unplug = step(found, "unplug")
    assert unplug.times is not None
    assert (unplug.times.resolve_s, step(found, "quiet").marks) == (310.0, [])


def test_when_it_was_planned_stands_beside_when_it_was(day: MadeDay) -> None:
    found = made(day)
    loss, quiet = step(found, "loss"), step(found, "quiet")
    assert (loss.planned, loss.planned_at, loss.at, loss.took_s) == (
        "10 min after the day was opened",
        day.iso(600),
        day.iso(600),
        80.0,
    )
    assert (quiet.planned, quiet.planned_at, quiet.planned_s, quiet.outcome) == (
        "as soon as the step before is over",
        "",
        300.0,
        "not begun",
    )


def test_nothing_is_told_of_a_secret_step_before_it_is_over_and_all_after_that(day: MadeDay) -> None:
    run = day.run("night/openai-outage/r2", 1512)
    day.at(1500, Began(step="night-shift", run=run))
    day.at(1560, Marked(by="eve", kind="detected", text="something is slow"))
    day.at(1570, Warned(what="night-shift: a Toxiproxy does not answer"))
    found = made(day)
    for word in ("night-shift", "openai-outage", "nobody may know", "runs/night"):
        assert word not in text_of(day)
    hidden = step(found, "secret-4")
    assert (hidden.secret, hidden.title, hidden.faults, hidden.times) == (True, "secret step", [], None)
    assert [(mark.text, mark.after_s) for mark in hidden.marks] == [("something is slow", None)]
    assert found.warnings[0].what == "secret-4: a Toxiproxy does not answer"
    assert "Cause: not known yet" in found.communication
    day.at(1600, Over(step="night-shift", outcome="failed", run=run))
    told = step(made(day), "night-shift")
    assert (told.secret, told.about, len(told.faults)) == (False, "nobody may know of this one", 1)
    assert told.marks[0].after_s == pytest.approx(1560 - 1512 - INJECTED_S, abs=0.001)


def test_a_secret_step_that_was_never_carried_out_stays_one(day: MadeDay) -> None:
    day.at(1500, Over(by="bob", step="night-shift", outcome="skipped"))
    found = made(closed(day, 1600, None))
    assert step(found, "secret-4").outcome == "skipped"
    assert "night-shift" not in text_of(day)


def test_of_a_step_that_was_begun_again_the_last_time_is_told_and_the_run_before_is_not_lost(tmp_path: Path) -> None:
    day = MadeDay(tmp_path / "d", SECOND)
    for number, from_s in enumerate((600, 900), 1):
        day.at(from_s, Began(step="loss"))
        day.at(from_s + 60 * number, Marked(by="eve", kind="detected"))
        run = day.run(f"r{number}", from_s + 12)
        day.at(from_s + 200, Over(step="loss", outcome="failed", run=run))
    found = step(made(day), "loss")
    assert (found.begun, found.run, found.earlier, found.at) == (2, "runs/r2", ["runs/r1"], day.iso(900))
    assert found.times is not None
    assert found.times.detect_s == pytest.approx(120 - 12 - INJECTED_S, abs=0.001)
    assert len(found.marks) == 2


def test_what_nobody_expected_is_a_surprise_and_what_was_only_noted_is_none(day: MadeDay) -> None:
    day.at(1500, Noted(by="cyd", text="coffee is out"))
    found = made(day)
    assert ("the dashboard was empty", "cyd", "loss") in [(one.said, one.by, one.step) for one in found.surprises]
    assert any(one.by == "harness" and "kept itself down" in one.said for one in found.surprises)
    assert not any("coffee" in one.said for one in found.surprises)
    assert [(note.text, note.step) for note in found.notes] == [
        ("the dashboard was empty", "loss"),
        ("coffee is out", "unplug"),
    ]


def test_the_draft_says_what_is_known_and_who_responded_to_nobody(day: MadeDay) -> None:
    said = made(day).communication
    first, second = said.split("Incident 2")
    assert "DRAFT, of an exercise" in first
    assert "Status: Resolved" in first
    assert "53 % of requests got a good answer" in first
    assert "answers were not good again within 20 s" in first
    assert "noticed: alerts fire" in first
    assert "Status: Monitoring" in second
    assert "Impact" not in second  # nobody measured it
    assert not any(name in said for name in ("eve", "fox"))


def test_a_step_of_a_runbook_that_nobody_marked_is_no_incident_and_a_fault_that_nobody_saw_is_one(
    tmp_path: Path,
) -> None:
    day = MadeDay(tmp_path / "d", SECOND)
    day.at(600, Began(step="loss"))
    day.at(680, Over(step="loss", outcome="failed", run=day.run("r", 612)))
    day.at(1200, Began(step="unplug"))
    day.at(1300, Over(by="bob", step="unplug", outcome="done"))
    said = made(day).communication
    assert said.count("Status: ") == said.count("Status: Not noticed by anybody") == 1
    assert "Unplug the cache" not in said


def test_of_a_day_on_which_nothing_was_broken_there_is_nothing_to_communicate(tmp_path: Path) -> None:
    day = MadeDay(tmp_path / "d", SECOND)
    day.at(60, Noted(by="cyd", text="we wait"))
    assert made(day).communication == ""


def test_the_same_day_gives_the_same_bytes(day: MadeDay, monkeypatch: pytest.MonkeyPatch) -> None:
    write(day.folder)
    first = text_of(day)
    monkeypatch.chdir(day.folder.parent)
    write(Path(day.folder.name))
    assert text_of(day) == first


def test_without_its_file_a_day_is_told_of_its_events(tmp_path: Path) -> None:
    day = MadeDay(tmp_path / "d", SECOND, file="")
    day.at(600, Began(step="loss"))
    day.at(680, Over(step="loss", outcome="failed", run=day.run("r", 612)))
    found = made(day)
    assert (found.title, found.hypothesis, step(found, "loss").planned) == ("provider-loss", "", "")
    assert (step(found, "loss").title, len(step(found, "loss").expectations)) == ("region-loss", 4)


def test_a_tabletop_has_decisions_and_their_times_and_nothing_that_was_measured(tmp_path: Path) -> None:
    day = MadeDay(tmp_path / "d", SECOND, tabletop=True)
    day.at(600, Began(step="loss"))
    day.at(660, Marked(by="eve", kind="detected", text="we would be paged"))
    day.at(720, Noted(by="eve", text="fail over by hand", decision=True))
    day.at(900, Over(by="bob", step="loss", outcome="done"))
    found = made(closed(day, 1000, None))
    times = step(found, "loss").times
    assert times is not None
    assert (times.since, times.detect_s, times.recovery) == ("step", 60.0, None)
    assert "1 decision" in (day.folder / "gameday.md").read_text()
    assert "talked through, nothing was broken" in found.communication


def test_the_last_time_stands_beside_this_one(tmp_path: Path) -> None:
    first = lived_through(tmp_path / "20261002", FIRST, later_s=30)
    first.at(1420, Item(by="cyd", text="Mend the dashboard"))
    closed(first, 1500, True)
    second = lived_through(tmp_path / "20261127", SECOND)
    second.at(1450, Item(by="cyd", text="Mend the dashboard", done=True))
    other = tmp_path / "20261110"
    other.mkdir()
    (other / "day.jsonl").write_text("{\n")  # what cannot be read is no last time
    last = made(closed(second, 1500, False)).last
    assert last is not None
    assert (last.day, last.held) == ("20261002", True)
    loss = next(one for one in last.steps if one.step == "loss")
    assert loss.times_then is not None
    assert loss.times_now is not None
    assert loss.times_then.detect_s == pytest.approx((loss.times_now.detect_s or 0) + 30, abs=0.001)
    assert [item.text for item in last.open] == ["Raise the failover time-out", "Write a runbook"]
    assert [item.text for item in last.closed] == ["Mend the dashboard"]
    assert made(first).last is None


def test_a_day_is_set_beside_a_day_and_a_tabletop_beside_a_tabletop(tmp_path: Path) -> None:
    talked = [MadeDay(tmp_path / name, SECOND, tabletop=True) for name in ("20261001", "20261126")]
    held = [lived_through(tmp_path / name, at) for name, at in (("20261002", FIRST), ("20261127", SECOND))]
    for day in (talked[0], held[0], talked[1], held[1]):
        closed(day, 1500, None)
    last = [made(day).last for day in (*talked, *held)]
    assert [one.day if one is not None else None for one in last] == [None, "20261001", None, "20261002"]


def test_who_could_not_be_told_is_counted_and_where_they_are_is_not_said(day: MadeDay) -> None:
    day.at(1500, Told(url="https://hooks.example/T0KEN", moment="ended", error="refused"))
    day.at(1501, Told(url="https://hooks.example/T0KEN", moment="ended"), Stopped(by="gus", why="tickets come in"))
    found = made(day)
    assert (found.untold, [(one.by, one.why) for one in found.stops]) == (1, [("gus", "tickets come in")])
    assert "T0KEN" not in text_of(day)


def test_a_folder_without_a_day_and_one_with_a_line_that_is_no_event_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblems, match=r"is no game day: its day\.jsonl does not begin with one"):
        write(tmp_path)
    (tmp_path / "day.jsonl").write_text('{"type":"party"}\n')
    with pytest.raises(UsageProblems, match=r"day\.jsonl: cannot be read"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["day.jsonl"]


def test_a_day_that_was_only_opened_has_a_document(tmp_path: Path) -> None:
    found = made(MadeDay(tmp_path / "d", SECOND))
    assert (found.state, found.held, len(found.steps)) == ("going on", None, 5)
    assert {one.outcome for one in found.steps} == {"not begun"}


def test_a_run_writes_down_when_its_clock_is_0_in_wall_time(tmp_path: Path) -> None:
    first = history.decode((SAMPLE / "history.jsonl").read_bytes())[0]
    assert isinstance(first, history.Begun)
    folder = run_folder.create(tmp_path, "s", "r")
    with closing(_Record(folder, first, NOTHING)) as record:
        before = datetime.now(UTC)
        record.begin(time.monotonic() + 5)
        after = datetime.now(UTC)
    begun, _ = run_folder.read_history(folder)
    # To the millisecond, and cut off at that.
    early, late = before + timedelta(seconds=5, milliseconds=-1), after + timedelta(seconds=5)
    assert early <= datetime.fromisoformat(begun.zero_at) <= late


def test_what_could_not_be_put_back_is_told_and_when_it_was_and_nothing_of_what_was_put_back_at_once(
    day: MadeDay,
) -> None:
    left = PutBack(
        step="loss", left=["latency on openai"], told="the Toxiproxy at http://127.0.0.1:8474 does not answer"
    )
    day.at(1500, Stopped(by="bob"), PutBack(step="loss"), Stopped(by="bob"), left, PutBack(step="loss"))
    told = [one.what for one in made(day).warnings]
    assert told == [
        "loss: NOT all is put back, and may be in force still: latency on openai, since the Toxiproxy at http://127.0.0.1:8474 does not "
        "answer; it is tried again until the day is over, and by `harness heal` after that",
        "loss: nothing is in force any more",
    ]


def test_the_share_of_good_answers_is_told_second_by_second_as_long_as_its_rows_are_there(day: MadeDay) -> None:
    assert (step(made(day), "loss").good_by_second, step(made(day), "loss").good_from) == ([], "")
    (day.folder / "runs" / "loss" / "region-loss" / "r1" / "requests.parquet").write_bytes(
        (SAMPLE / "requests.parquet").read_bytes()
    )
    loss, rows = step(made(day), "loss"), run_folder.read_table(SAMPLE / "requests.parquet")
    assert loss.good_from == day.iso(612)
    assert len(loss.good_by_second) == 50
    for second in (0, 16, 29, 49):
        due = rows[(rows["due_s"] >= second) & (rows["due_s"] < second + 1)]
        assert loss.good_by_second[second] == round(due["good"].mean(), 4)
    assert min(share for share in loss.good_by_second if share is not None) < 0.7


def test_seconds_in_which_nothing_was_due_are_none_and_a_run_that_was_cut_short_ends_with_what_was_sent(
    day: MadeDay,
) -> None:
    import pandas as pd

    rows = pd.DataFrame(
        {
            "due_s": [-0.01, 0.5, 2.5, 3.5, 9.5],
            "sent_s": [0.0, 0.5, 2.5, 3.6, None],
            "good": [True, False, True, False, False],
        }
    )
    rows.to_parquet(day.folder / "runs" / "loss" / "region-loss" / "r1" / "requests.parquet")
    assert step(made(day), "loss").good_by_second == [0.5, None, 1.0, 0.0]


@pytest.mark.parametrize(
    ("outcomes", "tabletop", "shown"),
    [
        ({"loss": "held"}, False, True),
        ({"loss": "failed"}, False, True),
        ({"loss": "invalid"}, False, False),
        ({"loss": "aborted", "night-shift": "interrupted"}, False, False),
        ({"loss": "invalid", "night-shift": "inconclusive"}, False, True),
        ({"loss": "invalid", "unplug": "done"}, False, False),
        ({"unplug": "done"}, False, True),
        ({"unplug": "not_done"}, False, False),
        ({"talk": "done"}, False, False),
        ({}, False, False),
        ({}, True, True),
    ],
)
def test_what_is_said_of_the_hypothesis_is_shown_by_a_run_that_can_be_trusted(
    outcomes: dict[str, str], tabletop: bool, shown: bool, tmp_path: Path
) -> None:
    day = MadeDay(tmp_path / "d", SECOND, tabletop=tabletop)
    for at, (id_, outcome) in enumerate(outcomes.items(), 1):
        day.at(60 * at, Began(step=id_), Over(step=id_, outcome=outcome))  # type: ignore[arg-type]  # as listed above
    found = made(closed(day, 900, held=True))
    assert (found.held, found.shown) == (True, shown)
    assert Day(day.folder, days.read(day.folder).standing).exit_status == (0 if shown else 3)


def test_how_long_after_a_stop_nothing_was_in_force_any_more_is_told(day: MadeDay) -> None:
    day.at(1500, Stopped(by="bob"))
    day.at(1500.4, PutBack(step="loss"))
    day.at(1510, Stopped(by="eve"))
    day.at(1510.5, PutBack(step="loss", left=["latency on openai"]))
    day.at(1522, PutBack(step="loss"))
    day.at(1530, Stopped(by="gus"))
    day.at(1540, Began(step="talk"), PutBack(step="loss"))
    assert [stop.gone_s for stop in made(day).stops] == [0.4, 12.0, None]
    told = " ".join(facts(made(day)))
    assert "by bob; nothing was in force any more 0.40 s later." in told
    assert "by gus." in told


def test_nothing_is_said_to_be_gone_at_a_stop_while_a_step_before_has_something_left_in_force(day: MadeDay) -> None:
    day.at(1490, PutBack(step="talk", left=["latency on openai"]))
    day.at(1500, Stopped(by="bob"))
    day.at(1500.4, PutBack(step="loss"))
    day.at(1505, PutBack(step="talk"))
    assert [stop.gone_s for stop in made(day).stops] == [5.0]
