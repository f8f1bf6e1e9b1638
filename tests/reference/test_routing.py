"""What the resilient assistant decides, told by a clock of the test's own."""

from __future__ import annotations

from harness.reference.routing import GiveUp, Limits, Request, Routing, Try, Wait


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def routing(clock: Clock, **limits: float) -> Routing:
    return Routing(["near", "far"], Limits(**limits), clock)


def asked(request: Request) -> str:
    """The link that is to be asked now."""
    step = request.step()
    assert isinstance(step, Try)
    return step.link


def test_the_nearest_is_asked_first_and_the_other_when_it_refused():
    routed = routing(Clock())
    request = Request(routed, 100.0)
    first = request.step()
    assert first == Try("near", "normal")
    routed.record(first, "refused")
    assert asked(request) == "far"


def test_from_the_third_try_on_it_waits_longer_each_time_up_to_a_limit():
    routed, waits = routing(Clock(), breaker_failures=99), []
    request = Request(routed, 100.0)
    while not isinstance(step := request.step(), GiveUp):
        if isinstance(step, Wait):
            waits.append(step.for_s)
        else:
            routed.record(step, "refused")
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.4, 0.4, 0.4]


def test_a_provider_that_refuses_without_a_word_of_when_is_asked_again_by_the_next_request():
    routed = routing(Clock())
    routed.limited(Request(routed, 100.0).step(), None)
    assert asked(Request(routed, 100.0)) == "near"


def test_a_provider_that_says_when_to_come_again_is_left_alone_until_then_and_no_longer():
    clock = Clock()
    routed = routing(clock)
    routed.limited(Request(routed, 100.0).step(), 0.5)
    assert asked(Request(routed, 100.0)) == "far"
    clock.now_s += 0.5
    assert asked(Request(routed, 100.5)) == "near"


def test_a_limit_that_is_over_at_once_is_waited_for_a_moment_all_the_same():
    clock = Clock()
    routed = routing(clock)
    routed.limited(Request(routed, 100.0).step(), 0.0)
    assert asked(Request(routed, 100.0)) == "far"


def test_while_all_are_cooling_a_request_waits_and_pays_nothing():
    routed = routing(Clock())
    for _ in range(2):
        routed.limited(routed.admitted(None), 9.0)
    assert isinstance(Request(routed, 100.0).step(), Wait)
    assert routed.budget.take()


def test_nothing_is_begun_when_the_request_has_waited_too_long():
    clock = Clock()
    request = Request(routing(clock), 100.0)
    clock.now_s += 3.0
    assert isinstance(request.step(), GiveUp)
