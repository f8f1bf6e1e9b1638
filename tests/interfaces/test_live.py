"""What a person sees while a run goes on."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.interfaces.live import LivePanel, Numbers
from harness.planning.plan import Plan
from harness.reading.retries import Retries
from harness.reading.scenario import Load
from harness.record.rowfile import RowFile
from harness.record.rows import Attempt, Request
from harness.running.loop import Progress

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twenty requests a second for two seconds, each answered in half a second with three attempts."""
    requests, attempts = RowFile(tmp_path / "requests-0.rows"), RowFile(tmp_path / "attempts.rows")
    for index in range(40):
        due_s = 1_000 + index / 20
        nonce = f"n-{index:010x}"
        requests.add(Request(index, 0, due_s, sent_s=due_s, end_s=due_s + 0.5, outcome="complete", nonce=nonce))
        for _ in range(3):
            attempts.add(Attempt("provider-east", due_s, nonce=nonce))
    requests.close()
    attempts.close()
    return tmp_path


def _shown(plan: Plan, rows: Path, width: int, *, terminal: bool) -> str:
    console = Console(width=width, force_terminal=terminal, no_color=True, record=True, file=StringIO())
    paper = Console(width=width, no_color=True, record=True, file=StringIO())
    progress = Progress(
        now_s=20.0, active={d.id: d for d in plan.disturbances}, confirmed={d.id for d in plan.disturbances}
    )
    with LivePanel(console, plan, rows, lambda: 1_003.0) as panel:
        panel.show(progress)
        if panel._live:
            # What is drawn over and over, once and by itself.
            paper.print(panel._live.renderable)
    return paper.export_text() if terminal else console.export_text()


def test_without_a_terminal_one_plain_line_tells_how_it_goes(plan: Plan, rows: Path) -> None:
    (line,) = _shown(plan, rows, 80, terminal=False).splitlines()
    told = (
        "20 s fault 10 s left offered 20/s good 13.3/s p95 0.50 s (last 5 s) attempts per request 3.00 so far "
        "! regional_loss east · blackhole (in force)"
    )
    assert " ".join(line.split()) == told


@pytest.mark.parametrize(
    ("confirmed", "gone", "said"),
    [(True, False, "in force"), (False, False, "not seen yet"), (True, True, "NOT as it was made")],
)
def test_what_is_known_of_a_fault_is_told_while_it_is_in_force(
    plan: Plan, rows: Path, confirmed: bool, gone: bool, said: str
) -> None:
    ids = {disturbance.id for disturbance in plan.disturbances}
    progress = Progress(20.0, {d.id: d for d in plan.disturbances}, ids if confirmed else set(), ids if gone else set())
    console = Console(width=200, record=True, file=StringIO())
    with LivePanel(console, plan, rows, lambda: 1_003.0) as panel:
        panel.show(progress)
    assert f"regional_loss east · blackhole ({said}" in console.export_text()


@pytest.mark.parametrize("width", [100, 60])
def test_on_a_terminal_a_panel_shows_each_number_below_its_name(plan: Plan, rows: Path, width: int) -> None:
    lines = _shown(plan, rows, width, terminal=True).splitlines()
    assert all(len(line) <= width for line in lines)
    names = next(line for line in lines if "offered" in line)
    values = lines[lines.index(names) + 1]
    assert values[names.index("attempts per request") :].startswith("3.00")
    assert values[names.index("p95") :].startswith("0.50 s")
    assert any("regional_loss east · blackhole (in force)" in line for line in lines)


def test_attempts_of_requests_that_are_open_and_of_none_are_not_counted(plan: Plan, rows: Path) -> None:
    attempts = RowFile(rows / "attempts.rows")
    for nonce in ("n-00000000ff", "n-00000000ff", ""):
        attempts.add(Attempt("provider-east", 1_003.0, nonce=nonce))
    attempts.close()
    assert "attempts per request 3.00" in _shown(plan, rows, 80, terminal=False)


def test_whose_attempts_end_late_are_counted_and_who_ended_long_ago_is_forgotten(plan: Plan, rows: Path) -> None:
    at_s = 1_003.0
    numbers = Numbers(plan, rows, lambda: at_s)
    attempts = RowFile(rows / "attempts.rows")
    for at_s, counted in ((1_003.0, 120), (1_050.0, 121), (1_070.0, 122), (1_140.0, 123), (1_210.0, 123)):
        if at_s > 1_003.0:
            attempts.add(Attempt("provider-east", at_s, nonce="n-0000000001"))
        numbers.read()
        assert numbers.attempts == counted, at_s
    assert (numbers._over, numbers._over_before) == (set(), set())
    attempts.close()
    numbers.close()


def test_where_clients_ask_again_it_is_told_how_often(plan: Plan, rows: Path) -> None:
    assert "presses" not in _shown(plan, rows, 80, terminal=False)
    retries = Retries(max=2, deadline="4s")
    load = plan.scenario.load.model_copy(update={"retries": retries})
    plan = replace(plan, scenario=plan.scenario.model_copy(update={"load": load}))
    assert "presses per request 1.00 so far  attempts per request 3.00 so far" in _shown(plan, rows, 80, terminal=False)
    requests = RowFile(rows / "requests-1.rows")
    for index in range(40, 60):
        requests.add(Request(index, 1, 1_002.0, sent_s=1_002.0, end_s=1_002.5, outcome="complete", presses=3))
    requests.close()
    assert "presses per request 1.67 so far" in _shown(plan, rows, 80, terminal=False)


def test_before_the_first_answer_nothing_is_claimed_of_them(plan: Plan, tmp_path: Path) -> None:
    for name in ("requests-0.rows", "attempts.rows"):
        (tmp_path / name).touch()
    (line,) = _shown(plan, tmp_path, 80, terminal=False).splitlines()
    assert "good -  p95 - (last 5 s)  attempts per request -" in line


def test_attempts_that_carry_no_nonce_are_told_and_are_not_none_a_request(plan: Plan, rows: Path) -> None:
    attempts = RowFile(rows / "attempts.rows")
    for at_s in range(200):
        attempts.add(Attempt("provider-east", 1_000.0 + at_s / 100))
    attempts.close()
    # Each of forty requests had three attempts that can be joined, and there are more that cannot.
    assert "attempts per request not told: 200 carry no nonce" in _shown(plan, rows, 80, terminal=False)


def test_where_no_answer_comes_any_more_none_is_shown_as_if_it_had_just_come(plan: Plan, rows: Path) -> None:
    console = Console(width=200, record=True, file=StringIO())
    with LivePanel(console, plan, rows, lambda: 1_012.0) as panel:
        panel.show(Progress(12.0, {}, set()))
    (line,) = console.export_text().splitlines()
    assert "good 0.0/s  p95 - (last 5 s)  attempts per request 3.00 so far" in line


def test_of_the_services_own_traffic_it_is_told_what_passes_on_links(plan: Plan, rows: Path) -> None:
    attempts = RowFile(rows / "attempts.rows")
    for number in range(20):
        ended_s, status = 1_000.0 + number / 10, 500 if number % 4 == 0 else 200
        attempts.add(Attempt("provider-east", ended_s - 0.1, end_s=ended_s, status=status, outcome="complete"))
    attempts.close()

    def shown(**load: object) -> str:
        said = plan.scenario.model_copy(update={"load": Load.model_validate({"source": "service"} | load)})
        return _shown(replace(plan, scenario=said), rows, 80, terminal=False)

    assert "load the service's own traffic  attempts 6.5/s  answered 75 % (last 5 s)" in shown()
    probed = shown(probe_per_s=1, questions="q.yaml")
    assert "load the service's own traffic and 1 probe a second  good 12.9/s" in probed
    assert "attempts per request" not in shown() + probed


def test_in_the_first_seconds_a_rate_is_of_as_long_as_anything_went_on(plan: Plan, tmp_path: Path) -> None:
    own = Load.model_validate({"source": "service"})
    watched = replace(plan, scenario=plan.scenario.model_copy(update={"load": own}))
    attempts, requests = RowFile(tmp_path / "attempts.rows"), RowFile(tmp_path / "requests-0.rows")
    for index in range(200):
        at_s = 1_000 + index / 20
        attempts.add(Attempt("provider-east", at_s, end_s=at_s, status=200, outcome="complete"))
        requests.add(Request(index, 0, at_s, sent_s=at_s, end_s=at_s, outcome="complete"))
        if (so_far_s := (index + 1) / 20) in (0.5, 1.0, 2.0, 3.5, 5.0, 10.0):
            told = [Numbers(each, tmp_path, lambda: 1_000 + so_far_s) for each in (watched, plan)]
            for numbers in told:
                numbers.read()
                numbers.close()
            assert told[0].attempts_per_s == pytest.approx(10.0 if so_far_s < 1 else 20.0, abs=0.3), so_far_s
            assert told[1].good_per_s == pytest.approx(10.0 if so_far_s < 1 else 20.0, abs=0.3), so_far_s
    attempts.close()
    requests.close()
