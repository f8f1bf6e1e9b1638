"""Where it went wrong is told beside the verdict: which entry, which region, which link, and with what answers."""

from __future__ import annotations

import pytest

from harness.interfaces.terminal import verdict_lines
from harness.report.page import page
from harness.report.summary import summary
from harness.report.whereabouts import endings, regions, who_fared_worse

LOSS = "[{kind: regional_loss, region: east, mode: blackhole}]"
GOOD = "[good_ratio >= 0.9 in fault]"


@pytest.fixture
def broken(story, tell):
    """A region whose provider answers 503 while it is lost, three times for each request; the other does well."""

    def bad(due_s: float, entry: str) -> bool:
        return 15.0 < due_s < 30 and entry == "east"

    return tell(
        story(
            faults=LOSS,
            expect=GOOD,
            bad=bad,
            came_to=("error", 502),
            tries=lambda due_s, entry: 3 if bad(due_s, entry) else 1,
            layers=lambda number: ("same", number),
            answered=lambda due_s, link: ("complete", 503) if bad(due_s, link[-4:]) else ("complete", 200),
        )
    )


def test_the_lines_beside_the_verdict_name_entry_phase_status_and_link(broken) -> None:
    assert who_fared_worse(broken.result) == [
        "east: 6.6 % of 151 requests good in the fault (baseline 100 %): 141 status 502",
        "provider-east (region east): 419 attempts in the fault, 1.39 for each request (baseline 0.50); "
        "0 % answered: 419 status 503",
    ]


def test_they_stand_on_the_page_before_the_scores_on_the_terminal_and_in_the_summary(broken, read) -> None:
    text = read(page(broken.result, broken.evidence)).text
    terminal = "\n".join(str(line) for line in verdict_lines(broken.result))
    for line in who_fared_worse(broken.result):
        assert text.index(line) < text.index("Broken")
        assert line in terminal
        assert line.split(":", maxsplit=1)[0] in summary(broken.result)


def test_that_a_service_kept_itself_down_is_the_first_of_them(broken) -> None:
    stuck = broken.result.model_copy(
        update={"metastable": "it kept itself down (metastable): half of answers were good"}
    )
    assert who_fared_worse(stuck)[0] == "It kept itself down (metastable): half of answers were good"
    assert who_fared_worse(stuck)[1:] == who_fared_worse(broken.result)


def test_the_result_counts_each_entry_and_link_in_each_phase(broken) -> None:
    east = {row.phase: row for row in broken.result.by_entry if row.entry == "east"}
    assert east["fault"].otherwise == {"status 502": east["fault"].requests - east["fault"].good}
    assert east["baseline"].otherwise == {}
    assert sum(row.requests for row in broken.result.by_entry) == len(broken.evidence.requests)
    assert sum(row.attempts for row in broken.result.by_link) == len(broken.evidence.attempts)
    of_west = [row for row in broken.result.by_link if row.link == "provider-west"]
    assert {answer for row in of_west for answer in row.answers} == {"200"}


def test_answers_that_came_late_are_told_from_those_that_never_came(story, tell) -> None:
    made = tell(story(faults=LOSS, expect=GOOD, slow_ms=lambda due_s: 6000.0 if 15 < due_s < 30 else 0.0))
    (line, *_) = who_fared_worse(made.result)
    assert line.startswith("east: 0 % of 1")
    assert line.endswith(" late")


def test_tries_that_nobody_waited_for_are_told_as_the_doing_of_the_service(story, tell) -> None:
    left = story(
        faults=LOSS, expect=GOOD, answered=lambda due_s, link: ("client_left", 0) if due_s > 15 else ("complete", 200)
    )
    answers = {name for row in tell(left).result.by_link for name in row.answers}
    assert answers == {"200", "given up by the service"}


def test_what_differs_between_entries_is_told_where_answers_were_good_and_unlike(diverging) -> None:
    assert who_fared_worse(diverging.result) == ["Answer consistency by entry: west 0.747, east 1.00"]


def test_nothing_is_told_where_nothing_got_worse_or_nothing_counts(undisturbed, refused, failing) -> None:
    assert who_fared_worse(undisturbed.result) == []
    assert who_fared_worse(refused.result) == []
    assert who_fared_worse(failing.result) != []


def test_a_run_that_was_judged_before_there_was_a_table_is_shown_without_it(failing, read) -> None:
    before = failing.result.model_copy(update={"by_entry": [], "by_link": []})
    assert "By entry, link and status" not in read(page(before, failing.evidence)).text
    assert "By entry, link and status" in read(page(failing.result, failing.evidence)).text


def test_what_requests_came_to_is_told_by_phase_with_its_share_of_all_that_were_due(broken) -> None:
    found = [(cell.name, cell.phase, cell.well, cell.n) for cell in endings(broken.result)]
    assert found == [("status 502", "fault", 141, 301)]
    assert endings(broken.result.model_copy(update={"by_entry": []})) == []


def test_a_region_is_told_where_it_has_more_than_one_entry_and_sums_them_up(broken) -> None:
    assert regions(broken.result) == []
    second = [one.model_copy(update={"entry": f"{one.entry}-2"}) for one in broken.result.by_entry]
    doubled = broken.result.model_copy(update={"by_entry": [*broken.result.by_entry, *second]})
    found = {(cell.name, cell.phase): cell for cell in regions(doubled)}
    mine = {(one.region, one.phase): one for one in broken.result.by_entry}
    assert found.keys() == mine.keys()
    assert all(found[key].n == 2 * one.requests and found[key].well == 2 * one.good for key, one in mine.items())
    assert found["east", "fault"].rest == "282 status 502"
