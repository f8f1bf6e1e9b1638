"""Clients who ask again are a layer of their own: told apart from what the service does of itself, and part of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_world import Fragile, Plain, simulate

from harness.judging.diagnoses.outlived_clients import OutlivedClients
from harness.judging.diagnoses.retries_multiply import RetriesMultiply
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.reading import expectation
from harness.reading.expectation import Selection
from harness.record.presses import GivenUp, read, written
from harness.record.rows import Attempt, Request
from harness.running import loop

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
RETRIES = {"max": 2, "deadline": "1s", "backoff": "250ms"}
LOSS = {"kind": "regional_loss", "region": "east"}
# Asked at once, given up after a second; refused at 1.25 s; answered at last.
EARLIER = (GivenUp("timed_out", 0, 0.001, 1.0), GivenUp("error", 503, 1.25, 1.3))


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Try) -> Told:
    """A run in which clients ask three times in the fault, and each request becomes the attempts there that *of* says, else one."""

    def evidence(of: Callable[[Request], list[dict[str, Any]]], **keys: Any) -> Evidence:
        plan = make_plan(phases=(1, 4, 8, 4), **({"load": {"retries": RETRIES}} | keys))

        def change(index: int, due_s: float) -> dict[str, Any]:
            again = {"presses": 3, "given_up": written(EARLIER), "last_sent_s": due_s + 1.8, "end_s": due_s + 2.0}
            return again if 5 <= due_s < 13 else {}

        asked = rows(plan, change)
        each = [(row, of(row) if 5 <= row.due_s < 13 else [{}]) for row in asked]
        return make_evidence(
            plan, requests=asked, attempts=[attempt(row, **one) for row, tries in each for one in tries]
        )

    return evidence


def tries(row: Request, *presses: tuple[int, float, float], **keys: Any) -> list[dict[str, Any]]:
    """An attempt for each of *presses*: which it is of, and when it began and ended after its request was due."""
    return [{"press": n, "start_s": row.due_s + start, "end_s": row.due_s + end} | keys for n, start, end in presses]


def in_fault(evidence: Evidence, name: str = "retry_amplification", **labels: str) -> float | None:
    metric, _, part = name.partition(".")
    return metrics[metric].measure(pick(evidence, Selection("fault", tuple(labels.items()))), part or None).value


@given(
    st.lists(
        st.builds(
            GivenUp,
            st.sampled_from(["timed_out", "error", "reset"]),
            st.integers(0, 599),
            *(st.floats(0, 1e4).map(lambda at_s: round(at_s, 6)) for _ in range(2)),
        ),
        max_size=15,
    )
)
def test_what_presses_came_to_is_read_as_it_was_written(presses: list[GivenUp]) -> None:
    assert read(written(presses)) == presses


@pytest.mark.parametrize("garbled", ["", "error", "error 503 1 2", "x; y", "error 503 1.0 2.0; "])
def test_what_is_no_press_is_none(garbled: str) -> None:
    assert len(read(garbled)) == garbled.count("1.0")


def test_the_first_try_of_a_later_press_is_the_clients_and_what_follows_it_the_services(told: Told) -> None:
    """Of three presses, the first was tried twice, the second not at all, and the third three times, elsewhere at last."""

    def of(row: Request) -> list[dict[str, Any]]:
        made = tries(row, (0, 0.01, 0.4), (0, 0.5, 0.9), (2, 1.81, 1.85), (2, 1.86, 1.9), (2, 1.91, 1.99))
        made[-1]["link"] = "provider-west"
        made[3]["retry_count"] = 1
        return made

    evidence = told(of)
    layers = {layer: in_fault(evidence, layer=layer) for layer in ("first", "client", "sdk", "repeat", "failover")}
    assert layers == {"first": 1, "client": 1, "sdk": 1, "repeat": 1, "failover": 1}
    assert in_fault(evidence) == 5 == sum(layers.values())
    assert in_fault(evidence, "retry_amplification.presses") == 3
    assert judge(evidence).phases[2].attempts == dict.fromkeys(layers, 80)


def test_beside_an_amplification_stands_how_often_clients_asked(told: Told) -> None:
    metric = metrics["retry_amplification"]
    evidence = told(lambda row: tries(row, (0, 0.01, 0.4), (2, 1.81, 1.85)))
    asked = "clients asked 3 times for each request, which is in it"
    assert metric.remark(pick(evidence, Selection("fault"))).endswith(f"; {asked}")
    assert "asked" not in metric.remark(pick(evidence, Selection("baseline")))
    assert metric.remark(pick(evidence, Selection("fault")), "presses") == ""


@pytest.mark.parametrize(("last_s", "impossible"), [(1.8, 0), (2.5, 80), (-0.1, 80)])
def test_a_last_press_that_was_sent_when_its_request_was_over_or_not_due_cannot_be(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, last_s: float, impossible: int
) -> None:
    plan = make_plan(phases=(1, 4, 8, 4), load={"retries": RETRIES})

    def change(_: int, due_s: float) -> dict[str, Any]:
        return {"presses": 3, "last_sent_s": due_s + last_s, "end_s": due_s + 2.0} if 5 <= due_s < 13 else {}

    assert judge(make_evidence(plan, requests=rows(plan, change))).quality.impossible == impossible


def test_without_presses_the_same_attempts_are_the_services_alone(told: Told) -> None:
    evidence = told(lambda row: tries(row, (0, 0.01, 0.4), (0, 0.5, 0.9), (0, 1.81, 1.85)))
    assert in_fault(evidence, layer="client") == 0
    assert in_fault(evidence, layer="repeat") == 2


@pytest.mark.parametrize(
    ("press", "start_s", "end_s", "orphaned"),
    [
        (0, 0.5, 1.2, 0),  # given up with its press
        (0, 0.5, 1.3, 1),  # went on when its client had asked again
        (0, 1.9, 1.95, 1),  # begun for a press that nobody waits for, though the last one is under way
        (1, 1.26, 1.5, 0),
        (1, 1.26, 1.6, 1),
        (2, 1.81, 2.2, 0),  # that of the last press goes by the answer
        (2, 1.81, 2.3, 1),
    ],
)
def test_an_attempt_is_orphaned_once_its_own_press_is_over(
    told: Told, press: int, start_s: float, end_s: float, orphaned: int
) -> None:
    evidence = told(lambda row: [*tries(row, (2, 1.81, 1.99)), *tries(row, (press, start_s, end_s))])
    assert in_fault(evidence, "orphaned_attempts") == orphaned


@pytest.mark.parametrize(("given_up", "press"), [("?", 0), (written(EARLIER), -7)])
def test_a_press_of_which_the_row_tells_nothing_is_orphaned_by_nothing(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Try, given_up: str, press: int
) -> None:
    plan = make_plan(load={"retries": RETRIES})
    asked = rows(plan, lambda _, due_s: {"presses": 3, "given_up": given_up})
    evidence = make_evidence(plan, requests=asked, attempts=[attempt(row, end_s=99.0, press=press) for row in asked])
    assert in_fault(evidence, "orphaned_attempts") == 0


def test_what_is_begun_for_a_press_that_was_given_up_outlives_its_client(told: Told) -> None:
    def of(late_s: float) -> Callable[[Request], list[dict[str, Any]]]:
        return lambda row: [*tries(row, (0, 0.01, 0.3), (0, late_s, late_s + 0.1)), *tries(row, (2, 1.81, 1.99))]

    found = OutlivedClients().find(told(of(1.5)))
    assert found is not None
    assert "80 of " in found.evidence[0]
    assert OutlivedClients().find(told(of(0.9))) is None


def test_two_whole_answers_to_two_presses_are_one_too_many(told: Told) -> None:
    evidence = told(lambda row: tries(row, (0, 0.01, 1.4), (2, 1.81, 1.99)))
    assert in_fault(evidence, "duplicate_completions") == 1
    assert in_fault(told(lambda row: tries(row, (2, 1.81, 1.99))), "duplicate_completions") == 0


def test_who_asks_a_service_again_is_no_retry_of_the_service_in_vain(told: Told) -> None:
    evidence = told(lambda row: tries(row, (0, 0.01, 0.1), (1, 1.26, 1.29), status=400))
    assert in_fault(evidence, "non_retryable_retries") == 0
    evidence = told(lambda row: tries(row, (0, 0.01, 0.1), (0, 0.2, 0.3), status=400))
    assert in_fault(evidence, "non_retryable_retries") == 1


def test_people_multiply_what_the_layers_of_a_service_multiply(told: Told) -> None:
    def of(presses: int) -> Callable[[Request], list[dict[str, Any]]]:
        def made(row: Request) -> list[dict[str, Any]]:
            calls = [(press, loop, sdk) for press in range(presses) for loop in range(3) for sdk in range(3)]
            began = [{"start_s": row.due_s + n / 20, "end_s": row.due_s + n / 20 + 0.01} for n in range(len(calls))]
            return [
                {"press": press, "retry_count": sdk, "status": 503} | one
                for (press, _, sdk), one in zip(calls, began, strict=True)
            ]

        return made

    found = RetriesMultiply().find(told(of(3)))
    assert found is not None
    assert found.title == "Retries multiply across layers: people 3 × SDK 3 × application 3 = 27"
    assert found.attempts == 80 * 27
    assert found.evidence[2] == "clients asked up to 3 times, and each time the tries began anew"


def test_an_sdk_alone_under_people_who_ask_again_is_no_second_layer_of_the_service(told: Told) -> None:
    def of(row: Request) -> list[dict[str, Any]]:
        return [
            {"press": press, "retry_count": sdk, "status": 503, "start_s": at_s, "end_s": at_s + 0.01}
            for press in range(3)
            for sdk in range(3)
            for at_s in [row.due_s + 0.6 * press + 0.1 * sdk]
        ]

    assert RetriesMultiply().find(told(of)) is None


# What a plan says of it.


def unsettled(plan: Plan, text: str) -> str | None:
    return metrics["retry_amplification"].unsettled(plan, expectation.parse(text))


@pytest.mark.parametrize("text", ["retry_amplification.presses <= 2", "retry_amplification{layer=client} <= 2"])
def test_what_is_expected_of_clients_who_ask_once_is_refused(make_plan: MakePlan, text: str) -> None:
    phases = (1, 10, 10, 2)
    assert unsettled(make_plan(phases=phases), text) == "no client asks again: the scenario has no load.retries"
    assert unsettled(make_plan(phases=phases, load={"retries": RETRIES}), text) is None


def test_how_often_clients_ask_is_no_number_of_a_link(make_plan: MakePlan) -> None:
    plan = make_plan(load={"retries": RETRIES})
    said = unsettled(plan, "retry_amplification.presses{link=provider-east} <= 2")
    assert said == "how often clients ask says nothing of one link"


def test_a_limit_under_one_press_can_never_hold() -> None:
    metric = metrics["retry_amplification"]
    assert metric.range_of("presses")[0] == 1
    assert metric.range_of(None, ["layer"])[0] == 0


@pytest.mark.parametrize(
    ("retries", "load", "presses"),
    [
        ({"backoff": "1s"}, {}, (3, 1.0, 1.0, None)),
        ({"backoff": {"first": "1s", "most": "3s", "jitter": 0.5}}, {}, (3, 1.0, 2.0, 3.0)),
        ({"max": 9, "backoff": {"first": "1s", "factor": 1}}, {"deadline": "5s"}, (5, 1.0, 1.0, None)),
    ],
)
def test_a_plan_knows_how_clients_ask_again_and_how_often_at_most(
    make_plan: MakePlan, retries: dict[str, Any], load: dict[str, Any], presses: tuple[Any, ...]
) -> None:
    plan = make_plan(load={"retries": RETRIES | retries} | load)
    pressing = plan.pressing
    assert pressing is not None
    told = (pressing.most(plan.scenario.load.deadline), pressing.wait_s, pressing.factor, pressing.wait_s_max)
    assert told == presses
    assert pressing.seed == plan.seed


def test_how_many_presses_there_can_be_stands_in_the_outline(make_plan: MakePlan) -> None:
    said = "whoever is not served within 1 s asks again, so that of one request come at most 3 presses, and 210 in all"
    assert said in list(outline(make_plan(load={"retries": RETRIES})))
    assert not [line for line in outline(make_plan()) if "asks again" in line]


# Whole runs, in the simulated world.


@pytest.fixture(scope="module")
def run(make_plan: MakePlan) -> Callable[..., Evidence]:
    """A region is lost, under clients who ask again, or who do not; a run of each *number* is made once."""

    known: dict[str, Evidence] = {}

    def made(service: type[Fragile] | type[Plain] = Fragile, retries: object = RETRIES, number: int = 0) -> Evidence:
        key = f"{service} {retries} {number}"
        if key not in known:
            load = {"deadline": "6s", "rate_per_s": 6} | ({"retries": retries} if retries else {})
            plan = make_plan(phases=(1, 4, 6, 4), faults=[LOSS], load=load, seed=3)
            known[key] = simulate(plan, service, 3, loop.run)
        return known[key]

    return made


def test_the_layers_of_a_run_add_up_and_every_press_that_was_tried_is_in_the_clients(
    run: Callable[..., Evidence],
) -> None:
    evidence = run()
    parts = [in_fault(evidence, layer=layer) or 0.0 for layer in ("first", "client", "sdk", "repeat", "failover")]
    assert in_fault(evidence) == pytest.approx(sum(parts))
    tried = evidence.attempts[evidence.attempts["request"] >= 0]
    of_press = tried.drop_duplicates(["request", "press"])
    assert (tried["layer"] == "client").sum() == (of_press["press"] > 0).sum() > 0
    assert set(of_press["layer"]) == {"first", "client"}


def test_people_who_ask_again_make_the_same_trouble_dearer_and_one_who_asks_once_is_the_twin(
    run: Callable[..., Evidence],
) -> None:
    again, once = run(), run(retries=None)
    more, less = (in_fault(evidence, "retry_amplification.per_request") or 0 for evidence in (again, once))
    assert more > 1.3 * less
    assert in_fault(again, "retry_amplification.presses") == pytest.approx(
        again.requests.query("phase == 'fault'")["presses"].mean()
    )
    assert set(once.requests["presses"]) == {1}
    assert set(once.attempts["press"]) == {0}
    assert "client" not in judge(once).phases[2].attempts
    assert "presses" not in judge(once).metrics["retry_amplification"].parts


def test_each_request_keeps_one_row_that_counts_from_when_it_was_due_and_ends_by_its_deadline(
    run: Callable[..., Evidence],
) -> None:
    rows = run().requests
    assert rows["index"].is_unique
    assert rows["presses"].max() == 3
    for row in rows.to_dict("records"):
        given_up = read(row["given_up"])
        assert len(given_up) == row["presses"] - 1
        assert all(one.end_s - one.sent_s <= 1.01 for one in given_up)
        assert row["end_s"] - row["due_s"] <= 6.01
        assert (given_up == []) == bool(np.isnan(row["last_sent_s"]))


def test_equal_seeds_ask_again_alike(run: Callable[..., Evidence]) -> None:
    backoff = {"first": "250ms", "jitter": 1}
    first, again = (run(Plain, RETRIES | {"backoff": backoff}, number) for number in range(2))
    assert first.requests.equals(again.requests)
    assert first.attempts.equals(again.attempts)
    assert not run(Plain).requests.equals(first.requests)


def test_what_people_cannot_have_asked_upon_they_wait_for(run: Callable[..., Evidence]) -> None:
    evidence = run(Plain, RETRIES | {"on": ["error"]})
    assert set(evidence.requests["presses"]) == {1}
