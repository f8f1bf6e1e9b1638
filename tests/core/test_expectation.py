"""One expectation against one interval: inside passes, outside fails, across it is inconclusive."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.interval import UNMEASURED, Interval
from harness.reading.expectation import RESERVED, Expectation, Selection, parse, replace

OPS = ("<=", ">=", "<", ">")
OPPOSITE = {"<=": ">", ">": "<=", ">=": "<", "<": ">="}

limits = st.floats(-1e6, 1e9, allow_nan=False).map(lambda number: round(number, 6))
ends = st.one_of(limits, st.just(inf), st.just(-inf))
names = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True).filter(lambda name: name not in RESERVED)
values = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,6}", fullmatch=True)
labels = st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), values, max_size=3)
selections = st.builds(
    Selection,
    phase=st.none() | names,
    labels=labels.map(lambda chosen: tuple(sorted(chosen.items()))),
    among=st.none() | st.just("exposed"),
    after=st.none() | names,
)
expectations = st.builds(
    Expectation,
    metric=st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True),
    part=st.none() | st.from_regex(r"[a-z0-9_]+", fullmatch=True),
    op=st.sampled_from(OPS),
    limit=limits,
    selection=selections,
)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, value, high = sorted([draw(ends), draw(limits), draw(ends)])
    return Interval(value, low, high, 1)


@pytest.mark.parametrize(
    ("written", "low", "high", "verdict"),
    [
        ("x <= 5", 1, 5, "pass"),
        ("x <= 5", 5, 5.1, "inconclusive"),
        ("x <= 5", 5.1, 6, "fail"),
        ("x <= 5", 0, inf, "inconclusive"),
        ("x <= 5", 20, inf, "fail"),
        ("x < 5", 1, 5, "inconclusive"),
        ("x < 5", 5, 6, "fail"),
        ("x >= 0.9", 0.9, 1, "pass"),
        ("x >= 0.9", 0.89, 1, "inconclusive"),
        ("x >= 0.9", 0.1, 0.89, "fail"),
        ("x > 0.9", 0.9, 1, "inconclusive"),
        ("x > 0.9", -inf, 0.9, "fail"),
        ("x <= 0", 0, 0, "pass"),
        ("x <= 0", 1, 1, "fail"),
    ],
)
def test_where_the_interval_lies_decides(written: str, low: float, high: float, verdict: str) -> None:
    assert parse(written).judge(Interval(min(max(low, 0), high), low, high, 1)) == verdict


@pytest.mark.parametrize(
    ("written", "low", "verdict"),
    [
        ("x <= 5", 5, "fail"),
        ("x < 5", 5, "fail"),
        ("x > 5", 5, "pass"),
        ("x <= 5", 4, "inconclusive"),
        ("x > 5", 4, "inconclusive"),
        ("x <= 6", 5, "inconclusive"),
    ],
)
def test_what_is_censored_lies_beyond_all_that_was_observed(written: str, low: float, verdict: str) -> None:
    assert parse(written).judge(Interval(5, low, inf, 1, censored=True)) == verdict


@pytest.mark.parametrize("op", OPS)
def test_nothing_measured_is_never_a_pass_nor_a_fail(op: str) -> None:
    assert parse(f"x {op} 1").judge(UNMEASURED) == "inconclusive"


@given(interval=intervals(), limit=limits, op=st.sampled_from(OPS))
def test_what_passes_fails_the_opposite(interval: Interval, limit: float, op: str) -> None:
    one, other = parse(f"x {op} 1"), parse(f"x {OPPOSITE[op]} 1")
    verdicts = [Expectation("x", None, e.op, limit).judge(interval) for e in (one, other)]
    assert verdicts in (["pass", "fail"], ["fail", "pass"], ["inconclusive", "inconclusive"])


@given(interval=intervals(), op=st.sampled_from(OPS), limit=limits, wider=limits)
def test_a_wider_interval_never_turns_into_a_pass_or_a_fail(
    interval: Interval, op: str, limit: float, wider: float
) -> None:
    expected = Expectation("x", None, parse(f"x {op} 1").op, limit)
    wide = Interval(interval.value, min(interval.low, wider), max(interval.high, wider), 1)
    assert expected.judge(wide) in (expected.judge(interval), "inconclusive")


@given(expected=expectations)
def test_what_is_written_is_read_again(expected: Expectation) -> None:
    assert parse(str(expected)) == expected


@given(text=st.text(alphabet="abc_.{}=,<>01 -in amongexposedafter", max_size=60))
def test_a_text_is_an_expectation_that_reads_the_same_again_or_is_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except ValueError:
        return
    assert parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("good_ratio{region=east} >= 0.9 in outage", "good_ratio{region=east} >= 0.9 in outage"),
        ('x{region="east", entry = b}<=1', "x{entry=b,region=east} <= 1"),
        ("recovery_time_s <= 5 after dns-2", "recovery_time_s <= 5 after dns-2"),
        ("recovery_time_s after dns-2 <= 5", "recovery_time_s <= 5 after dns-2"),
        ("recovery_time_s<=5 after flap.4", "recovery_time_s <= 5 after flap.4"),
        ("good_ratio{region=east} in outage >= 0.9", "good_ratio{region=east} >= 0.9 in outage"),
        ("x in a < 3 among exposed", "x < 3 in a among exposed"),
        ("x <= 5 among exposed in fault", "x <= 5 in fault among exposed"),
        ("retry_amplification<=3  among exposed", "retry_amplification <= 3 among exposed"),
        ("x.p95{link=a} < 3 in peak_2 among exposed after cut", "x.p95{link=a} < 3 in peak_2 among exposed after cut"),
        ("  retry_amplification<=1.5   in fault ", "retry_amplification <= 1.5 in fault"),
        ("latency_ms.p95 < 2000", "latency_ms.p95 < 2000"),
        ("monotonic_violations <= 0", "monotonic_violations <= 0"),
        ("latency_ms.p50 <= 10000000 in recovery", "latency_ms.p50 <= 10000000 in recovery"),
        ("good_ratio >= 0.123456789", "good_ratio >= 0.123456789"),
    ],
)
def test_an_expectation_is_told_as_it_was_meant(written: str, plain: str) -> None:
    assert str(parse(written)) == plain


@pytest.mark.parametrize(
    "written",
    [
        "",
        "good_ratio",
        "good_ratio = 1",
        "good_ratio >= a",
        "1 <= x",
        "x <= 5s",
        "x <= 5 in",
        "x <= 5 infault",
        "x <= 5 in b after",
    ],
)
def test_what_is_no_expectation_is_told_with_one_that_is(written: str) -> None:
    with pytest.raises(ValueError, match="write metric") as told:
        parse(written)
    assert repr(written) in str(told.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("x => 0.9 in fault", ": '=>' is no comparison: there are <=, >=, < and >;"),
        ("x[region=east] >= 1", ": labels such as '[region=east]' stand in { }"),
        ("x{region=east} = 1", ": '=' is no comparison"),
        ("x >= .9", ": the limit '>= .9' is no number such as 0.9;"),
        ("x >= 0,9 in fault", ": a number is written with a point; ',9' is too much;"),
        ("x >= 90% in fault", ": a ratio is a number from 0 to 1, without a %;"),
        ("x.p95 <= 2.5s in fault", ": a limit has no unit, it is in that of the metric; leave out 's';"),
        ("x >= 0.9 {region=east}", ": labels stand right behind the metric, not behind the limit;"),
        ("x <= 5 in fault exposed", ": from 'exposed' on it cannot be read; behind the limit"),
        ("x >= 0.9 during fault", ": from 'during fault' on it cannot be read;"),
        ("good enough", "'good enough' is not an expectation; write"),
        ("x_ms.p95 <= 0.5s in fault", ": x_ms is in ms, so that the limit is 500, without a unit;"),
        ("x_s <= 2 min", ": x_s is in s, so that the limit is 120, without a unit;"),
        ("x_s <= 2 s", ": a limit has no unit, it is in that of the metric; leave out 's';"),
        ("x_per_s <= 500ms", ": a limit has no unit, it is in that of the metric; leave out 'ms';"),
        ("x >= 0.9 and y <= 2", ": there are two in one; write each as an expectation of its own;"),
        ("x >= 0.9 in fault; y <= 2", ": there are two in one;"),
        ("x >= 0.9, y <= 2", ": there are two in one;"),
        ("x >= nan", ": the limit '>= nan' is no number such as 0.9;"),
        ("x <= \N{MINUS SIGN}5", ": the limit '<= \N{MINUS SIGN}5' is no number"),
        ("x >= ", ": no limit stands behind '>= ';"),
        ("x \N{GREATER-THAN OR EQUAL TO} 0.9", ": '\N{GREATER-THAN OR EQUAL TO}' is no comparison"),
        ("0.9 <= x", ": the metric stands in front, and one limit behind it;"),
        ("0.9 <= x <= 1", ": the metric stands in front, and one limit behind it;"),
        ("good-ratio >= 0.9", ": the words of a metric's name have _ between them;"),
        ("good ratio{region=east} >= 0.9", ": the words of a metric's name have _ between them;"),
        ("X.P95 <= 5 in fault", ": names are of small letters, as in 'x.p95 <= 5 in fault';"),
    ],
)  # fmt: skip
def test_what_of_an_expectation_cannot_be_read_is_told(written: str, told: str) -> None:
    with pytest.raises(ValueError, match="write metric") as refused:
        parse(written)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("x{region} <= 1", "{region} holds no labels; write {label=value}"),
        ("x{} <= 1", "{} holds no labels"),
        ("x{region: east} <= 1", "{region: east} holds no labels; write {region=east}"),
        ("x{'region':'east', kind: a} <= 1", "write {region=east, kind=a}"),
        ("x{region=a,region=b} <= 1", "says region twice"),
        ("x <= 1 among everybody", "'among everybody' says nothing; write among exposed"),
        ("x in a <= 1 in b", "says 'in' twice; write an expectation for each of in a and in b"),
        (
            "x <= 1 after a.b",
            "'after a.b' names nothing; write the id of a fault, such as dns-2, or of a stretch of it",
        ),
        ("x <= 1 in Peak", "'in Peak' names nothing; write the name of a phase"),
    ],
)
def test_a_selection_that_says_nothing_is_refused_with_what_would_be_right(written: str, told: str) -> None:
    with pytest.raises(ValueError, match="write") as refused:
        parse(written)
    assert told in str(refused.value)


def test_one_selection_is_one_however_its_labels_are_ordered() -> None:
    one, other = parse("x{region=a,entry=b} <= 1"), parse("x{entry=b,region=a} <= 2")
    assert one.subject == other.subject
    assert replace((one,), (other,)) == (other,)


def test_a_label_that_had_another_name_is_read_as_what_it_is_called_now() -> None:
    assert parse("retry_amplification{layer=application} <= 2") == parse("retry_amplification{layer=repeat} <= 2")


def test_a_limit_that_nothing_can_be_beyond_is_refused() -> None:
    with pytest.raises(ValueError, match="1e999 is no limit"):
        parse("retry_amplification <= 1e999 in fault")


def test_one_of_the_command_line_replaces_that_of_its_metric_part_and_phase() -> None:
    kept, old, new, added = map(parse, ["a <= 1", "a <= 1 in fault", "a <= 9 in fault", "b >= 0"])
    assert replace((kept, old), (new, added)) == (kept, new, added)


def test_low_is_wanted_of_what_must_stay_under_its_limit() -> None:
    assert [parse(f"x {op} 1").wants_low for op in OPS] == [True, False, True, False]
