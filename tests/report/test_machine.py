"""How busy the machine was is drawn and told, and where it told nothing, that is said."""

from __future__ import annotations

from dataclasses import replace

from harness.judging.verdict import judge
from harness.record.instrument import EDGES_MS, Lateness, Machine
from harness.report import machine, trust

QUESTION = "Had the run the processors that it needed?"


def looked(taken: float, waited_s: float = 0.0) -> list[Machine | Lateness]:
    counts = [50, *[0] * len(EDGES_MS)]
    threads = {"assistant": (0.2, waited_s)}
    looks = [Machine(s, 1.0, 2, busy=0.2 + taken, ours=0.2, pressure=0.5, threads=threads) for s in range(50)]
    return [*looks, *(Lateness(s, 1.0, "wire", counts, 0.7) for s in range(50))]


def told(run, samples):
    """The picture, and the check, of *run* with those samples."""
    evidence = replace(run.evidence, measurements=samples, _made={})
    result = judge(evidence)
    checks = {check.question: check for check in trust.checks(result)}
    return machine.picture(result, evidence), checks.get(QUESTION)


def test_what_the_run_used_and_what_others_took_is_drawn_for_every_second(passing) -> None:
    picture, check = told(passing, looked(0.1))
    assert str(picture).count("<rect") == 100
    assert "others took 10 % of the processors" in str(picture)
    assert check.state == "yes"
    assert "the wire ran 1 ms late at most" in check.detail


def test_a_long_run_is_drawn_in_as_many_bars_as_fit(passing) -> None:
    many = [Machine(s / 20, 0.05, 2, busy=0.5, ours=0.5) for s in range(1_000)]
    assert 100 < str(told(passing, many)[0]).count("<rect") <= 240


def test_a_starved_run_is_told(passing) -> None:
    _, check = told(passing, looked(0.7, waited_s=0.75))
    assert (check.state, check.said) == ("open", "not always")
    assert "assistant starved for 100 % of the time" in check.detail


def test_where_the_machine_told_nothing_it_is_not_measured_and_nothing_is_drawn(passing) -> None:
    picture, check = told(passing, [Machine(s, 1.0, 2) for s in range(50)])
    assert picture is None
    assert (check.state, check.said) == ("open", "not measured")


def test_of_a_run_in_which_nobody_looked_nothing_is_said(passing) -> None:
    assert told(passing, []) == (None, None)
