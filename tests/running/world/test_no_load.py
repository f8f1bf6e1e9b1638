"""A run in which nobody asks: its clock goes, and it is over when watching is."""

from __future__ import annotations

from harness.running.world.no_load import NoLoad


def test_it_is_over_when_the_time_is_and_not_before() -> None:
    load = NoLoad(1_000)
    load.spawn()
    assert load.ready()
    assert load.clock.now() == 0
    zero_s = load.set_off()
    load.start()
    assert not load.ended()
    load.clock.start(zero_s - 1_000)
    assert load.ended()


def test_one_that_is_stopped_is_over_at_once() -> None:
    load = NoLoad(1_000)
    load.set_off()
    load.stop()
    load.stop()
    assert load.ended()
