"""A fault that comes and goes hundreds of times is told in a line, and each stretch of it that did not hold by itself."""

from __future__ import annotations

from harness.judging.result import Fault, Measured
from harness.report import trust, words
from harness.report.comes_and_goes import EACH, delivered, summaries, together
from harness.report.events import Settling, longest
from harness.report.page import page
from harness.report.series import timeline
from harness.report.timeline import field_of


def stretches(fault: Fault, many: int, lost: int = 0) -> list[Fault]:
    """*fault* as so many stretches, of which the last few, *lost*, did not take hold."""
    return [
        fault.model_copy(
            update={
                "id": f"late.{number}",
                "summary": f"latency (late.{number})",
                "confirmed": number <= many - lost,
                "attempts_affected": 2,
            }
        )
        for number in range(1, many + 1)
    ]


def test_many_stretches_are_told_as_one_where_the_first_stands(failing) -> None:
    fault = failing.result.faults[0]
    many = stretches(fault, 300)
    assert summaries([*many, fault]) == ["latency (late.1) and 299 times more", fault.summary]
    assert together([many[0], fault, *many[1:]]) == [many, [fault]]
    few = many[:EACH]
    assert summaries(few) == [one.summary for one in few]


def test_the_shares_of_many_stretches_are_told_by_the_least_and_the_greatest(failing) -> None:
    fault = failing.result.faults[0].model_copy(update={"share_asked": 0.25})
    many = [
        one.model_copy(update={"share_delivered": Measured(value=value, low=0.1, high=0.4, censored=False, n=100)})
        for one, value in zip(stretches(fault, 8), [0.25, 0.2, 0.31, None] * 2, strict=True)
    ]
    of_all = "latency (late.1) and 7 times more: hit 20 % to 31 % each time, of 800 attempts that came to it in all; 25 % was asked"
    assert delivered([*many, failing.result.faults[0]]) == [of_all]
    none = [
        one.model_copy(update={"share_delivered": Measured(value=None, low=None, high=None, censored=False, n=0)})
        for one in many
    ]
    assert delivered(none) == ["latency (late.1) and 7 times more: no attempt came to it; 25 % was asked"]
    assert delivered(many[:2]) == [f"{one.summary}: {words.delivered(one)}" for one in many[:2]]


def test_whether_each_of_many_stretches_held_is_asked_once_and_again_of_those_that_did_not(failing) -> None:
    def asked(faults: list[Fault]) -> list[tuple[str, str, str]]:
        found = trust.checks(failing.result.model_copy(update={"faults": faults}))
        return [(check.question, check.state, check.said) for check in found if "take hold" in check.question]

    fault = failing.result.faults[0]
    name = "Did latency (late.1) and 299 times more take hold?"
    assert asked(stretches(fault, 300)) == [(name, "yes", "yes")]
    assert asked(stretches(fault, 300, lost=1)) == [
        (name, "no", "299 of 300 times"),
        ("Did latency (late.300) take hold?", "no", "no"),
    ]
    assert len(asked(stretches(fault, 300, lost=300))) == 1 + EACH
    assert len(asked(stretches(fault, EACH))) == EACH
    result = failing.result.model_copy(update={"faults": stretches(fault, 300)})
    detail = next(check.detail for check in trust.checks(result) if check.question == name)
    assert detail.startswith("the first time: ")
    assert detail.endswith("; 600 attempts touched in all")


def test_the_top_of_a_page_names_a_fault_once_that_came_often(failing) -> None:
    result = failing.result.model_copy(update={"faults": stretches(failing.result.faults[0], 300)})
    top = page(result, None).partition("<h2")[0]
    assert "latency (late.1) and 299 times more" in top
    assert "late.2)" not in top


def test_stretches_that_overlap_are_shaded_once(failing) -> None:
    def shaded(spans: list[tuple[float, float | None]]) -> list[tuple[float, float]]:
        faults = [
            fault.model_copy(update={"asked_at_s": from_s, "reverted_at_s": until_s}) for from_s, until_s in spans
        ]
        result = failing.result.model_copy(update={"faults": faults})
        shades = field_of(result, failing.evidence, made).shades
        return [(shade.start_s, shade.end_s) for shade in shades if shade.paint == "fault"]

    fault, made = failing.result.faults[0], timeline(failing.evidence)
    assert made is not None
    assert shaded([(20.0, 22.0), (15.0, 18.0), (17.0, 19.0), (16.0, 16.5)]) == [(15.0, 19.0), (20.0, 22.0)]
    assert shaded([(40.0, None), (41.0, 42.0)]) == [(40.0, made.bins.until_s)]


def test_of_many_times_until_answers_were_good_again_the_longest_are_drawn_in_their_order() -> None:
    def times(values: list[float], censored: int | None = None) -> list[Settling]:
        return [
            Settling("recovered", 10.0 * at, 10.0 * at + 9, Measured(value=value, low=0, high=9, n=5, censored=at == censored), True)
            for at, value in enumerate(values)
        ]  # fmt: skip

    values = [float(at % 20) for at in range(40)]
    drawn = [(one.since_s, one.measured.value) for one in longest(times(values, censored=0))]
    assert [value for _, value in drawn] == [0.0, *map(float, range(14, 20)), *map(float, range(15, 20))]
    assert drawn == sorted(drawn)
    few = times(values[:12])
    assert longest(few) == few
