"""What the tests of documents share: a way to see what a person would be told, and documents that are in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import BaseModel

from harness.problems import UsageProblems
from harness.reading.yaml import read

SCENARIO = """\
schema: harness.scenario/1
name: region-loss
about: One of two regions falls silent.
seed: 7
load:
  rate_per_s: 20
  arrivals: poisson
  jitter: 0.1
  questions: questions/facts.yaml
  turn_gap: 5s
  deadline: 10s
  in_flight_max: 100
phases:
  warmup: 3s
  baseline: 12s
  fault: 15s
  recovery: 20s
faults:
  - kind: regional_loss
    region: east
    mode: refuse
    at: fault + 1s
    for: 3s
  - kind: latency
    on: {kind: provider, region: east}
    base: 1500ms
    jitter: 200ms
  - kind: rate_limit
    on:
      link: provider-east
    requests_per_min: 120
    burst: 2
  - kind: http_error
    on: {}
    status: 503
    share: 0.5
  - {kind: cache_divergence, region: west, publish_after: 3s}
good:
  within: 4s
  ratio: 0.95
expect:
  - good_ratio >= 0.9 in fault
  - recovery_time_s <= 5
"""

TARGET = """\
schema: harness.target/1
name: my-service
about: Answers questions.
services:
  redis:
    command: [redis-server, --port, "{port}", --dir, "{temp}"]
    ready: {tcp: true, within: 5s}
  worker:
    command: ["{python}", -m, worker, "{redis.port}", "{openai.url},{local.url}", '{{"seed": {seed}}}']
    env: {KEY: "${KEY}", QUOTED: "7"}
    ready: {get: /healthz}
    after: [redis]
start:
  command: [uvicorn, "app:app", --port, "{port}"]
  ready:
    get: /healthz
entries:
  - name: east
    url: "http://127.0.0.1:{target.port}"
    region: east
ask:
  protocol: json
  path: /ask
  headers: {authorization: "Bearer ${KEY}"}
  model: m
  stream: false
  body:
    question: "{question}"
    nested: [{deep: "{nonce}"}]
    any: 5
  reply:
    answer: /answer
    snapshot_version: /version
    conversation: /conversation
  nonce: {in: header, name: x-nonce}
links:
  openai:
    kind: provider
    region: east
    upstream: https://api.openai.com
    api: openai
    env: {BASE: "{url}/v1", OTHER: "{cache.host}:{cache.port}"}
  local:
    kind: provider
    upstream:
      simulated:
        api: openai
        capacity: 24
        queue: 0
        first_token: 250ms
        sigma: 0.35
        tokens: 20
        token_gap: 15ms
  cache: {kind: cache, upstream: "redis://127.0.0.1:{redis.port}"}
publish:
  post: "http://127.0.0.1:{target.port}/publish"
  version: /version
  replica_lag: 500ms
"""

QUESTIONS = """\
schema: harness.questions/1
questions:
  - {id: refund-window, text: "How long can I ask for a refund?"}
  - id: warranty
    text: How long is the warranty?
"""


@pytest.fixture
def scenario_text() -> str:
    """A scenario that uses every key and every kind of fault."""
    return SCENARIO


@pytest.fixture
def target_text() -> str:
    """A target that uses every key."""
    return TARGET


@pytest.fixture
def questions_text() -> str:
    return QUESTIONS


@pytest.fixture
def told() -> Callable[..., list[str]]:
    """What a person is told about a text, a line each; nothing when it is in order."""

    def told(text: str, model: type[BaseModel], **overrides: str) -> list[str]:
        try:
            read(text, model, "f.yaml", {key.replace("__", "."): value for key, value in overrides.items()})
        except UsageProblems as problems:
            return [str(problem) for problem in problems.problems]
        return []

    return told
