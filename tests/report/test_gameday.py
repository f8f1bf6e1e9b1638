"""The document of a game day for people: all that it came to, as text that does nothing, on one page and in Markdown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.gameday.document import read as stored
from harness.judging.gameday import GameDayResult, Item, Note, Stop, Warned
from harness.report.day_timeline import ticks, timeline
from harness.report.gameday import headline, markdown, page

SAMPLE = Path(__file__).resolve().parents[1] / "compatibility" / "gameday"
EVIL = [
    "<script>document.documentElement.dataset.hacked='yes'</script>",
    "<img src=x onerror=alert(1)>",
    "](javascript:alert(1)) [x](javascript:alert(1))",
    "a | b || c",
    "`rm -rf` **bold** _it_ # no heading",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe \x1b[2J",
    "a\n\n# A heading\n\n- [ ] a task",
]


@pytest.fixture(scope="module")
def day() -> GameDayResult:
    return stored(SAMPLE)


def attacked(day: GameDayResult, evil: str) -> GameDayResult:
    """*day* in which everything that a person can say is *evil*."""
    note = Note(at=day.until, by=evil, text=evil, step=evil, decision=True, surprise=True)
    item = Item(text=evil, owner=evil, ticket=evil, due=evil, done=False, at=day.until, by=evil, day=evil)
    step = day.steps[0].model_copy(
        update={
            "title": evil,
            "about": evil,
            "told": evil,
            "run": evil,
            "faults": [fault.model_copy(update={"summary": evil}) for fault in day.steps[0].faults],
            "expectations": [one.model_copy(update={"expectation": evil}) for one in day.steps[0].expectations],
            "marks": [mark.model_copy(update={"by": evil, "text": evil}) for mark in day.steps[0].marks],
        }
    )
    assert day.last is not None
    return day.model_copy(
        update={
            "title": evil, "name": evil, "objective": evil, "hypothesis": evil, "told": evil, "target": evil,
            "steps": [step, *day.steps[1:]], "notes": [note], "items": [item], "communication": evil,
            "surprises": [one.model_copy(update={"said": evil, "by": evil}) for one in day.surprises[:1]],
            "people": [one.model_copy(update={"name": evil}) for one in day.people],
            "prerequisites": [one.model_copy(update={"said": evil, "told": evil}) for one in day.prerequisites],
            "approvals": [one.model_copy(update={"of": evil, "why": evil}) for one in day.approvals],
            "stops": [Stop(at=day.until, by=evil, why=evil)],
            "warnings": [Warned(at=day.until, what=evil)],
            "last": day.last.model_copy(update={"open": [item]}),
        }
    )  # fmt: skip


def test_the_page_has_everything_as_text_and_leads_to_the_report_of_each_run(day: GameDayResult, read) -> None:
    found = read(page(day))
    assert found.inside == []
    for said in (
        "The hypothesis did not hold: 0 of 4 expectations held.",
        "Users see nothing of a lost region",
        "10 min after the day was opened",
        "0.527 0.47 to 0.582 fail",
        "after 23 s",
        "the dashboard was empty",
        "Raise the failover time-out ann OPS-12 2026-11-01 open",
        "after 53 s after 23 s",  # the last time, and this time
        "DRAFT, of an exercise",
    ):
        assert said in found.text
    assert {"./runs/loss/region-loss/r1/report.html", "gameday.json"} <= {one["href"] for one in found.all("a")}


def test_it_needs_no_script_and_lets_none_run(day: GameDayResult, read) -> None:
    found = read(page(day))
    policy = next(one["content"] for one in found.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert found.all("script") == []
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page(day))


@pytest.mark.parametrize("evil", EVIL)
def test_what_somebody_wrote_stays_text_on_the_page(day: GameDayResult, evil: str, read) -> None:
    plain, found = read(page(day)), read(page(attacked(day, evil)))
    assert found.inside == []
    assert {name for name, _ in found.elements} <= {name for name, _ in plain.elements}
    assert found.all("script") == []
    assert all(one["href"].startswith(("./", "gameday.", "day.", "data:")) for one in [*found.all("a")])
    assert not any(sign in found.text for sign in "\u202e\x1b")


@pytest.mark.parametrize("evil", EVIL)
def test_what_somebody_wrote_stays_text_in_markdown(day: GameDayResult, evil: str) -> None:
    # What stands behind four spaces, or between backticks, is text whatever it says.
    written = "\n".join(line for line in markdown(attacked(day, evil)).splitlines() if not line.startswith("    "))
    bare = re.sub(r"`[^`\n]*`|\\.|\]\(<\./[^<>\n]*>\)", "", written)
    assert "<" not in bare
    assert "](" not in bare
    assert not any(sign in written for sign in "\u202e\x1b")
    headings = [line for line in written.splitlines() if line.startswith("#")]
    assert len(headings) == len([line for line in markdown(day).splitlines() if line.startswith("#")])
    rows = [re.sub(r"\\.", "", line).count("|") for line in written.splitlines() if line.startswith("|")]
    plain = [re.sub(r"\\.", "", line).count("|") for line in markdown(day).splitlines() if line.startswith("|")]
    assert set(rows) <= set(plain)


def test_a_day_that_goes_on_says_so_and_judges_nothing(day: GameDayResult) -> None:
    going_on = day.model_copy(update={"state": "going on", "held": None, "closed_at": ""})
    assert headline(going_on) == "The day goes on: 2 of 5 steps over; 0 of 4 expectations held."
    assert "GOING ON" in page(going_on)


def test_an_expectation_of_a_run_that_says_nothing_is_not_counted(day: GameDayResult) -> None:
    loss = day.steps[0]
    untrusted = loss.model_copy(
        update={
            "verdict": "invalid",
            "expectations": [one.model_copy(update={"counts": False}) for one in loss.expectations],
        }
    )
    found = day.model_copy(update={"steps": [untrusted, *day.steps[1:]]})
    assert headline(found) == "The hypothesis did not hold."
    assert "not counted: the run was invalid" in page(found)
    assert "4 expectations not counted: the run cannot be trusted." in markdown(found)


@pytest.mark.parametrize(("kind", "why"), [("scenario", "Its run cannot be trusted"), ("manual", "Nothing was broken")])
def test_that_somebody_says_it_held_is_no_green_badge_where_nothing_shows_it(
    day: GameDayResult, kind: str, why: str, read
) -> None:
    steps = [day.steps[0].model_copy(update={"kind": kind, "verdict": "invalid"}), *day.steps[1:]]
    unseen = day.model_copy(update={"held": True, "shown": False, "steps": steps})
    for text in (read(page(unseen)).text, markdown(unseen)):
        assert "The hypothesis is said to have held, and nothing shows it" in text
        assert f"{why}, so nothing shows that the hypothesis held." in text
    badge = re.search(r'<p class="eyebrow ([^"]*)"><span class="badge">.*?</svg> ([A-Z ]+)<', page(unseen), re.DOTALL)
    assert badge is not None
    assert badge.groups() == ("is-inconclusive", "NOT SHOWN")
    seen = page(day.model_copy(update={"held": True}))
    assert "NOT SHOWN" not in seen
    assert "HELD" in seen


def test_good_answers_are_a_line_by_second_broken_where_nothing_was_due_and_crossed_by_each_note(
    day: GameDayResult,
) -> None:
    def drawn(seconds: list[float | None], **more: object) -> str:
        loss = day.steps[0].model_copy(update={"good_from": day.steps[0].at, "good_by_second": seconds})
        return str(timeline(day.model_copy(update={"steps": [loss, *day.steps[1:]], **more})))

    def line_of(drawing: str) -> str:
        (found,) = re.findall(r'<path class="line-good" d="([^"]*)"', drawing)
        return str(found)

    assert "Good answers by second" in drawn([1.0, 1.0])
    assert "Good answers by phase" in drawn([])
    assert line_of(drawn([1.0] * 3 + [None] * 3 + [0.5])).count("M") == 2
    assert line_of(drawn([1.0, None, None])).count("L") == 1  # a second alone can be seen
    # So can a run that is over within a thousandth of the day.
    assert line_of(drawn([1.0] * 20, closed_at="2026-11-28T06:00:00.000+00:00")).count("L") == 1
    # Hours in a picture of a thousand places: a dip of one second is there all the same.
    dipped: list[float | None] = [1.0] * 5_000
    dipped[2_500] = 0.0
    floor = max(
        float(y) for y in re.findall(r",([\d.]+)", line_of(drawn(dipped, closed_at="2026-11-27T18:00:00.000+00:00")))
    )
    assert floor == max(float(y) for y in re.findall(r",([\d.]+)", line_of(drawn([0.0] * 10))))
    assert line_of(drawn(dipped, closed_at="2026-11-27T18:00:00.000+00:00")).count("L") < 1_500
    assert drawn([1.0]).count("stroke-dasharray") == len(day.notes)


def test_the_axis_has_every_step_fault_mark_and_note(day: GameDayResult) -> None:
    drawn = str(timeline(day))
    titles = re.findall(r"<title>([^<]+)</title>", drawn)
    for said in (
        "region-loss: failed, 14:10:00 to 14:11:20",
        "regional_loss east · blackhole, 14:10:27 to 14:10:42",
        "detected at 14:10:50 by eve, region-loss",
        "1, 14:11:00, cyd: the dashboard was empty",
    ):
        assert said in titles
    assert "Good answers" in drawn
    bare = day.model_copy(update={"notes": [], "steps": [step.model_copy(update={"good": []}) for step in day.steps]})
    assert not re.search("Notes|Good answers", str(timeline(bare)))


def test_what_was_said_at_one_time_stands_below_one_another(day: GameDayResult) -> None:
    def rows(*at_s: int) -> list[str]:
        notes = [
            Note(
                at=f"2026-11-27T14:{at // 60:02}:{at % 60:02}.000+00:00",
                by="cyd",
                text="x",
                step="",
                decision=False,
                surprise=False,
            )
            for at in at_s
        ]
        steps = [step.model_copy(update={"marks": []}) for step in day.steps]
        drawn = str(timeline(day.model_copy(update={"notes": notes, "steps": steps})))
        return re.findall(r'<circle [^>]*cy="([^"]*)"', drawn)

    assert len(set(rows(60, 60, 61))) == 3
    assert len(set(rows(60, 600, 1200))) == 1
    assert len(set(rows(*range(60, 110)))) == 6  # and no more, however many there are


def test_a_day_in_which_nothing_has_happened_yet_has_no_axis(day: GameDayResult) -> None:
    opened = day.model_copy(update={"until": day.opened_at, "closed_at": "", "steps": []})
    assert timeline(opened) is None
    assert "<h2>The day</h2>" not in page(opened)


@pytest.mark.parametrize(
    ("start", "minutes", "found"),
    [
        ("14:00:00", 60, ["14:00", "14:10", "14:20", "14:30", "14:40", "14:50", "15:00"]),
        ("13:58:30", 20, ["14:00", "14:05", "14:10", "14:15"]),
        ("22:10:00", 240, ["23:00", "00:00", "01:00", "02:00"]),
    ],
)
def test_round_times_of_day_are_marked(start: str, minutes: int, found: list[str]) -> None:
    at = datetime.fromisoformat(f"2026-11-27T{start}").replace(tzinfo=UTC)
    assert [f"{one:%H:%M}" for one in ticks(at, 60.0 * minutes)] == found
