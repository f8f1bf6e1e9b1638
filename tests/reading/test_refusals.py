"""What a person is told of a file that its model refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, ConfigDict, Field

from harness.faults import faults
from harness.problems import UsageProblems
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.yaml import read
from harness.reading.yaml.sentences import Said, refusals

Told = Callable[..., list[str]]
DURATION = "is not a duration; write a number and a unit (ms, s, min or h), such as 3s, 250ms or 2min"
NAME = "text of at most 40 characters: letters, digits, _ and -, and first a letter"
OF_YOUR_OWN = (
    "It is within 2 letters of that, and so taken for a slip of it: "
    "a phase of your own needs a name that is further from it, such as outage"
)
*_FIRST, _LAST = faults
KINDS = f"{', '.join(_FIRST)} or {_LAST}"
*_FIRST, _LAST = (repr(mode) for mode in get_args(faults["regional_loss"].model_fields["mode"].annotation))
MODES = f"{', '.join(_FIRST)} or {_LAST}"
KEYS_OF_A_LOSS = sorted((field.alias or name) for name, field in faults["regional_loss"].model_fields.items())

SCENARIO_SLIPS = [
    ("load:\n", "lod:\n", "5 lod: unknown key; did you mean 'load'?"),
    ("seed: 7\n", "sed: 7\n", "4 sed: unknown key; did you mean 'seed'?"),
    (
        "seed: 7\n",
        "frobnicate: 7\n",
        "4 frobnicate: unknown key; known: abort, about, expect, faults, good, incident, load, name, phases, "
        "recorded, schema, seed, slo, trials",
    ),
    ("seed: 7\n", "within: 7s\n", "4 within: unknown key; it belongs inside good"),
    (
        "  within: 4s",
        "  within: 0s",
        "39 good.within: should be text such as 3s, 250ms or 2min, but is '0s', and no time at all is too short",
    ),
    (
        "seed: 7\n",
        "seed: -1\n",
        "4 seed: should be a whole number, at least 0 and below 9223372036854775808, but is -1",
    ),
    (
        "seed: 7\n",
        "seed: 1.5\n",
        "4 seed: should be a whole number, at least 0 and below 9223372036854775808, but is 1.5",
    ),
    (
        "seed: 7\n",
        "seed: true\n",
        "4 seed: should be a whole number, at least 0 and below 9223372036854775808, but is true",
    ),
    (
        "seed: 7\n",
        'seed: "7"\n',
        "4 seed: should be a whole number, at least 0 and below 9223372036854775808, but is '7'; leave out the quotes",
    ),
    (
        "name: region-loss",
        "name: Region Loss",
        "2 name: should be text of at most 60 characters: lower-case letters, digits and -,"
        " and first a lower-case letter or a digit, but is 'Region Loss'; did you mean 'region-loss'?",
    ),
    ("about: One of two regions falls silent.", "about: 5", '3 about: should be text, but is 5; put it in quotes: "5"'),
    (
        "about: One of two regions falls silent.",
        "about: true",
        '3 about: should be text, but is true; put it in quotes: "true"',
    ),
    ("about: One of two regions falls silent.", "about:", "3 about: should be text, but is empty"),
    ("about: One of two regions falls silent.", "about: [a]", "3 about: should be text, but is a list; write a"),
    (
        "about: One of two regions falls silent.",
        "about: [a, b]",
        '3 about: should be text, but is a list; one text stands there, such as "a, b"',
    ),
    (
        "questions: questions/facts.yaml",
        "questions: {file: questions/facts.yaml}",
        "9 load.questions: should be text, but is a mapping; write questions/facts.yaml",
    ),
    (
        "rate_per_s: 20\n",
        "rate_per_s: 0\n",
        "6 load.rate_per_s: should be a number, above 0 and at most 20000, but is 0",
    ),
    (
        "rate_per_s: 20\n",
        "rate_per_s: 20001\n",
        "6 load.rate_per_s: should be a number, above 0 and at most 20000, but is 20001",
    ),
    (
        "rate_per_s: 20\n",
        "rate_per_s: fast\n",
        "6 load.rate_per_s: should be a number, above 0 and at most 20000, but is 'fast'",
    ),
    (
        "arrivals: poisson",
        "arrivals: poison",
        "7 load.arrivals: should be 'constant', 'poisson' or 'bursty', but is 'poison'; did you mean 'poisson'?",
    ),
    (
        "arrivals: poisson",
        "arrivals: closed",
        "7 load.arrivals: should be 'constant', 'poisson' or 'bursty', but is 'closed'",
    ),
    ("arrivals: poisson", "arrivals: 5", "7 load.arrivals: should be 'constant', 'poisson' or 'bursty', but is 5"),
    ("jitter: 0.1", "jitter: 1.5", "8 load.jitter: should be a number from 0 to 1, but is 1.5"),
    (
        "  questions: questions/facts.yaml\n",
        "",
        "5 load: says nothing that clients could ask; write questions: a YAML file of questions, beside the scenario, "
        "or locustfile: for users of your own",
    ),
    ("in_flight_max: 100", "workers: 0", "12 load.workers: should be a whole number from 1 to 64, but is 0"),
    ("in_flight_max: 100", "shed_to: 1", "12 load.shed_to: should be a number, above 0 and below 1, but is 1"),
    (
        "in_flight_max: 100",
        "cv: 3",
        "12 load.cv: is of bursty arrivals, and these are poisson; write arrivals: bursty, or leave it out",
    ),
    (
        "in_flight_max: 100",
        "cv: 3\n  shape: {steps: {fault: 40}}",
        "12 load.cv: is of bursty arrivals, and these are poisson; write arrivals: bursty, or leave it out",
    ),
    (
        "arrivals: poisson",
        "arrivals: {kind: poisson}",
        "7 load.arrivals: should be 'constant', 'poisson' or 'bursty', but is a mapping",
    ),
    (
        "in_flight_max: 100",
        "shape: {spike: {at: fault, to: 9, for: 0s}}",
        "12 load.shape.spike.for: should be text such as 3s, 250ms or 2min, but is '0s', and no time at all is too short",
    ),
    ("in_flight_max: 100", "in_flight_max: 0", "12 load.in_flight_max: should be a whole number, at least 1, but is 0"),
    (
        "in_flight_max: 100",
        "retries: {max: 0, deadline: 4s}",
        "12 load.retries.max: 0 means that nobody asks again, as without load.retries; leave that out, or write 1 or more",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 16, deadline: 4s}",
        "12 load.retries.max: should be a whole number from 1 to 15, but is 16",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2, deadline: 10s}",
        "12 load.retries.deadline: 10 s is no shorter than the 10 s after which a client gives its request up for good"
        " (load.deadline), so it would never ask again; write less, or let load.deadline be longer",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2, deadline: 4s, backoff: 7s}",
        "12 load.retries.backoff: who waits 4 s for an answer and 7 s more would ask again after 11 s, when the request is given up"
        " for good (load.deadline, 10 s); wait less than 6 s, or let load.deadline be longer",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2, deadline: 4s, backoff: {first: 2s, most: 1s}}",
        "12 load.retries.backoff: most 1 s is shorter than first 2 s; let it be as long or longer",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2, deadline: 4s, backoff: 1}",
        "12 load.retries.backoff: should be text such as 3s, 250ms or 2min or a mapping of first, factor, most and jitter, but is 1",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2, deadline: 4s, backoff: {frist: 1s}}",
        "12 load.retries.backoff.frist: unknown key; did you mean 'first'?",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2, deadline: 4s, on: [error, timedout]}",
        "12 load.retries.on[1]: should be 'error', 'timed_out', 'stalled', 'truncated', 'empty', 'malformed', 'reset' or 'refused',"
        " but is 'timedout'; did you mean 'timed_out'?",
    ),
    (
        "in_flight_max: 100",
        "retries: {max: 2}",
        "12 load.retries.deadline: is missing; how long a client waits for an answer before it asks again",
    ),
    ("baseline: 12s", "baseline: 12", f"15 phases.baseline: 12 {DURATION}"),
    ("baseline: 12s", "baseline: 12 parsecs", f"15 phases.baseline: '12 parsecs' {DURATION}"),
    ("baseline: 12s", "baseline: on", f"15 phases.baseline: 'on' {DURATION}"),
    ("  fault: 15s", "  faults: 15s", f"16 phases.faults: unknown key; did you mean 'fault'? {OF_YOUR_OWN}"),
    ("  fault: 15s", "  outage: 15s\n  flt: 2s", f"17 phases.flt: unknown key; did you mean 'fault'? {OF_YOUR_OWN}"),
    ("  baseline: 12s", "  basline: 12s", f"15 phases.basline: unknown key; did you mean 'baseline'? {OF_YOUR_OWN}"),
    (
        "  fault: 15s",
        "  fault: 0s",
        "16 phases.fault: lasts no time, so nothing could be broken in it; let it last longer, or leave it out",
    ),
    (
        "  fault: 15s",
        "  among: 15s",
        "16 phases.among: 'among' is a word of an expectation; call the phase something else",
    ),
    (
        "  fault: 15s",
        "  Outage: 15s",
        "16 phases.Outage: 'Outage' is no name of a phase; write a lower-case letter"
        " and then lower-case letters, digits, _ and -, at most 30 in all",
    ),
    (
        "  warmup: 3s\n  baseline: 12s\n",
        "  baseline: 12s\n  outage: 1s\n  warmup: 3s\n",
        "16 phases.warmup: stands behind other"
        " phases, and is always the first; phases follow one another as they are written",
    ),
    (
        "  baseline: 12s\n  fault: 15s",
        "  outage: 15s\n  baseline: 12s",
        "16 phases.baseline: stands behind what is measured against it; write it first, or right behind warmup",
    ),
    (
        "  recovery: 20s",
        "  recovery: 20s\n  outage: 15s",
        "17 phases.recovery: stands before 'outage', and is always the last;"
        " phases follow one another as they are written",
    ),
    (
        "    at: fault + 1s",
        "    id: after",
        "22 faults[0].id: 'after' is a word of an expectation; call the fault something else",
    ),
    (
        "    at: fault + 1s",
        "    id: latency-2",
        "24 faults[1]: 'latency-2' is what faults[0] is called, too; each needs an id of its own",
    ),
    ("  recovery: 20s\n", "", "13 phases.recovery: is missing; it should be text such as 3s, 250ms or 2min"),
    ("  baseline: 12s\n", "", "13 phases.baseline: is missing; it should be text such as 3s, 250ms or 2min"),
    (
        "kind: regional_loss",
        "kind: regional_lss",
        "19 faults[0].kind: unknown fault kind 'regional_lss'; did you mean 'regional_loss'?",
    ),
    (
        "kind: regional_loss",
        "kind: zzz",
        f"19 faults[0].kind: unknown fault kind 'zzz'; known: {', '.join(sorted(faults))}",
    ),
    ("kind: regional_loss", "type: regional_loss", "19 faults[0].type: unknown key; did you mean 'kind'?"),
    (
        "  - {kind: cache_divergence, region: west, publish_after: 3s}",
        "  - cache_divergence",
        "37 faults[4]: should be a mapping, but is 'cache_divergence', such as {kind: cache_divergence}",
    ),
    (
        "  - {kind: cache_divergence, region: west, publish_after: 3s}",
        "  - cache_divergence: {region: west, publish_after: 3s}",
        "37 faults[4].cache_divergence: unknown key; write kind: cache_divergence, with what stands below it beside that",
    ),
    (
        "  - recovery_time_s <= 5",
        "  - recovery_time_s: 5",
        "43 expect[1]: an expectation is one text, and this is a mapping; write recovery_time_s <= 5, or >=",
    ),
    ("kind: regional_loss", "kind: 5", f"19 faults[0].kind: should be {KINDS}, but is 5"),
    ("kind: regional_loss", "knd: regional_loss", "19 faults[0].knd: unknown key; did you mean 'kind'?"),
    ("kind: regional_loss\n    region", "region", f"19 faults[0].kind: is missing; it should be {KINDS}"),
    ("region: east\n    mode", "mode", f"19 faults[0].region: is missing; it should be {NAME}"),
    (
        "region: east\n    mode",
        "region: e st\n    mode",
        f"20 faults[0].region: should be {NAME}, but is 'e st'; did you mean 'e-st'?",
    ),
    (
        "mode: refuse",
        "mode: refus",
        f"21 faults[0].mode: should be {MODES}, but is 'refus'; did you mean 'refuse'?",
    ),
    (
        "for: 3s",
        "frobnicate: 3s",
        f"23 faults[0].frobnicate: unknown key; known: {', '.join(KEYS_OF_A_LOSS)}",
    ),
    ("on: {kind: provider,", "on: {knd: provider,", "25 faults[1].on.knd: unknown key; did you mean 'kind'?"),
    (
        "good:\n  within: 4s\n  ratio: 0.95\n",
        "good: 4s\n",
        "38 good: should be a mapping of within, ratio and answers, but is '4s', such as {within: 4s}",
    ),
    (
        "on: {kind: provider, region: east}",
        "on: provider",
        "25 faults[1].on: should be a mapping of link, kind, region, model, path, method, stream, last_role and attempt, "
        "but is 'provider', such as {link: provider}",
    ),
    ("base: 1500ms", "base: 100ms", "24 faults[1]: base 0.1 s has to be above 0 and jitter 0.2 s at most base"),
    ("status: 503", "status: 200", "35 faults[3].status: should be a whole number from 400 to 599, but is 200"),
    ("share: 0.5", "share: 50", "36 faults[3].share: should be a number from 0 to 1, but is 50"),
    ("burst: 2", "burst: 0", "32 faults[2].burst: should be a whole number, at least 1, but is 0"),
    (
        "  - {kind: cache_divergence, region: west, publish_after: 3s}",
        "  - cache",
        "37 faults[4]: should be a mapping, but is 'cache'",
    ),
    ("ratio: 0.95", "ratio: 1", "40 good.ratio: should be a number, above 0 and below 1, but is 1"),
    (
        "good:\n  within: 4s\n  ratio: 0.95\n",
        "good:\n",
        "38 good: should be a mapping of within, ratio and answers, but is empty; write {} for what it is by default",
    ),
    (
        "expect:\n  - good_ratio >= 0.9 in fault\n  - recovery_time_s <= 5\n",
        "expect: []\n",
        "41 expect: should be a list of at least 1 item, but is an empty list",
    ),
    ("  - recovery_time_s <= 5", "  - 5", '43 expect[1]: should be text, but is 5; put it in quotes: "5"'),
    (
        "expect:\n  - good_ratio >= 0.9 in fault\n  - recovery_time_s <= 5\n",
        "expect: good_ratio >= 0.9\n",
        "41 expect: should be a list of at least 1 item, but is 'good_ratio >= 0.9'; a list stands in [ ], or line by line behind a '-'",
    ),
    ("schema: harness.scenario/1\n", "", "1 schema: is missing; it should be 'harness.scenario/1'"),
    (
        "schema: harness.scenario/1",
        "schema: scenario",
        "1 schema: should be 'harness.scenario/1', but is 'scenario'",
    ),
    (
        "schema: harness.scenario/1",
        "schema: harness.scenario/2",
        "1 schema: this is a harness.scenario/2 file; wanted here is harness.scenario/1",
    ),
    (
        "schema: harness.scenario/1",
        "schema: harness.target/1",
        "1 schema: this is a harness.target/1 file; wanted here is harness.scenario/1",
    ),
]

READY = "a mapping of get, tcp and within"
TARGET_SLIPS = [
    ("name: my-service", "name: 7", f"2 name: should be {NAME}, but is 7"),
    ("  redis:\n", "  re dis:\n", f'5 services["re dis"]: the name should be {NAME}'),
    ('QUOTED: "7"', "QUOTED: 7", '10 services.worker.env.QUOTED: should be text, but is 7; put it in quotes: "7"'),
    ('QUOTED: "7"', "a.b: [x]", '10 services.worker.env["a.b"]: should be text, but is a list; write x'),
    ("tcp: true", "tcp: yes", "7 services.redis.ready.tcp: should be true or false, but is 'yes'"),
    ("tcp: true", "tcp: 1", "7 services.redis.ready.tcp: should be true or false, but is 1"),
    (
        "ready: {tcp: true, within: 5s}",
        "ready: {tcp: true, get: /, within: 5s}",
        "7 services.redis.ready: say how to tell that it is ready: either get: /path or tcp: true",
    ),
    (
        '[uvicorn, "app:app", --port, "{port}"]',
        '"uvicorn app:app --port {port}"',
        "14 start.command: should be a list of at least 1 item, but is 'uvicorn app:app --port {port}'; "
        'write [uvicorn, "app:app", --port, "{port}"]',
    ),
    (
        "ready: {tcp: true, within: 5s}",
        "ready: tcp",
        f"7 services.redis.ready: should be {READY}, but is 'tcp', such as {{tcp: true}}",
    ),
    (
        '[uvicorn, "app:app", --port, "{port}"]',
        "[uvicorn, {port}]",
        "14 start.command[1]: should be text, but is a mapping;"
        ' text that begins with a brace has to stand in quotes: "{port}"',
    ),
    ("  command: [uvicorn", "  comand: [uvicorn", "14 start.comand: unknown key; did you mean 'command'?"),
    (
        "  protocol: json\n",
        "",
        "21 ask.protocol: is missing; openai-chat, anthropic-messages, json, or a registered one",
    ),
    ("stream: false", "stream: off", "26 ask.stream: should be true or false, but is 'off'"),
    (
        "in: header",
        "in: headers",
        "35 ask.nonce.in: should be 'prompt', 'header' or 'field', but is 'headers'; did you mean 'header'?",
    ),
    ("in: header", "place: header", "35 ask.nonce.place: unknown key; known: in, name"),
    ("{in: header, name: x-nonce}", "{in: header}", "35 ask.nonce: a nonce in a header needs the header's name"),
    (
        "upstream: https://api.openai.com",
        "upstream: 5",
        "40 links.openai.upstream: should be text or a mapping of simulated, but is 5",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream:",
        "40 links.openai.upstream: should be text or a mapping of simulated, but is empty",
    ),
    (
        "    upstream: https://api.openai.com\n",
        "",
        "37 links.openai.upstream: is missing;"
        " https://host[:port], http://host:port, redis://host:port, host:port, or simulated: with its settings",
    ),
    (
        "      simulated:\n",
        "      simulatd:\n",
        "46 links.local.upstream.simulatd: unknown key; did you mean 'simulated'?",
    ),
    (
        "tokens: 20",
        "tokens: 0",
        "52 links.local.upstream.simulated.tokens: should be a whole number from 1 to 10000, but is 0",
    ),
    (
        "ready: {get: /healthz}",
        "ready: {get: http://127.0.0.1:8000/healthz}",
        "11 services.worker.ready.get: should be text such as /healthz, but is 'http://127.0.0.1:8000/healthz'; did you mean '/healthz'?",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream: api.openai.com/v1",
        "40 links.openai.upstream: 'api.openai.com/v1' has no port; write https://api.openai.com/v1 for a server of HTTP,"
        " else host:port, such as 127.0.0.1:5432",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream: simulated",
        "40 links.openai.upstream: 'simulated' is no address; write {simulated: {}} for a provider of the harness's own",
    ),
    (
        "upstream: https://api.openai.com",
        'upstream: "simulated:"',
        "40 links.openai.upstream: 'simulated:' is no address; write {simulated: {}} for a provider of the harness's own",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream: simulated://openai",
        "40 links.openai.upstream: 'simulated://openai' is no address; write {simulated: {}} for a provider of the harness's own",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream: simulated:65536",
        "40 links.openai.upstream: 'simulated:65536' has '65536' for a port; write a number from 1 to 65535",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream: unix:///run/app.sock",
        "40 links.openai.upstream: 'unix:///run/app.sock' begins with unix://; a link leads to a port, and a socket in a folder has none:"
        " have it listen on one, and write host:port",
    ),
    (
        "upstream: https://api.openai.com",
        "upstream: {simulated: true}",
        "40 links.openai.upstream.simulated: should be a mapping of api, capacity, queue, first_token, sigma, tokens, token_gap and"
        " tools, but is true; write {} for what it is by default",
    ),
    (
        "ready: {get: /healthz}",
        "ready: {get: healthz}",
        "11 services.worker.ready.get: should be text such as /healthz, but is 'healthz'; did you mean '/healthz'?",
    ),
    ("sigma: 0.35", "sigma: 4", "51 links.local.upstream.simulated.sigma: should be a number from 0 to 3, but is 4"),
    (
        "queue: 0",
        "queue: -1",
        "49 links.local.upstream.simulated.queue: should be a whole number, at least 0, but is -1",
    ),
    ("first_token: 250ms", "first_token: 250", f"50 links.local.upstream.simulated.first_token: 250 {DURATION}"),
    (
        "cache: {kind: cache,",
        "cache: {kind: cache, host: keep,",
        "54 links.cache.host: host is for a link that carries HTTP, and 'redis://127.0.0.1:{redis.port}' does not; leave it out",
    ),
    (
        "cache: {kind: cache,",
        "cache: {kind: cache, ca: my.pem,",
        "54 links.cache.ca: ca is for a link that carries HTTP, and 'redis://127.0.0.1:{redis.port}' does not; leave it out",
    ),
    ("  cache: {kind", "  worker: {kind", "54 links.worker: 'worker' is the name of a service, too; choose another"),
    (
        "  - name: east\n",
        "  - {url: 'http://localhost:1', name: a}\n  - name: a\n",
        "19 entries[1].name: 'a' is what entries[0] is called, too; each needs a name of its own",
    ),
    (
        "  local:\n    kind: provider\n",
        "  local:\n    kind: provider\n    env: {BASE: '{url}'}\n",
        "45 links.local.env.BASE: BASE is where link 'openai' is told of, too; each needs a name of its own",
    ),
    (
        'headers: {authorization: "Bearer ${KEY}"}',
        'headers: {authorization: "Bearer ${KEY}", Authorization: x}',
        "24 ask.headers.Authorization: 'Authorization' and 'authorization' are one header; keep one of them",
    ),
    ("  post:", "  pots:", "56 publish.pots: unknown key; did you mean 'post'?"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), SCENARIO_SLIPS)
def test_a_slip_in_a_scenario_is_told_once_with_its_line_and_what_would_be_right(
    told: Told, scenario_text: str, right: str, wrong: str, message: str
) -> None:
    assert scenario_text.count(right) == 1
    assert told(scenario_text.replace(right, wrong), Scenario) == [f"f.yaml:{message}"]


class Inner(BaseModel):
    url: str


class Outer(BaseModel):
    many: list[Inner] = []
    named: dict[str, Inner] = {}


def test_a_list_in_the_place_of_a_mapping_and_what_lacks_both_are_told_with_how_they_are_written(told: Told) -> None:
    assert told("many: x://y\n", Outer) == [
        "f.yaml:1 many: should be a list, but is 'x://y', such as [{url: \"x://y\"}]"
    ]
    assert told("named:\n  - a: {url: x}\n  - b: {url: y}\n", Outer) == [
        "f.yaml:1 named: should be a mapping, but is a list; leave out the '-' before its keys"
    ]
    assert told("named:\n", Outer) == [
        "f.yaml:1 named: should be a mapping, but is empty; write {} for what it is by default"
    ]


@pytest.mark.parametrize(("right", "wrong", "message"), TARGET_SLIPS)
def test_a_slip_in_a_target_is_told_once_with_its_line_and_what_would_be_right(
    told: Told, target_text: str, right: str, wrong: str, message: str
) -> None:
    assert target_text.count(right) == 1
    assert told(target_text.replace(right, wrong), Target) == [f"f.yaml:{message}"]


def test_documents_without_a_slip_are_read(told: Told, scenario_text: str, target_text: str) -> None:
    assert told(scenario_text, Scenario) == []
    assert told(target_text, Target) == []


def test_every_problem_is_told_at_once_sorted_by_line(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("baseline: 12s", "baseline: 12").replace("kind: regional_loss", "kind: regional_lss")
    assert told(text.replace("seed: 7", "sead: 7").replace("ratio: 0.95", "ratio: 95"), Scenario) == [
        "f.yaml:4 sead: unknown key; did you mean 'seed'?",
        f"f.yaml:15 phases.baseline: 12 {DURATION}",
        "f.yaml:19 faults[0].kind: unknown fault kind 'regional_lss'; did you mean 'regional_loss'?",
        "f.yaml:40 good.ratio: should be a number, above 0 and below 1, but is 95",
    ]


def test_a_slip_in_a_key_or_a_kind_does_not_hide_those_below_it(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("load:", "lod:").replace("jitter: 0.1", "jitter: 7")
    text = (
        text.replace("kind: regional_loss", "kind: regional_lss")
        .replace("mode: refuse", "mode: refus")
        .replace("for: 3s", "for: 3")
    )
    assert told(text, Scenario) == [
        "f.yaml:5 lod: unknown key; did you mean 'load'?",
        "f.yaml:8 lod.jitter: should be a number from 0 to 1, but is 7",
        "f.yaml:19 faults[0].kind: unknown fault kind 'regional_lss'; did you mean 'regional_loss'?",
        f"f.yaml:21 faults[0].mode: should be {MODES}, but is 'refus'; did you mean 'refuse'?",
        f"f.yaml:23 faults[0].for: 3 {DURATION}",
    ]


def test_an_unknown_key_beside_the_one_that_it_resembles_hides_nothing(told: Told, scenario_text: str) -> None:
    assert told(scenario_text + "lod: 5\n", Scenario) == ["f.yaml:44 lod: unknown key; did you mean 'load'?"]


def test_a_long_value_is_shown_by_its_beginning(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("baseline: 12s", f"baseline: {'x' * 500_000}").replace(
        "mode: refuse", f"mode: {'y' * 500}"
    )
    first, second = told(text, Scenario)
    assert first == f"f.yaml:15 phases.baseline: '{'x' * 58}… {DURATION}"
    assert second == f"f.yaml:21 faults[0].mode: should be {MODES}, but is '{'y' * 58}…"


def test_control_characters_in_a_file_never_reach_the_terminal(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("seed: 7", '"\\e[31mseed": 7').replace("mode: refuse", 'mode: "\\e[31m"')
    assert told(text, Scenario) == [
        "f.yaml:4 [\"\\u001b[31mseed\"]: unknown key; did you mean 'seed'?",
        f"f.yaml:21 faults[0].mode: should be {MODES}, but is '\\x1b[31m'",
    ]


class _Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: Annotated[int, Field(multiple_of=2)] = 2


class _Odd(BaseModel):
    """Types that no file has today, and a plug-in's may."""

    model_config = ConfigDict(extra="forbid")
    pair: tuple[int, int] | None = None
    leaves: list[_Leaf] | _Leaf | None = None
    by_name: dict[str, dict[str, _Leaf]] = Field(default_factory=dict)
    either: int | Literal["all", "none"] = 1
    anything: Any = None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"leaves": [{"size": 2}, {"siz": 2}]},
            Said(("leaves", 1, "siz"), "unknown key; did you mean 'size'?", key=True),
        ),
        ({"leaves": {"size": "x"}}, Said(("leaves", "size"), "should be a whole number, a multiple of 2, but is 'x'")),
        ({"leaves": {"size": 3}}, Said(("leaves", "size"), "should be a whole number, a multiple of 2, but is 3")),
        ({"leaves": 5}, Said(("leaves",), "should be a list or a mapping of size, but is 5")),
        (
            {"by_name": {"a": {"b": {"size": "x"}}}},
            Said(("by_name", "a", "b", "size"), "should be a whole number, a multiple of 2, but is 'x'"),
        ),
        ({"by_name": {"a": 5}}, Said(("by_name", "a"), "should be a mapping, but is 5")),
        ({"either": "al"}, Said(("either",), "should be 'all' or 'none', but is 'al'; did you mean 'all'?")),
        ({"either": []}, Said(("either",), "should be a whole number or 'all' or 'none', but is an empty list")),
        ({"pair": [1, "x"]}, Said(("pair", 1), "should be a whole number, but is 'x'")),
        ({"pair": [1]}, Said(("pair", 1), "is missing; it should be a whole number")),
    ],
)
def test_types_that_only_a_plug_in_would_use_are_told_of_too(value: dict[str, Any], said: Said) -> None:
    assert refusals(_Odd, value) == [said]


@pytest.mark.parametrize(
    "value",
    [{}, {"pair": [1, 2]}, {"leaves": [{"size": 4}]}, {"leaves": {}}, {"either": "all"}, {"anything": {"a": [None]}}],
)
def test_and_right_values_of_such_types_are_not(value: dict[str, Any]) -> None:
    assert refusals(_Odd, value) == []


def test_the_problems_of_a_document_carry_file_line_and_path(scenario_text: str) -> None:
    with pytest.raises(UsageProblems) as told:
        read(scenario_text.replace("mode: refuse", "mode: x"), Scenario, "scenarios/f.yaml")
    (problem,) = told.value.problems
    assert (problem.file, problem.line, problem.path) == ("scenarios/f.yaml", 21, "faults[0].mode")
