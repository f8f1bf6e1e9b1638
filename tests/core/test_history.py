"""A history is written line by line and read again, whatever cut it short."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.effects import Sight
from harness.record import history
from harness.record.history import (
    Alarm,
    Begun,
    Confirmed,
    Ended,
    Event,
    Injected,
    Injecting,
    Look,
    Published,
    Reverted,
    Reverting,
)

instants = st.floats(-1, 1e7)
names = st.text(max_size=20)
sights = st.builds(
    Sight,
    link=names,
    outcome=st.sampled_from(["", "answered", "silent"]),
    elapsed_s=instants,
    answered=st.none() | st.integers(0, 2**40),
    stands=st.none() | st.booleans(),
    amiss=names,
)
EVENTS = [st.builds(kind, at_s=instants, fault=names) for kind in (Injecting, Injected, Reverting)] + [
    st.builds(Reverted, at_s=instants, fault=names, error=names),
    st.builds(Look, at_s=instants, fault=names, sight=sights),
    st.builds(Confirmed, at_s=instants, fault=names, held=st.booleans(), how=names),
    st.builds(Published, at_s=instants, asked_s=instants, version=st.integers(0, 2**40)),
    st.builds(Alarm, at_s=instants, what=names),
    st.builds(Ended, at_s=instants, reason=st.sampled_from(["completed", "crashed", "aborted"]), detail=names),
]
histories = st.lists(st.one_of(EVENTS), max_size=8)


@given(events=histories)
def test_what_was_written_is_read(events: list[Event]) -> None:
    assert history.decode(b"".join(map(history.encode, events))) == tuple(events)


@given(events=histories, cut=st.integers(1, 60))
def test_a_last_line_that_was_cut_short_is_left_out(events: list[Event], cut: int) -> None:
    lines = b"".join(map(history.encode, events))
    last = history.encode(Alarm(1.0, "a line that is long enough to be cut at sixty bytes, wherever that is"))
    assert history.decode(lines + last[:cut]) == tuple(events)


@given(event=st.one_of(EVENTS))
def test_an_event_is_one_line_and_names_its_kind(event: Event) -> None:
    line = history.encode(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.startswith(b'{"type":"%s"' % type(event).__name__.lower().encode())


def test_a_whole_line_that_is_no_event_is_not_passed_over() -> None:
    with pytest.raises(msgspec.DecodeError):
        history.decode(b'{"type":"injecting","at_s":1.0}\n')
    with pytest.raises(msgspec.DecodeError):
        history.decode(b"not a line of ours\n")


def test_an_empty_file_is_an_empty_history() -> None:
    assert history.decode(b"") == ()
    assert history.decode(b"\n\n") == ()


def test_the_first_line_repeats_the_run() -> None:
    begun = Begun(
        run_id="r", started_at="2026-01-01T00:00:00+00:00", clock_zero_s=12.5, seed=7, scenario_path="s.yaml",
        scenario_sha256="a", target_path="t.yaml", target_sha256="b", replay="harness run s.yaml", overrides=["a=b"],
        expectations=[], with_faults=True, versions={"harness": "0"}, proxy_engine="toxiproxy", proxy_version="2.12.0",
    )  # fmt: skip
    assert history.decode(history.encode(begun)) == (begun,)
