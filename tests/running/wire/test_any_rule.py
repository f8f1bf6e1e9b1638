"""Whatever a fault says and whatever is asked, in whatever API: an error or a limit is said, and nothing raises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.dialects import Dialect, dialects
from harness.faults.effects import Fail, Rule, Throttle, Told
from harness.faults.requests import ALL, Attempted
from harness.running.wire.edge.prompt import Prompt
from harness.running.wire.edge.rules.base import Answer, Asked
from harness.running.wire.edge.rules.in_force import Rules, Ruling

WAYS = st.lists(st.sampled_from(["seconds", "ms", "date", "body"]), max_size=4).map(tuple)
TOLD = st.builds(Told, ways=st.none() | WAYS, text=st.sampled_from(["", "3600", "-1", "soon"]))
HEADERS = st.dictionaries(
    st.sampled_from(["x-a", "retry-after", "content-type"]), st.sampled_from(["-1", ""]), max_size=2
)


def failing(speaks: Dialect) -> st.SearchStrategy[Rule]:
    said = st.tuples(st.integers(400, 599), st.just("")) if not speaks.codes else (
        st.tuples(st.none() | st.integers(400, 599), st.sampled_from(sorted(speaks.codes)))
        | st.tuples(st.integers(400, 599), st.just(""))
    )  # fmt: skip
    return said.flatmap(
        lambda said: st.builds(
            Fail,
            status=st.just(said[0]),
            code=st.just(said[1]),
            body=st.sampled_from(["", "api", "html", "empty", "not_json"]),
            wait_s=st.none() | st.floats(1e-6, 1e6),
            told=TOLD,
            should_retry=st.none() | st.booleans(),
            headers=HEADERS,
        )
    )


LIMITING = st.builds(
    Throttle,
    requests_per_min=st.none() | st.floats(1e-3, 1e6),
    burst=st.integers(1, 5),
    tokens_per_min=st.none() | st.floats(1e-3, 1e6),
    tokens_burst=st.none() | st.integers(1, 100),
    concurrent=st.none() | st.integers(1, 3),
    told=TOLD,
    headers=HEADERS,
)
MODELS = st.text(max_size=12) | st.sampled_from(["{wait}", "{model}", "{limit}"])


def _sayable(headers: dict[str, str]) -> bool:
    return all(f"{name}{value}".isascii() and f"x{value}".isprintable() for name, value in headers.items())


def _judged(rules: Rules, speaks: Dialect, model: str, now_s: float) -> Ruling:
    prompt = Prompt(b'{"max_tokens":9,"messages":[{"role":"user","content":"12345678"}]}')
    return rules.judge(Asked(Attempted("", model=model), [], b"", "req_1", now_s, speaks, prompt, 1e9 + now_s))


@given(api=st.sampled_from(list(dialects)), data=st.data())
def test_an_error_or_a_limit_is_said_in_every_api_whatever_it_is(api: str, data: st.DataObject) -> None:
    speaks = dialects[api]
    rules = Rules(7, "east")
    for number, rule in enumerate(data.draw(st.lists(failing(speaks) | LIMITING, min_size=1, max_size=3))):
        rules.put(str(number), rule, ALL, 0.0)
    for now_s in (0.0, 0.5, 90.0):
        ruling = _judged(rules, speaks, data.draw(MODELS), now_s)
        if isinstance(ruling.decision, Answer):
            assert 400 <= ruling.decision.status <= 599
            assert _sayable(dict(ruling.decision.headers))
            assert ruling.decision.reason
        for _, following in ruling.following:
            told = following.head(200, [(b"content-type", b"application/json")])
            assert _sayable({name.decode(): value.decode() for name, value in told})
            following.ended(now_s, data.draw(st.none() | st.integers(0, 10_000)))
