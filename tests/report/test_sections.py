"""What the parts of the report say of a run, and that each says nothing more than it knows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.interfaces.terminal import verdict_lines
from harness.judging.metrics import metrics
from harness.judging.result import Measured
from harness.judging.verdict import judge
from harness.record.columns import Table
from harness.report import disagreements, events, findings, gauge, phases, retries, scores, timeline, trust
from harness.report.headline import beside, headline
from harness.report.page import page
from harness.report.sections import sections
from harness.report.summary import summary


def test_the_sentence_says_what_was_broken_and_what_was_allowed(failing) -> None:
    said = headline(failing.result)
    assert re.match(
        r"After the fault had ended, answers took 9\.\d s to recover; the limit is 5 s\. Only 51 % of requests", said
    )
    assert said.endswith("2 more expectations were broken.")


def test_the_sentence_of_a_pass_says_what_held(passing) -> None:
    assert headline(passing.result).startswith(
        "All 4 expectations held: 92 % of requests got a good answer during the fault, and "
    )


def test_the_sentence_of_a_run_that_cannot_be_trusted_is_the_reason(refused, cut_short) -> None:
    assert "did not take hold" in headline(refused.result)
    assert headline(cut_short.result) == cut_short.result.reason


@pytest.mark.parametrize(
    ("expectation", "changes", "said"),
    [
        ("recovery_time_s <= 5", {}, "After the fault had ended, answers took 9.6 s to recover; the limit is 5 s."),
        (
            "failover_time_s <= 5",
            {},
            "It took 9.6 s until answers were good again while the fault lasted; the limit is 5 s.",
        ),
        (
            "retry_amplification <= 1.5 in fault",
            {"value": 3.017},
            "Every request became 3.02 attempts at the providers during the fault; the limit is 1.5.",
        ),
        (
            "good_ratio >= 0.9 in fault",
            {"value": 0.55},
            "Only 55 % of requests got a good answer during the fault; it should be 90 % or more.",
        ),
        (
            "good_ratio >= 0.9 in fault",
            {"value": 0.0},
            "Not one request got a good answer during the fault; it should be 90 % or more.",
        ),
        (
            "answer_consistency >= 0.95",
            {"value": 0.6},
            "Only 60 % of answers said what they should; it should be 95 % or more.",
        ),
        (
            "monotonic_violations <= 0",
            {"value": 14},
            "14 answers were older than what their conversation had already been told; none may.",
        ),
        ("leaks <= 0", {"value": 39}, "39 answers were another user's; none may be."),
        (
            "relapses <= 0",
            {"value": 2},
            "After they had recovered, answers went bad again 2 times; they should stay good.",
        ),
        (
            "relapses <= 1",
            {"value": 1, "labels": {"region": "east"}, "verdict": "fail"},
            "After they had recovered, answers (region east) went bad again once; the limit is 1.",
        ),
        (
            "latency_ms.p95 <= 800 in baseline",
            {"value": 1200},
            "Latency p95 in the baseline was 1,200 ms; it should be at most 800 ms.",
        ),
        ("cost <= 3", {"value": 4}, "Cost was 4; it should be at most 3."),
        (
            "good_ratio >= 0.9 in outage",
            {"value": 0.07, "labels": {"region": "east"}},
            "Only 7 % of requests got a good answer during the outage (region east); it should be 90 % or more.",
        ),
        (
            "failover_time_s <= 1",
            {"value": 4, "window": "flap-4"},
            "It took 4 s until answers were good again while flap-4 lasted; the limit is 1 s.",
        ),
        (
            "recovery_time_s <= 5 after dns-2",
            {"after": "dns-2"},
            "After dns-2 had ended, answers took 9.6 s to recover; the limit is 5 s.",
        ),
        (
            "retry_amplification <= 1.5 in fault among exposed",
            {"value": 3, "among": "exposed"},
            "Every request became 3.00 attempts at the providers during the fault among those that lived wholly inside a fault;"
            " the limit is 1.5.",
        ),
    ],
)
def test_each_metric_has_words_for_what_went_wrong(run_with, finding, expectation, changes, said) -> None:
    assert headline(run_with(finding(expectation, **changes))) == said


def test_what_was_not_settled_is_not_said_to_be_broken(run_with, finding) -> None:
    wide = run_with(finding(low=1.0, high=12.0, verdict="inconclusive"), verdict="inconclusive")
    assert (
        headline(wide)
        == "Too little evidence to say. Recovery time lies anywhere from 1 to 12 s; it should be at most 5 s."
    )
    never = run_with(finding(value=None, low=None, high=None, verdict="inconclusive"), verdict="inconclusive")
    assert "was not measured" in headline(never)


def test_a_value_inside_its_limit_is_drawn_on_the_accepted_side_and_one_outside_is_not(run_with, finding) -> None:
    for value, limit_first in ((9.6, True), (3.0, False)):
        held = finding(value=value, low=value - 0.2, high=value + 0.2)
        span = gauge.reach(held, "s")
        assert (span.percent(held.limit) < span.percent(value)) is limit_first


def test_an_open_end_is_an_arrow_and_what_was_not_measured_is_no_picture(run_with, finding) -> None:
    result = run_with()
    arrow = "L8,0L-2,7Z"
    assert arrow in gauge.gauge(result, finding(high=None), "a")
    assert arrow not in gauge.gauge(result, finding(), "a")
    assert gauge.gauge(result, finding(value=None, low=None, high=None), "a") is None


@pytest.mark.parametrize("value", [0.0, 0.5, 0.949, 0.95, 1.0])
def test_a_ratio_and_its_limit_both_have_their_place(finding, value: float) -> None:
    span = gauge.reach(finding("good_ratio >= 0.95", value=value, low=value, high=value), "ratio")
    assert span.low <= value <= span.high
    assert span.low < 0.95 < span.high


def test_the_cards_show_what_was_expected_and_what_was_not(failing, diverging) -> None:
    cards = {score.title: score for score in scores.scores(failing.result)}
    assert cards["Recovery time"].verdict == "fail"
    assert cards["Recovery time"].value == "9.6 s"
    assert cards["Failover time"].value == "> 15 s"
    assert cards["Answer consistency"].verdict == ""
    assert cards["Answer consistency"].picture is None
    assert "Steps back" not in cards
    assert "Steps back" in {score.title for score in scores.scores(diverging.result)}


def test_what_was_broken_has_the_first_card_and_what_is_open_the_second(run_with, finding) -> None:
    found = [
        finding("recovery_time_s <= 30", value=1, low=1, high=1, verdict="pass"),
        finding("retry_amplification <= 1.5", value=1.4, low=1, high=2, verdict="inconclusive"),
        finding("leaks <= 0", value=3, low=3, high=3, verdict="fail"),
    ]
    assert [card.title for card in scores.scores(run_with(*found))][:2] == ["Leaks", "Retry amplification"]
    untrusted = scores.scores(run_with(*found, verdict="invalid"))
    assert untrusted[0].title == "Recovery time"


def test_a_card_with_several_expectations_shows_the_worst(run_with, finding) -> None:
    held = finding("retry_amplification <= 9 in recovery", value=2, low=2, high=2, verdict="pass")
    broken = finding("retry_amplification <= 1.5 in fault", value=3, low=3, high=3, verdict="fail")
    (card,) = [card for card in scores.scores(run_with(held, broken)) if card.title == "Retry amplification"]
    assert (card.verdict, card.value) == ("fail", "3.00 ×")


def test_verdicts_of_a_run_that_cannot_be_trusted_are_not_shown_as_such(cut_short, failing, read) -> None:
    untold, told = findings.section(cut_short.result, None), findings.section(failing.result, None)
    assert read(untold).text.count("not counted") == len(cut_short.result.findings)
    assert "is-fail" not in untold
    assert "not counted" not in told
    assert "is-fail" in told
    assert "is-fail" not in scores.section(cut_short.result, None)
    assert "is-fail" in scores.section(failing.result, None)


def test_every_chart_has_a_title_a_description_and_a_table_behind_it(diverging, read) -> None:
    page = read(timeline.section(diverging.result, diverging.evidence))
    charts = [attributes for attributes in page.all("svg") if attributes.get("role") == "img"]
    assert len(charts) == 6
    assert len([row for row in page.all("tr") if "data-x" in row]) == 50
    for column in ("good per second", "p95", "tried per second", "attempts per request", "snapshot, east"):
        assert column in page.text


def test_a_fault_is_named_and_drawn_from_asked_to_gone_with_the_recovery_as_an_interval(failing) -> None:
    drawn = timeline.section(failing.result, failing.evidence)
    assert "regional_loss east · blackhole from 15.00 s to 30.02 s" in drawn
    assert re.search(r"recovered after 9\.\d s \(9\.\d to 9\.\d s\)", drawn)
    assert "not failed over after 15 s" in drawn
    assert "seen to hold at 15.31 s, gone at 30.02 s." in drawn


def test_a_card_of_a_time_says_where_nothing_was_broken_or_no_fault_had_ended(undisturbed, failing) -> None:
    def about(result) -> str:
        return next(card.about for card in scores.scores(result) if card.title == "Recovery time")

    stuck = [fault.model_copy(update={"reverted_at_s": None}) for fault in failing.result.faults]
    assert "in a run in which nothing was broken" in about(undisturbed.result)
    assert "and no fault had ended" in about(failing.result.model_copy(update={"faults": stuck}))
    assert not any(said in about(failing.result) for said in ("nothing was broken", "no fault had ended"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (8.0, "not recovered after 8 s"),
        (7.95, "not recovered after 8 s"),
        (0.0, "may have recovered after 0 s, and was not seen to stay so"),
        (5.0, "may have recovered after 5 s, and was not seen to stay so"),
    ],
)
def test_what_was_good_to_the_end_for_too_short_to_hold_is_not_said_to_have_never_recovered(
    value: float, said: str
) -> None:
    measured = Measured(value=value, low=value, high=None, censored=True, n=80)
    settling = events.Settling("recovered", since_s=16.0, until_s=24.0, measured=measured, from_end=True)
    assert events.came_to(settling) == said


def test_where_there_is_nothing_to_draw_it_says_so_in_a_line(unheard, failing, undisturbed, cut_short, read) -> None:
    assert (
        "Not one request was due, so nothing is drawn." in read(timeline.section(unheard.result, unheard.evidence)).text
    )
    assert "not at hand" in read(timeline.section(failing.result, None)).text
    assert "No fault was injected" in read(timeline.section(undisturbed.result, undisturbed.evidence)).text
    assert (
        "The run ended early: 21 s of 50 s were driven."
        in read(timeline.section(cut_short.result, cut_short.evidence)).text
    )
    assert "ended early" not in timeline.section(failing.result, failing.evidence)
    assert phases.section(unheard.result, unheard.evidence) == ""


def test_a_service_without_http_links_has_no_charts_of_attempts(story, tell, failing) -> None:
    bare = tell(story(expect="[good_ratio >= 0.9 in fault]"))
    links = {name: link for name, link in bare.evidence.plan.target.links.items() if link.carries != "http"}
    target = bare.evidence.plan.target.model_copy(update={"links": links})
    plan = bare.evidence.plan
    plan = type(plan)(plan.scenario, target, plan.seed, plan.phases, plan.disturbances, plan.expectations)
    none, some = Table.of(bare.evidence.attempts.iloc[:0]), bare.evidence.request_table
    evidence = type(bare.evidence)(plan, bare.evidence.begun, bare.evidence.history, some, none, none)
    drawn = timeline.section(bare.result, evidence)
    assert "Retry amplification" not in drawn
    assert "Retry amplification" in timeline.section(failing.result, failing.evidence)
    assert "not measured" in retries.section(bare.result, evidence)


def test_what_was_not_good_is_told_by_phase(failing, read) -> None:
    text = read(phases.section(failing.result, failing.evidence)).text
    assert re.search(r"fault 15–30 s 30\d 51 % .* \d+ timed out", text)
    assert re.search(r"baseline 3–15 s 240 100 % [^–]* –", text)


def test_retries_are_told_by_layer_and_a_run_without_any_in_a_line(failing, undisturbed, read) -> None:
    text = read(retries.section(failing.result, failing.evidence)).text
    assert "SDK retries" in text
    assert "repeats" in text
    calm = read(retries.section(undisturbed.result, undisturbed.evidence)).text
    assert "Nothing was tried twice: each of 1,000 attempts was a request's first" in calm


def test_clients_who_asked_again_are_a_layer_and_their_presses_are_told(tell, story, read) -> None:
    def section(presses: int, tries: int) -> str:
        made = tell(
            story(
                retries=", retries: {max: 2, deadline: 4s}",
                presses=lambda due_s: presses if 15 <= due_s < 30 else 1,
                tries=lambda due_s, entry: tries if 15 <= due_s < 30 else 1,
            )
        )
        cards.append(next(score for score in scores.scores(made.result) if score.title == "Retry amplification"))
        return read(retries.section(made.result, made.evidence)).text

    cards: list[scores.Score] = []
    text = section(3, 3)
    assert cards[0].value == "3.00 ×"
    assert cards[0].about.endswith("clients who asked again included (1.64 presses per request over the run)")
    assert "A press is each time that a client asks for its request." in text
    assert "asked again by clients" in text
    assert "3.00 attempts per request, 3.00 arrived; 3.00 presses per request" in text
    assert re.search(r"Presses First tries Asked again by clients .* fault 301 903 301 602", text)
    # Refused before anything was tried: nothing was tried twice, and yet clients asked three times.
    refused = section(3, 1)
    assert "1.00 attempts per request, 1.00 arrived; 3.00 presses per request" in refused
    once = section(1, 1)
    assert "Nothing was tried twice" in once
    assert "resses" not in once
    assert "clients" not in cards[2].about


def test_attempts_that_were_seen_and_belong_to_no_request_are_not_told_as_none(undisturbed, read) -> None:
    strays = undisturbed.evidence.attempts.assign(request=-1, layer="", phase="")
    evidence = replace(undisturbed.evidence, attempt_table=Table.of(strays), _made={})
    text = read(retries.section(judge(evidence), evidence)).text
    assert "1,000 attempts were seen, and none could be joined to a request, so retries were not measured" in text
    none = replace(undisturbed.evidence, attempt_table=Table.of(strays.iloc[:0]), _made={})
    assert "No attempt at a provider was seen" in read(retries.section(judge(none), none)).text


def test_what_came_before_the_load_is_told_apart_from_its_attempts(undisturbed) -> None:
    def joined(earlier: int) -> str:
        quality = undisturbed.result.quality.model_copy(update={"earlier": earlier})
        checks = trust.checks(undisturbed.result.model_copy(update={"quality": quality}))
        return next(check.detail for check in checks if "joined" in check.question)

    assert joined(0) == "100 % of 1,000 attempts belong to a known request"
    assert joined(2) == f"{joined(0)}; 2 more came before the load, and count nowhere"


def test_of_retries_it_is_said_on_which_links_none_can_be_seen(failing, read) -> None:
    text = read(retries.section(failing.result, failing.evidence)).text
    unseen = failing.result.metrics["retry_amplification"].unseen
    assert unseen
    assert f"nothing is said here of tries on {', '.join(unseen)}" in text


def test_words_in_which_two_answers_differ_are_marked_and_the_others_are_not() -> None:
    left, right = disagreements.differing("Refunds within 14 days of renewal.", "Refunds within 30 days of renewal.")
    assert [piece.text for piece in left if piece.differs] == ["14"]
    assert [piece.text for piece in right if piece.differs] == ["30"]
    assert "".join(piece.text for piece in left) == "Refunds within 14 days of renewal."
    same, _ = disagreements.differing("all the same", "all the same")
    assert not any(piece.differs for piece in same)


def test_where_two_long_answers_part_is_what_is_shown() -> None:
    start = "the same words over and over " * 400_000
    left, right = disagreements.differing(start + "end in one", start + "end in two")
    assert [piece.text for piece in left if piece.differs] == ["one"]
    assert sum(len(piece.text) for piece in (*left, *right)) < 1_000
    assert left[0].text.startswith("… ")


def test_questions_that_got_different_answers_stand_side_by_side_and_agreement_is_not_told(
    diverging, passing, read
) -> None:
    page = read(disagreements.section(diverging.result, diverging.evidence))
    assert re.search(
        r"east · v42 · asked at \d+\.\d\d s .* A hotel night may cost up to 14 euros.*west · v41 .*up to 30 euros",
        page.text,
    )
    assert len(page.all("mark")) >= 2
    assert disagreements.section(passing.result, passing.evidence) == ""


def test_two_answers_that_differ_say_what_of_their_grounds_is_another(diverging, read) -> None:
    evidence, plan = diverging.evidence, diverging.evidence.plan
    reply = plan.target.ask.reply.model_copy(update={"prompt_version": "/p", "sources": "/s", "context": "/c"})
    target = plan.target.model_copy(update={"ask": plan.target.ask.model_copy(update={"reply": reply})})
    east = evidence.requests["entry"] == "east"
    rows = evidence.requests.assign(
        prompt_version="p-1", sources=east.map({True: "a\nb", False: "c"}), context_sha256=""
    )
    named = replace(evidence, plan=replace(plan, target=target), request_table=Table.of(rows), _made={})
    told = read(disagreements.section(diverging.result, named)).text
    assert "They stand on other sources (a, b against c), but the same prompt version." in told
    assert "They stand on" not in read(disagreements.section(diverging.result, evidence)).text


def test_a_measurement_that_cannot_be_trusted_says_why(refused, failing, unheard) -> None:
    states = {check.question: (check.state, check.detail) for check in trust.checks(refused.result)}
    assert states["Did regional_loss east · refuse take hold?"][0] == "no"
    assert {check.state for check in trust.checks(failing.result)} == {"yes"}
    assert "no" in {check.state for check in trust.checks(unheard.result)}


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, "yes", "1,000 of 1,000 requests sent"),
        ({"dropped": 12}, "no", "12 not sent"),
        ({"missing": 3}, "no", "3 lost"),
        ({"doubled": 2}, "no", "2 doubled"),
    ],
)
def test_a_load_that_lost_a_request_did_not_keep_up(failing, changes, state, said) -> None:
    quality = failing.result.quality.model_copy(update=changes)
    (check,) = [
        check
        for check in trust.checks(failing.result.model_copy(update={"quality": quality}))
        if check.question.startswith("Did the load")
    ]
    assert check.state == state
    assert said in check.detail


def test_what_nobody_counted_is_not_counted_as_none(failing, read) -> None:
    quality = failing.result.quality.model_copy(update={"accepted": None})
    text = read(trust.section(failing.result.model_copy(update={"quality": quality}), None)).text
    assert "not counted counted by providers" in text


def test_a_new_section_is_one_registration(failing) -> None:
    assert list(sections)[-1:] == ["provenance"]
    with pytest.raises(ValueError, match="registered twice"):
        sections.add("trust", trust.section)


def test_what_held_over_the_phase_and_not_among_the_exposed_is_said(run_with, finding) -> None:
    exposed = Measured(value=5.0, low=4.8, high=5.2, censored=False, n=80)
    held = finding("retry_amplification <= 4.8 in fault", value=4.27, verdict="pass", among_exposed=exposed)
    result = run_with(held, verdict="pass")
    told = "4.27 attempts at the providers during the fault, but 5.00 of those that lived wholly inside the fault."
    assert told in headline(result)
    assert "5.00 × among the exposed" in findings.section(result, None)
    alike = held.model_copy(update={"among_exposed": exposed.model_copy(update={"value": 4.5})})
    assert "wholly inside" not in headline(run_with(alike, verdict="pass"))


def test_a_card_is_shown_of_every_metric_that_something_is_expected_of(run_with, finding) -> None:
    cards = [card.title for card in scores.scores(run_with(finding("latency_ms.p95 <= 800 in fault", value=1200)))]
    assert "Latency p95" in cards
    assert "Latency p95" not in [card.title for card in scores.scores(run_with())]


def test_each_window_is_drawn_with_its_own_failover_and_recovery(tell, story) -> None:
    slow = "{kind: latency, 'on': {kind: provider}, base: 100ms, for: 2s"
    two = f"[{slow}, id: one}}, {slow}, id: two, at: fault + 12s}}]"
    made = tell(story(faults=two, expect="[recovery_time_s <= 5]"))
    drawn = events.settlings(made.result, made.evidence)
    starts = [round(settling.since_s) for settling in drawn if not settling.from_end]
    ends = [round(settling.since_s) for settling in drawn if settling.from_end]
    assert (starts, ends) == ([15, 27], [17, 29])


def test_a_time_without_a_card_is_drawn_where_it_is_expected_alone(tell, story) -> None:
    slow = "[{kind: latency, 'on': {kind: provider}, base: 100ms, for: 2s, id: one}]"

    def drawn(expect: str) -> list[str]:
        made = tell(story(faults=slow, expect=expect))
        return [settling.what for settling in events.settlings(made.result, made.evidence)]

    assert "failed back" not in drawn("[recovery_time_s <= 5]")
    assert "failed back" in drawn("[failback_time_s <= 5]")


def test_a_fault_that_comes_and_goes_is_one_row_of_bars_and_two_links_one_after_the_other_are_two(tell, story) -> None:
    slow = "{kind: latency, 'on': {kind: provider}, base: 100ms, id: slow"
    flapping = tell(story(faults=f"[{slow}, flap: {{period: 5s, duty: 0.4}}}}]", expect="[recovery_time_s <= 5]"))
    staggered = tell(story(faults=f"[{slow}, stagger: 2s}}]", expect="[recovery_time_s <= 5]"))
    assert [[fault.id for fault in row] for row in events.rows(flapping.result.faults)] == [
        ["slow.1", "slow.2", "slow.3"]
    ]
    assert [[fault.id for fault in row] for row in events.rows(staggered.result.faults)] == [["slow.1"], ["slow.2"]]


def test_the_charts_that_a_broken_expectation_is_read_from_come_first(diverging, undisturbed) -> None:
    from harness.report.series import timeline
    from harness.report.timeline import drawn

    def order(made) -> list[str]:
        return [lane.key for lane in drawn(made.result, made.evidence, timeline(made.evidence)).lanes]

    assert order(diverging)[:2] == ["events", "snapshots"]
    assert order(undisturbed)[:2] == ["events", "goodput"]


def test_what_nobody_asked_about_is_said_under_the_sentence_of_a_pass_and_not_in_it(passing, read) -> None:
    result = passing.result.model_copy(update={"unasked": ["latency_ms.p95 in fault was 4000 (baseline 600)"]})
    assert "asked about" not in headline(result)
    assert beside(result) == "Not asked about: latency_ms.p95 in fault was 4000 (baseline 600)."
    html = page(result, passing.evidence)
    assert '<p class="lead" dir="auto">Not asked about: latency' in html
    assert "Not asked about" in summary(result)
    assert any("Not asked about" in str(line) for line in verdict_lines(result))
    assert (
        beside(result.model_copy(update={"verdict": "fail"})) == beside(result.model_copy(update={"unasked": []})) == ""
    )


def test_the_card_of_a_part_that_counts_something_else_says_what() -> None:
    for name, metric in metrics.items():
        for part in metric.part_about:
            assert part in metric.parts
            assert scores.about(f"{name}.{part}") != scores.about(name)
        for part in metric.part_titles:
            assert part == metric.usual_part or part in metric.part_about, (
                f"{name}.{part} has a title and the metric's words"
            )


def test_no_card_shows_how_its_sentence_is_made() -> None:
    for name in metrics:
        assert not set("{}") & set(scores.about(name)), scores.about(name)
