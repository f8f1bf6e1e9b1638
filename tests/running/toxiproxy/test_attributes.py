"""Nothing that ends, hangs or is lost on a server gets as far as the server."""

import pytest

from harness.running.toxiproxy.attributes import check_address, check_name, check_toxic
from harness.running.toxiproxy.errors import ToxiproxyError

GOOD = [
    ("latency", {"latency": 200}),
    ("latency", {"latency": 0, "jitter": 150}),
    ("bandwidth", {"rate": 1}),
    ("slow_close", {"delay": 10}),
    ("timeout", {"timeout": 0}),
    ("reset_peer", {}),
    ("reset_peer", {"timeout": 5}),
    ("slicer", {"average_size": 20, "size_variation": 19, "delay": 5000}),
    ("limit_data", {"bytes": 0}),
]
BAD = [
    ("latncy", {}, "did you mean 'latency'"),
    ("latency", {}, "latency.latency is missing"),
    ("latency", {"latencyy": 100}, "no attribute 'latencyy'; did you mean 'latency'"),
    ("latency", {"latency": "100"}, "write an integer from 0"),
    ("latency", {"latency": 1.5}, "write an integer from 0"),
    ("latency", {"latency": True}, "write an integer from 0"),
    ("latency", {"latency": -1}, "write an integer from 0"),
    ("latency", {"latency": 1, "jitter": 2**62}, "latency.jitter is 4611686018427387904"),  # would end the server
    ("bandwidth", {"rate": 0}, "write an integer from 1"),  # would hang it
    ("bandwidth", {"rate": -5}, "write an integer from 1"),  # would end it
    ("slicer", {}, "slicer.average_size is missing"),  # would end it
    ("slicer", {"average_size": 20, "size_variation": 21}, "less than average_size, 20"),  # would end it
    ("timeout", {}, "timeout.timeout is missing"),
    ("limit_data", {"bytes": -1}, "write an integer from 0"),
]


@pytest.mark.parametrize(("kind", "attributes"), GOOD)
def test_what_a_server_can_carry_passes(kind: str, attributes: dict[str, int]) -> None:
    check_toxic(kind, "upstream", attributes)


@pytest.mark.parametrize(("kind", "attributes", "told"), BAD)
def test_what_would_do_harm_or_nothing_is_refused_with_what_is_right(
    kind: str, attributes: dict[str, object], told: str
) -> None:
    with pytest.raises(ToxiproxyError, match=told):
        check_toxic(kind, "upstream", attributes)


def test_a_stream_has_one_of_two_names() -> None:
    with pytest.raises(ToxiproxyError, match="'sideways' is no stream"):
        check_toxic("timeout", "sideways", {"timeout": 0})


@pytest.mark.parametrize("name", ["a/b", "", "..", "a b", "ä", "-x", "a\n"])
def test_a_name_that_could_not_be_addressed_is_refused(name: str) -> None:
    check_name("run-7.openai_east")
    with pytest.raises(ToxiproxyError, match="cannot be a name"):
        check_name(name)


@pytest.mark.parametrize("address", ["notaport", ":80", "127.0.0.1:", "127.0.0.1:0", "h:65536", "h:-1", "http://h"])
def test_an_address_that_nobody_could_reach_is_refused(address: str) -> None:
    check_address("127.0.0.1:80")
    check_address("127.0.0.1:0", port_low=0)
    with pytest.raises(ToxiproxyError, match="write host:port"):
        check_address(address)
