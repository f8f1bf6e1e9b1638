"""Targets of every make: one that is a link itself, one that runs already, links at fixed ports, a Toxiproxy that others use."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.prepare import Asked, prepare, validate
from harness.problems import UsageProblems
from harness.running.free_port import free_port
from harness.running.keeper.undo import pending
from harness.running.toxiproxy import ENVIRONMENT, Proxy, ToxiproxyApi, command, obtain, wait_ready

pytestmark = pytest.mark.whole_run
HERE = Path(__file__).parent
CHAT = {"protocol": "openai-chat", "path": "/v1/chat/completions", "model": "m", "stream": True}


def case(conduct: Callable[[Any], Any]) -> Any:
    """The test's own command."""
    return pytest.mark.parametrize("ended", [conduct], indirect=True, ids=[conduct.__name__])


@contextmanager
def shared_toxiproxy(small: Any) -> Iterator[ToxiproxyApi]:
    """A server that has a proxy of somebody else's."""
    binary = obtain(Path.home() / ".cache" / "resilience-harness", print, path=small.outside["PATH"])
    words, quiet = command(binary.path, port := free_port()), subprocess.DEVNULL
    with subprocess.Popen(words, env=small.outside | ENVIRONMENT, stdout=quiet, stderr=quiet) as process:
        api = ToxiproxyApi(f"http://127.0.0.1:{port}")
        try:
            wait_ready(api, time.monotonic() + 60, lambda: process.poll() is None)
            api.create_proxy("foreign", "127.0.0.1:9")
            api.add_toxic("foreign", "late", "latency", "downstream", {"latency": 7})
            yield api
        finally:
            api.close()
            process.kill()


def running_target(small: Any) -> tuple[dict[str, Any], dict[str, str], int]:
    """A target that nobody here starts, the environment that its service wants, and its port."""
    port, link = free_port(), free_port()
    target = {key: value for key, value in small.target.items() if key != "start"}
    target |= {
        "name": "running",
        "entries": [{"url": f"http://127.0.0.1:{port}"}],
        "ready": {"get": "/healthz", "within": "20s"},
        "links": {"openai": {**small.target["links"]["openai"], "env": {}, "listen": link}},
    }
    return target, {"PROVIDER": f"http://127.0.0.1:{link}"}, port


@dataclass(frozen=True)
class OnShared:
    """A run on a Toxiproxy that others use, with its proxies before and after; *hasty*: it began before its target was there."""

    run: Any
    before: dict[str, Proxy]
    after: dict[str, Proxy]
    hasty: bool = False


def found_running(small: Any) -> OnShared:
    """A run on a target that is started by somebody else, once everything else is ready."""
    target, told, port = running_target(small)
    small.write("target", target)
    with shared_toxiproxy(small) as api:
        before = api.proxies()
        process = small.begin("--toxiproxy-url", api.url)
        small.until(lambda: list(small.folder.glob("temp/*/load-ready.json")), "the load is ready")
        hasty = small.within(0.5, lambda: any(path.read_bytes() for path in small.out.glob("*/*/history.jsonl")))
        words = [sys.executable, str(HERE / "small_service.py"), str(port)]
        with subprocess.Popen(words, env=small.outside | told) as service:
            ended = small.end(process)
            service.kill()
        return OnShared(ended, before, api.proxies(), hasty)


@case(found_running)
def test_a_target_that_runs_already_is_waited_for_and_reaches_its_link_at_the_port_it_was_told(ended: Any) -> None:
    run = ended.run
    assert not ended.hasty
    assert run.came_to("pass"), run.out + run.err
    assert run.result["phases"][0]["good_ratio"] == 1.0
    assert run.result["quality"]["attempts"] == run.result["quality"]["sent"]


@case(found_running)
def test_on_a_shared_toxiproxy_what_is_ours_is_gone_and_what_is_not_is_as_it_was(ended: Any) -> None:
    assert list(ended.before) == ["foreign"]
    assert ended.after == ended.before
    assert not (ended.run.folder / "logs" / "toxiproxy.log").exists()


def killed_on_a_shared_toxiproxy(small: Any) -> OnShared:
    with shared_toxiproxy(small) as api:
        before = api.proxies()
        small.last("8s")
        process = small.begin("--toxiproxy-url", api.url)
        history = small.run_folder() / "history.jsonl"
        small.until(lambda: b'"injected"' in history.read_bytes(), "the fault is in force")
        assert len(api.proxies()) == len(before) + 1
        process.kill()
        ended = small.end(process)
        small.until(lambda: not small.processes(), "everything is gone")
        undo = history.with_name("undo.jsonl")
        assert pending(undo) == []
        undo.unlink()  # nobody is left who would
        return OnShared(ended, before, api.proxies())


@case(killed_on_a_shared_toxiproxy)
def test_a_killed_run_leaves_nothing_of_its_own_on_a_shared_toxiproxy(ended: Any) -> None:
    assert ended.after == ended.before


def not_running(small: Any) -> Any:
    target, _, port = running_target(small)
    target["ready"] = {"get": "/healthz", "within": "300ms"}
    small.write("target", target)
    return small.run(), port


@case(not_running)
def test_of_a_target_that_does_not_run_it_is_told_what_was_tried(ended: Any) -> None:
    run, port = ended
    assert run.status == 70, run.out + run.err
    place = f"(ready.within, {run.folder.parents[2]}/target.yaml:1)"
    tried = f"tried GET http://127.0.0.1:{port}/healthz; does it run?"
    told = f"The target's entries were not ready within 0.3 s {place}; {tried}"
    assert told in " ".join(run.out.split())
    assert run.result["verdict"] == "crashed"


def link_as_entry(small: Any) -> Any:
    simulated = {**small.provider, "tokens": 10, "token_gap": "10ms"}
    target = {
        "schema": "harness.target/1",
        "name": "chat",
        "entries": [{"url": "{openai.url}"}],
        "ready": {"get": "/healthz"},
        "ask": CHAT,
        "links": {"openai": {"kind": "provider", "api": "openai", "upstream": {"simulated": simulated}}},
    }
    small.write("target", target)
    return small.run()


@case(link_as_entry)
def test_a_link_can_be_the_entry_and_its_answers_stream(ended: Any) -> None:
    assert ended.came_to("pass"), ended.out + ended.err
    requests = pd.read_parquet(ended.folder / "requests.parquet").query("good")
    assert len(requests) > 40
    # Ten pieces 10 ms apart; where the machine was busy elsewhere, they come together.
    assert (requests["ttft_ms"] < requests["latency_ms"] - 30).any()
    assert (requests["ttft_ms"] <= requests["latency_ms"]).all()
    assert (requests["chunks"] >= 10).all()


@case(link_as_entry)
def test_to_see_whether_an_entry_serves_sends_nothing_through_its_link(ended: Any) -> None:
    quality = ended.result["quality"]
    assert quality["attempts"] == quality["sent"] == quality["accepted"]
    assert quality["join_ratio"] == 1.0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("toxiproxy:8474", "--toxiproxy-url: 'toxiproxy:8474' is not the address of a Toxiproxy server"),
        ("http://10.0.0.1:8474", "--toxiproxy-url: '10.0.0.1' is not on this machine"),
    ],
)
def test_the_address_of_a_toxiproxy_that_cannot_be_used_is_refused_before_anything_is_touched(
    only_read: Any, url: str, told: str
) -> None:
    ended = only_read.run("--toxiproxy-url", url)
    assert ended.status == 2, ended.out + ended.err
    assert told in ended.err
    assert not only_read.out.exists()


TARGET = """\
schema: harness.target/1
name: mine
services:
  redis: {command: [redis-server, --port, "{port}"], ready: {tcp: true}}
start:
  command: [serve, "{port}"]
  ready: {tcp: true}
  after: [redis]
entries:
  - url: "http://127.0.0.1:{port}"
ask:
  protocol: json
  path: /ask
  headers: {authorization: "Bearer ${MY_KEY}"}
  body: {question: "{question}"}
  reply: {answer: /answer}
links:
  openai: {kind: provider, upstream: "https://api.example.com", listen: 7101}
  store: {kind: store, upstream: "10.0.0.1:5432", listen: 7102}
  cache: {kind: cache, upstream: "redis://user@127.0.0.1", listen: 7103}
"""


@pytest.fixture
def validated(tmp_path: Path) -> Callable[[str, str], list[str]]:
    """What is said of the target with one text in place of another: ``LINE PLACE: what``."""

    def told(old: str, new: str) -> list[str]:
        assert old in TARGET
        path = tmp_path / "mine.yaml"
        path.write_text(TARGET.replace(old, new))
        return [str(problem).removeprefix(f"{path}:") for problem in validate(path).problems]

    return told


def test_a_target_that_hangs_together_is_in_order(validated: Callable[[str, str], list[str]]) -> None:
    assert validated("", "") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("protocol: json", "protocol: jsn", "12 ask.protocol: unknown ask protocol 'jsn'; did you mean 'json'?"),
        ('  body: {question: "{question}"}\n', "", "11 ask: the json protocol needs body: such as {question:"),
        ("{answer: /answer}", "{}", "11 ask: the json protocol needs reply.answer: a JSON Pointer such as /answer"),
        (
            "protocol: json",
            "protocol: openai-chat",
            "11 ask: the openai-chat protocol needs model: the name of a model",
        ),
        ("path: /ask", "path: ask", "11 ask: path 'ask' is no path of a URL; write one such as /v1/ask"),
        ("{authorization:", "{content-length:", "11 ask: header 'content-length' is the harness's own; leave it out"),
        ("after: [redis]", "after: [rediss]", "8 start.after[0]: there is no service 'rediss'; did you mean 'redis'?"),
        ("{tcp: true}}", "{tcp: true}, after: [target]}", "4 services.redis.after: these wait for one another"),
        ("  redis: {", "  load: {", "4 services.load: 'load' is the name of a process of the harness's own"),
        ("  redis: {", "  load-1: {", "4 services.load-1: 'load-1' is the name of a process of the harness's own"),
        ('"10.0.0.1:5432"', "10.0.0.1", "19 links.store.upstream: '10.0.0.1' has no port; write host:port, such as"),
        (
            '"10.0.0.1:5432"',
            '"postgres://u:p@db/x"',
            "19 links.store.upstream: 'postgres://…@db/x' begins with postgres://",
        ),
        ("listen: 7102", "listen: 7101", "19 links.store.listen: 7101 is the port of link 'openai' too"),
        (
            "http://127.0.0.1:{port}",
            "http://127.0.0.1:7102",
            "19 links.store.listen: 7102 is where entry 'entry-1' listens",
        ),
        (
            "10.0.0.1:5432",
            "localhost:7102",
            "19 links.store.listen: 7102 is where the upstream of link 'store' listens",
        ),
        (
            "10.0.0.1:5432",
            "redis://:a#b@10.0.0.1:5432",
            "19 links.store.upstream: 'redis://…@10.0.0.1:5432' has a # in it",
        ),
        ("http://127.0.0.1:{port}", "127.0.0.1:{port}", "10 entries[0].url: '127.0.0.1:{port}' is not an HTTP address"),
        ("http://127.0.0.1:{port}", "http://a:{port}/?b=c", "10 entries[0].url: 'http://a:{port}/?b=c' is not an HTTP"),
        ("http://127.0.0.1:{port}", "{opnai.url}", "10 entries[0].url: unknown placeholder {opnai.url}; did you mean"),
        ("api.example.com", "api.example.com:99999", "18 links.openai.upstream: 'https://api.example.com:99999' is no"),
        (
            "api.example.com",
            "key@api.example.com",
            "18 links.openai.upstream: 'https://…@api.example.com' is not an HTTP",
        ),
        ("http://127.0.0.1:{port}", "{store.url}", "10 entries[0].url: '{store.url}' is not an HTTP address"),
    ],
)
def test_what_does_not_hang_together_is_told_with_its_line(
    validated: Callable[[str, str], list[str]], old: str, new: str, said: str
) -> None:
    told = validated(old, new)
    assert any(text.startswith(said) for text in told), told


def test_a_secret_that_cannot_be_sent_is_refused_and_not_shown(only_read: Any) -> None:
    ask = only_read.target["ask"] | {"headers": {"x-key": "${MY_KEY}"}}
    only_read.write("target", only_read.target | {"ask": ask})
    paths = (only_read.folder / "scenario.yaml", only_read.folder / "target.yaml")
    with pytest.raises(UsageProblems) as refused:
        prepare(*paths, Asked(), {"MY_KEY": "4711\n"})
    assert "header 'x-key' cannot be sent" in str(refused.value)
    assert "4711" not in str(refused.value)
    assert prepare(*paths, Asked(), {"MY_KEY": "4711"}).plan.target.name == "small"
