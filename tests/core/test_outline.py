"""The plan names all that a run of its files starts, and every address that it turns to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.planning.outline import outline
from harness.planning.plan import Plan, plan
from harness.reading.scenario import Scenario
from harness.reading.target import Target

MakeTarget = Callable[..., Target]
MakePlan = Callable[..., Plan]

PROVIDER = {"kind": "provider", "upstream": "https://api.example.com/v1", "env": {"URL": "{url}"}}


@pytest.fixture
def lines(make_plan: MakePlan, make_target: MakeTarget) -> Callable[..., list[str]]:
    """The lines of a plan, with one blank for several."""

    def make(
        environment: dict[str, str] | None = None, state: str = "", abort: list[Any] | None = None, **keys: Any
    ) -> list[str]:
        made = make_plan(of=make_target(**keys), abort=abort or [])
        return [" ".join(line.split()) for line in outline(made, (), environment or {}, state)]

    return make


def test_what_is_started_is_told_with_its_folder(lines: Callable[..., list[str]]) -> None:
    api = {"command": ["node", "server.js"], "cwd": "../api", "ready": {"tcp": True}}
    said = lines(services={"api": api}, start={"command": ["app", "{port}"], "ready": {"tcp": True}})
    at = said.index("starts, with your environment and in this folder where no other is named")
    assert said[at + 1 : at + 3] == ["api in ../api: node server.js", "target app {port}"]


def test_the_python_of_a_locustfile_is_told_though_nothing_of_the_targets_is_started(target: Target) -> None:
    scenario = Scenario.model_validate(
        {
            "schema": "harness.scenario/1",
            "name": "own",
            "load": {"locustfile": "load/users.py", "users": 10, "deadline": "4s"},
            "phases": {"warmup": "1s", "baseline": "5s", "fault": "5s", "recovery": "9s"},
            "faults": [{"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}],
            "expect": ["good_ratio >= 0.5 in fault"],
        }
    )
    said = [" ".join(line.split()) for line in outline(plan(scenario, target, ())[0])]
    at = said.index("starts nothing of the target's")
    assert said[at + 2] == "load Locust, which runs the Python of load/users.py"


def test_every_address_that_is_turned_to_besides_is_told(lines: Callable[..., list[str]]) -> None:
    said = lines(
        reset={"post": "http://127.0.0.1:6/reset"},
        state="https://state.example.com/s",
        ready={"get": "/healthz"},
        abort=[{"url": "https://gate.example.com/ok"}],
    )
    reached = said[said.index("reaches") : said.index("expects")]
    assert "reset POST http://127.0.0.1:6/reset, between runs that are judged together" in reached
    assert "state https://state.example.com/s: who holds, stops or freezes the target" in reached
    assert "ready GET /healthz of each entry, until it serves" in reached
    assert "abort GET https://gate.example.com/ok, twice a second while the run goes on" in reached


def test_state_that_only_the_environment_keeps_at_a_url_is_reached_too(lines: Callable[..., list[str]]) -> None:
    assert "state http://127.0.0.1:9/s: who holds, stops or freezes the target" in lines(state="http://127.0.0.1:9/s")
    assert not [line for line in lines(state="/var/lib/state") if line.startswith("state ")]
    assert "hunter2" not in " ".join(lines(state="https://bob:hunter2@state.example.com/s"))


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://me:secret@proxy.example:3128"}, ", through the proxy proxy.example:3128"),
        ({"all_proxy": "proxy.example"}, ", through the proxy proxy.example"),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com"}, ""),
        ({"HTTPS_PROXY": "socks5://proxy.example"}, ", but HTTPS_PROXY names no HTTP proxy that can be used on the way to"),
    ],
)  # fmt: skip
def test_a_proxy_on_the_way_is_told_without_its_password(
    lines: Callable[..., list[str]], environment: dict[str, str], way: str
) -> None:
    said = lines(environment, links={"openai": PROVIDER}, state="https://state.example.com/s", publish=None)
    (link,) = [line for line in said if line.startswith("openai https")]
    (state,) = [line for line in said if line.startswith("state https")]
    assert link.startswith(f"openai https://api.example.com/v1{way}")
    assert state.startswith(f"state https://state.example.com/s{way}")
    assert "secret" not in "".join(said)
