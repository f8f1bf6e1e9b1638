"""Who shared a load, as the page, the summary and the terminal say it."""

from __future__ import annotations

import pytest

from harness.judging.result import LoadWorker, Result
from harness.report import trust
from harness.report.summary import summary
from harness.report.workers import told
from tests.report.test_terminal import printed

HERE = LoadWorker(number=0, host="runner", pid=7, requests=600, rows=600)
THERE = LoadWorker(
    number=1, host="load-2", pid=8, requests=1400, rows=1400,
    another_clock=True, offset_s=2.000123, drift_ppm=-7.03, uncertainty_s=0.00026,
)  # fmt: skip


def shared(result: Result, *workers: LoadWorker) -> Result:
    added = max((worker.uncertainty_s for worker in workers), default=0.0)
    quality = result.quality.model_copy(update={"workers": list(workers), "clocks_add_s": added})
    return result.model_copy(update={"quality": quality})


def test_the_load_is_said_to_be_shared_with_each_share_and_what_clocks_add(passing) -> None:
    assert told(shared(passing.result, HERE, THERE).quality) == (
        "2 workers on 2 hosts shared the load, rows of each: 0 on runner 600 of 600, 1 on load-2 1,400 of 1,400; "
        "1 had a clock of its own, which adds 0.260 ms to both ends of times from a fault to an answer"
    )


def test_workers_of_one_machine_are_on_the_clock_of_the_run(passing) -> None:
    said = told(shared(passing.result, HERE, HERE.model_copy(update={"number": 1})).quality)
    assert said.startswith("2 workers on 1 host shared")
    assert said.endswith("; all on the run's clock")


def test_one_worker_on_another_machine_shares_with_nobody(passing) -> None:
    assert told(shared(passing.result, THERE).quality).startswith(
        "1 worker on 1 host sent the load, rows of each: 1 on"
    )


def test_of_very_many_the_sentence_names_some(passing) -> None:
    many = [HERE.model_copy(update={"number": number}) for number in range(64)]
    assert ", 56 more; " in told(shared(passing.result, *many).quality)


@pytest.mark.parametrize("amiss", [{"lost": "left"}, {"torn": "5 of the 9 rows that it wrote did not come over"}])
def test_a_worker_that_did_not_send_its_share_is_the_answer_no(passing, amiss: dict[str, str]) -> None:
    def answer(*workers: LoadWorker) -> list[str]:
        of = trust.checks(shared(passing.result, *workers))
        return [check.said for check in of if check.question == "Did each worker send its share?"]

    assert answer(HERE, THERE) == ["yes"]
    assert answer(HERE, THERE.model_copy(update=amiss)) == ["no"]
    assert answer() == []


def test_page_summary_and_terminal_say_it(passing) -> None:
    result = shared(passing.result, HERE, THERE)
    page = str(trust.section(result, None))
    for said in (
        "worker 1 (pid 8 on load-2)",
        "1,400 of 1,400",
        "+2.000123 s when the load began, -7.0 ppm",
        "± 0.260 ms",
    ):
        assert said in page
    for text in (summary(result), printed(result, width=200)):
        assert "2 workers on 2 hosts shared the load" in text
    alone = passing.result
    assert "Workers that shared" not in str(trust.section(alone, None))
    assert "shared the load" not in summary(alone) + printed(alone)
