"""What a person is told of each slip: one table of what was written and the exact lines that come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks import load_target
from harness.prepare import validate
from harness.running.world.readiness import NotReadyError

SCENARIO = """\
schema: harness.scenario/1
name: region-loss
load:
  rate_per_s: 20
  questions: questions.yaml
phases:
  baseline: 12s
  fault: 15s
  recovery: 20s
faults:
  - kind: regional_loss
    region: east
    mode: blackhole
expect:
  - good_ratio >= 0.9 in fault
"""
TARGET = """\
schema: harness.target/1
name: chat
start:
  command: ["{python}", app.py, "{port}"]
  ready: {get: /healthz}
entries: [{url: "http://127.0.0.1:{port}", region: east}]
ask:
  protocol: json
  headers: {}
  path: /ask
  body: {q: "{question}"}
  reply: {answer: /answer}
links:
  provider-east: {kind: provider, region: east, upstream: {simulated: {}}, env: {OPENAI_BASE_URL: "{url}/v1"}}
"""
QUESTIONS = """\
schema: harness.questions/1
questions:
  - {id: refunds, text: For how long are refunds given?}
  - {id: hotline, text: When does the hotline open?}
"""
NO_COMMAND = "'no-such-command' is no command on this machine's PATH, so it cannot be started here"
NO_DURATION = "is not a duration; write a number and a unit (ms, s, min or h), such as 3s, 250ms or 2min"
FURTHER = (
    "It is within 2 letters of that, and so taken for a slip of it: a phase of your own needs a name that is further from it, "
    "such as outage"
)
CARRIED = "links carry http://, https:// and redis://; of all else the bytes pass as they are, with network faults alone: write"
A_NAME = "text of at most 40 characters: letters, digits, _ and -, and first a letter"
A_PATH = "should be text such as /healthz, but is 'healthz'; did you mean '/healthz'?"

# Of the scenario, unless what was there stands in the target alone: (what was there, what was written for it), and the lines that come.
SLIPS: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "nothing": ([], []),
    "an unknown kind and an unknown metric": (
        [("regional_loss", "regional_lss"), ("good_ratio", "god_ratio")],
        [
            "scenario:11 faults[0].kind: unknown fault kind 'regional_lss'; did you mean 'regional_loss'?",
            "scenario:15 expect[0]: unknown metric 'god_ratio'; did you mean 'good_ratio'?",
        ],
    ),
    "something in every file": (
        [
            ("rate_per_s: 20", "rate_per_s: many"),
            ("in fault", "in outage"),
            ("{python}", "no-such-command"),
            ("id: refunds", "idd: refunds"),
        ],
        [
            "scenario:4 load.rate_per_s: should be a number, above 0 and at most 20000, but is 'many'",
            "scenario:15 expect[0]: unknown phase 'outage'; known: baseline, fault, recovery, warmup",
            "questions:3 questions[0].idd: unknown key; did you mean 'id'?",
            f"warning target:4 start.command[0]: {NO_COMMAND}",
        ],
    ),
    "no such questions file beside a phase that lasts a bare number": (
        [("questions.yaml", "qs.yaml"), ("20s", "20")],
        [
            "scenario:5 load.questions: there is no file qs.yaml; it is looked for beside the scenario",
            f"scenario:9 phases.recovery: 20 {NO_DURATION}",
        ],
    ),
    "a region that the target has not and an unknown metric": (
        [("region: east\n", "region: est\n"), ("good_ratio", "god_ratio")],
        [
            "scenario:11 faults[0]: regional_loss est · blackhole: target 'chat' has no such link; it has provider-east (provider, east)",
            "scenario:15 expect[0]: unknown metric 'god_ratio'; did you mean 'good_ratio'?",
        ],
    ),
    "a command that is not there": (
        [("{python}", "no-such-command")],
        [f"warning target:4 start.command[0]: {NO_COMMAND}"],
    ),
    "keys of an item in line with its dash": (
        [("    region: east\n    mode", "  region: east\n  mode")],
        [
            "scenario:12: this key is in line with the '-' of the list; a key of the same item stands under the item's first key, "
            "behind the '-'"
        ],
    ),
    "keys of an item at the margin": (
        [
            (
                "  - kind: regional_loss\n    region: east\n    mode: blackhole",
                "- kind: regional_loss\nregion: east\nmode: blackhole",
            )
        ],
        [
            f"scenario:11 faults[0].region: is missing; it should be {A_NAME}",
            "scenario:12 region: unknown key; it belongs inside faults",
            "scenario:13 mode: unknown key; it belongs inside faults",
        ],
    ),
    "no blank behind a colon": (
        [("name: region-loss", "name:region-loss")],
        ["scenario:2: a blank is missing behind the ':'; write name: region-loss"],
    ),
    "no blank behind the first colon of all": (
        [("schema: harness.scenario/1", "schema:x")],
        ["scenario:1: a blank is missing behind the ':'; write schema: x"],
    ),
    "a dash alone, and the keys of its item in line with it": (
        [("  - kind: regional_loss\n    region: east\n    mode", "  -\n  kind: regional_loss\n  region: east\n  mode")],
        [
            "scenario:12: this key is in line with the '-' of the list; a key of the same item stands under the item's first key, "
            "behind the '-'"
        ],
    ),
    "no blank behind a dash": (
        [("  - kind", "  -kind")],
        ["scenario:11: a blank is missing behind the '-'; write - kind: regional_loss"],
    ),
    "no blank behind a dash, with the other keys in line": (
        [("  - kind: regional_loss\n    region: east\n    mode", "  -kind: regional_loss\n  region: east\n  mode")],
        ["scenario:10 faults: should be a list, but is a mapping; a blank is missing behind the '-'"],
    ),
    "no blank behind the colon of a path": (
        [("  path: /ask", "  path:/ask")],
        ["target:10: a blank is missing behind the ':'; write path: /ask"],
    ),
    "no blank behind a colon, in the line before the one that cannot be": (
        [("  ready: {get: /healthz}", "  ready:\n    get:/healthz\n    within: 5s")],
        ["target:6: a blank is missing behind the ':'; write get: /healthz"],
    ),
    "no blank behind a colon before quotes with a placeholder": (
        [('{url: "', '{url:"')],
        ["target:6: a blank is missing behind the ':'; write url: \"http://127.0.0.1:{port}\""],
    ),
    "no blank behind a colon before quotes": (
        [('{url: "http://127.0.0.1:{port}"', '{name: a, url:"http://127.0.0.1:8000"')],
        [
            'target:6 entries[0]["url:\\"http://127.0.0.1:8000\\""]: unknown key; a blank is missing behind the \':\'; '
            'write url: "http://127.0.0.1:8000"',
        ],
    ),
    "no blank behind a colon before an address with a password": (
        [('{url: "http://127.0.0.1:{port}"', f'{{url:"http://user:{"p" * 50}@127.0.0.1:{{port}}"')],
        ["target:6: a blank is missing behind the ':'; write url: \"http://…@127.0.0.1:{port}\""],
    ),
    "no blank behind the colon of a phase": (
        [
            (
                "phases:\n  baseline: 12s\n  fault: 15s\n  recovery: 20s",
                "phases: {baseline:12s, fault: 15s, recovery: 20s}",
            )
        ],
        ["scenario:6 phases[\"baseline:12s\"]: a blank is missing behind the ':'; write baseline: 12s"],
    ),
    "a blank before a colon": (
        [("schema: harness.target/1", "schema :harness.target/1")],
        ["target:1: a blank is missing behind the ':'; write schema: harness.target/1"],
    ),
    "a path of no characters": (
        [("{get: /healthz}", '{get: ""}')],
        ["target:5 start.ready.get: should be text such as /healthz, but is ''"],
    ),
    "an equals sign for a colon": (
        [("name: region-loss", "name = region-loss")],
        ["scenario:2: a key is followed by a ':', not by a '='; write name: region-loss"],
    ),
    "no colon at all": (
        [("  rate_per_s: 20", "  rate_per_s 20")],
        ["scenario:4: a ':' is missing behind this key; write rate_per_s: 20"],
    ),
    "a semicolon for a comma": (
        [("{get: /healthz}", "{get: /healthz; within: 3s}")],
        ["target:5: a ';' stands here where a ',' belongs; text that holds one has to stand in quotes"],
    ),
    "a comma at the end of a line": (
        [("rate_per_s: 20", "rate_per_s: 20,")],
        [
            "scenario:4 load.rate_per_s: should be a number, above 0 and at most 20000, but is '20,'; leave out the ',' at its end"
        ],
    ),
    "a comment without a blank": (
        [("rate_per_s: 20", "rate_per_s: 20#a second")],
        [
            "scenario:4 load.rate_per_s: should be a number, above 0 and at most 20000, but is '20#a second'; "
            "a blank is missing before the # of the comment"
        ],
    ),
    "a comment of another language": (
        [("schema: harness.scenario/1", "// of a region\nschema: harness.scenario/1")],
        ["scenario:1: a comment begins with #"],
    ),
    "curly quotes": (
        [("mode: blackhole", "mode: \u201cblackhole\u201d")],
        [
            "scenario:13 faults[0].mode: should be 'blackhole', 'refuse', 'reset' or 'brownout', but is '\u201cblackhole\u201d'; "
            "curly quotes are letters to YAML; write plain ones, or none"
        ],
    ),
    "a merge that was not finished": (
        [("  rate_per_s: 20", "<<<<<<< HEAD\n  rate_per_s: 20\n=======\n  rate_per_s: 30\n>>>>>>> other")],
        ["scenario:4: a mark of a merge that was not finished; keep one of the two sides, and remove the marks"],
    ),
    "a bullet for a dash": (
        [("  - kind", "  * kind")],
        ["scenario:11: a * stands here where a list has a -"],
    ),
    "two dashes": (
        [("  - good_ratio", "  - - good_ratio")],
        ['scenario:15 expect[0]: should be text, but is a list; write "good_ratio >= 0.9 in fault"'],
    ),
    "a colon from another keyboard": (
        [("name: region-loss", "name\uff1a region-loss")],
        ["scenario:2: a \uff1a (U+FF1A) stands here where a : belongs"],
    ),
    "digits from another keyboard": (
        [("fault: 15s", "fault: \uff11\uff15s")],
        [f"scenario:8 phases.fault: '\uff11\uff15s' {NO_DURATION}"],
    ),
    "a quote that is closed by the next one": (
        [("  command: [", '  cwd: ".\n  env: {A: "b"}\n  command: [')],
        ["target:4: the quote that opens here is not closed before that of line 5"],
    ),
    "one bracket closed by the other": (
        [("{get: /healthz}", "{get: /healthz]")],
        ["target:5: a ']' stands here, and the '{' of line 5 is closed by a '}'"],
    ),
    "a path with another word for the question": (
        [("  path: /ask", '  path: "/ask?q={query}&s={session}"')],
        [
            "target:10 ask.path: unknown placeholder {query}; did you mean 'question'?",
            "target:10 ask.path: unknown placeholder {session}; did you mean 'conversation'?",
        ],
    ),
    "a placeholder of a body that is like none": (
        [('"{question}"', '"{question} {sytem}"')],
        [
            "target:11 ask.body.q: unknown placeholder {sytem}; known: conversation, key, nonce, question, seen_version, user, webhook. "
            "Write {{sytem}} for braces that are meant"
        ],
    ),
    "a path of 5,000 characters": (
        [("questions.yaml", "q" * 5000)],
        [f"scenario:5 load.questions: there is no file {'q' * 299}\u2026; it is looked for beside the scenario"],
    ),
    "an entry at which nothing is started": (
        [("http://127.0.0.1:{port}", "http://127.0.0.1:8000")],
        [
            "warning target:6 entries[0].url: nothing that the file starts is told to listen on 8000, and what start starts is on its "
            "{port}; is http://127.0.0.1:{port} meant?"
        ],
    ),
    "an entry of a second port that what is started is told": (
        [("http://127.0.0.1:{port}", "http://127.0.0.1:8000"), ('app.py, "{port}"', 'app.py, "{port}", --api, "8000"')],
        [],
    ),
    "equals signs in braces": (
        [("load:\n  rate_per_s: 20\n  questions: questions.yaml", "load: {rate_per_s=20, questions=questions.yaml}")],
        [
            "scenario:3 load[\"rate_per_s=20\"]: unknown key; a key is followed by a ':', not by a '='; write rate_per_s: 20",
            "scenario:3 load[\"questions=questions.yaml\"]: unknown key; a key is followed by a ':', not by a '='; "
            "write questions: questions.yaml",
        ],
    ),
    "a comment without a blank behind a time": (
        [("fault: 15s", "fault: 15s#long")],
        ["scenario:8 phases.fault: '15s#long' is not a duration; a blank is missing before the # of the comment"],
    ),
    "a list where the keys of the load belong": (
        [("  rate_per_s: 20\n  questions", "  - rate_per_s: 20\n  - questions")],
        ["scenario:3 load: should be 'none' or a mapping, but is a list; leave out the '-' before its keys"],
    ),
    "a list where links belong": (
        [("  provider-east: {kind", "  - provider-east: {kind")],
        ["target:13 links: should be a mapping, but is a list; leave out the '-' before its keys"],
    ),
    "an environment as a list": (
        [('env: {OPENAI_BASE_URL: "{url}/v1"}', 'env: ["OPENAI_BASE_URL={url}/v1"]')],
        [
            "target:14 links.provider-east.env: should be a mapping, but is a list; a mapping stands there, "
            'such as {OPENAI_BASE_URL: "{url}/v1"}'
        ],
    ),
    "curly quotes round an expectation": (
        [("- good_ratio >= 0.9 in fault", "- \u201cgood_ratio >= 0.9 in fault\u201d")],
        [
            "scenario:15 expect[0]: '\u201cgood_ratio >= 0.9 in fault\u201d' is not an expectation: curly quotes are letters to YAML; "
            "write plain ones, or none; write metric[.part][{label=value}] OP number [in PHASE] [among exposed] [after FAULT], "
            "such as good_ratio >= 0.9 in fault, good_ratio{region=east} >= 0.9 in fault or recovery_time_s <= 5"
        ],
    ),
    "an expectation in braces": (
        [("good_ratio >= 0.9 in fault", "{good_ratio >= 0.9}")],
        [
            "scenario:15 expect[0]: an expectation is one text, and in braces it is a mapping; write good_ratio >= 0.9 without them"
        ],
    ),
    "a body as a text": (
        [('body: {q: "{question}"}', 'body: \'{"q": "{question}"}\'')],
        ['target:11 ask.body: should be a mapping, but is \'{"q": "{question}"}\'; leave out the quotes around it'],
    ),
    "a question without quotes": (
        [('{q: "{question}"}', "{q: {question}}")],
        [
            "target:7 ask: the question is put nowhere, so every answer would be one to nothing: {question} without quotes is a mapping to "
            'YAML, and no text; write {question} where it goes in body (or path, or a header), such as body: {question: "{question}"}'
        ],
    ),
    "no blank behind a colon in braces": (
        [("get: /healthz", "get:/healthz")],
        [
            "target:5 start.ready[\"get:/healthz\"]: unknown key; a blank is missing behind the ':'; write get: /healthz",
        ],
    ),
    "a unit in capitals": (
        [("fault: 15s", "fault: 15S")],
        ["scenario:8 phases.fault: '15S' is not a duration; units are written small, such as 15s"],
    ),
    "a comma for a point": (
        [("fault: 15s", "fault: 1,5s")],
        ["scenario:8 phases.fault: '1,5s' is not a duration; a number is written with a point, such as 1.5s"],
    ),
    "a number that begins with its point": (
        [("fault: 15s", "fault: .5s")],
        ["scenario:8 phases.fault: '.5s' is not a duration; a number begins with a digit, such as 0.5s"],
    ),
    "a time below none": (
        [("fault: 15s", "fault: -5s")],
        ["scenario:8 phases.fault: '-5s' is not a duration; no time is less than none"],
    ),
    "two units": (
        [("fault: 15s", "fault: 1h30m")],
        [
            "scenario:8 phases.fault: '1h30m' is not a duration; it has one number and one unit, such as 90min for an hour and a half"
        ],
    ),
    "a unit that there is not": (
        [("fault: 15s", "fault: 5seconds")],
        [f"scenario:8 phases.fault: '5seconds' {NO_DURATION}"],
    ),
    "a blank before the unit": ([("fault: 15s", "fault: 15 s")], []),
    "a phase's name that is near to another's": (
        [("  fault: 15s", "  fail: 15s"), ("in fault", "in recovery")],
        [f"scenario:8 phases.fail: unknown key; did you mean 'fault'? {FURTHER}"],
    ),
    "a path without its slash": ([("get: /healthz", "get: healthz")], [f"target:5 start.ready.get: {A_PATH}"]),
    "a scheme in capitals": (
        [("{simulated: {}}", '"HTTPS://api.openai.com"')],
        [
            "target:14 links.provider-east.upstream: 'HTTPS://api.openai.com' is not an HTTP address without user and query; "
            "write http://host:port, or https://host: it begins with HTTPS://; write https://"
        ],
    ),
    "Redis over TLS": (
        [("{simulated: {}}", '"rediss://127.0.0.1:6380"')],
        [
            f"target:14 links.provider-east.upstream: 'rediss://127.0.0.1:6380' begins with rediss://; {CARRIED} 127.0.0.1:6380"
        ],
    ),
    "gRPC": (
        [("{simulated: {}}", '"grpc://127.0.0.1"')],
        [f"target:14 links.provider-east.upstream: 'grpc://127.0.0.1' begins with grpc://; {CARRIED} 127.0.0.1:PORT"],
    ),
    "a WebSocket": (
        [("{simulated: {}}", '"wss://127.0.0.1/v1/realtime"')],
        [
            "target:14 links.provider-east.upstream: 'wss://127.0.0.1/v1/realtime' begins with wss://; a WebSocket begins as HTTP: "
            "write https://127.0.0.1/v1/realtime"
        ],
    ),
    "a Redis server in one word": ([("start:", "services: {cache: redis}\nstart:")], []),
    "another word for a service": (
        [("start:", "services: {cache: rediss}\nstart:")],
        ["target:3 services.cache: should be 'redis' or a mapping, but is 'rediss'"],
    ),
    "JSON as it is in a header": (
        [("headers: {}", 'headers: {x-meta: {"tenant": 1}}')],
        [
            "target:9 ask.headers.x-meta: should be text, but is a mapping; JSON stands in quotes: '{{\"tenant\": 1}}'",
        ],
    ),
    "JSON in quotes with single braces in a header": (
        [("headers: {}", 'headers: {x-meta: \'{"tenant": {"id": 1} }\'}')],
        [
            "target:9 ask.headers.x-meta: braces that are part of no placeholder; write {{ and }} for braces that are meant, as in JSON",
        ],
    ),
    "JSON in quotes with double braces in a header": (
        [("headers: {}", "headers: {x-meta: '{{\"tenant\": 1}}'}")],
        [],
    ),
    "a pattern that may take for ever": (
        [("faults:", 'good: {answers: {matches: "(a+)+$"}}\nfaults:')],
        [
            "scenario:10 good.answers.matches: '(a+)+$' matches some texts in more ways than can be tried, as (a+)+ and (a|ab|b)+ do, so "
            "that it may take for ever on an answer that it is not found in; let there be one way only through what it repeats"
        ],
    ),
    "a repetition whose pieces end": (
        [("faults:", 'good: {answers: {matches: "([a-z]+, )*[a-z]+\\\\.$"}}\nfaults:')],
        [],
    ),
    "a GET whose question is in its path": (
        [('  path: /ask\n  body: {q: "{question}"}', '  method: GET\n  path: "/ask?q={question}"')],
        [],
    ),
    "a GET with a body": (
        [("  path: /ask", "  method: GET\n  path: /ask")],
        ["target:7 ask: a GET has no body; leave body out, and write {question} in path, such as /ask?q={question}"],
    ),
    "an unknown key of a target and an unknown placeholder of it": (
        [("name: chat", "nme: chat"), ('"{port}"]', '"{prt}"]')],
        [
            "target:2 nme: unknown key; did you mean 'name'?",
            "target:4 start.command[2]: unknown placeholder {prt}; did you mean 'port'?",
        ],
    ),
    "links under another name": (
        [("links:", "lnks:"), ('"{port}"]', '"{provider-east.url}"]')],
        [
            "target:4 start.command: does not say on which port it is to listen, and it is waited for and asked on its {port}; "
            'write {port} in its command or its env, such as env: {PORT: "{port}"}',
            "target:13 lnks: unknown key; did you mean 'links'?",
        ],
    ),
    "a folder that is not there": (
        [("  ready: {get", "  cwd: app\n  ready: {get")],
        ["warning target:5 start.cwd: there is no folder FOLDER/targets/app"],
    ),
    "a stream of the json protocol": (
        [("  path: /ask", "  path: /ask\n  stream: true")],
        ["target:11 ask.stream: the json protocol reads one JSON reply and has no streams; leave it out"],
    ),
}


@pytest.mark.parametrize(("slips", "lines"), SLIPS.values(), ids=SLIPS)
def test_each_slip_is_told_in_these_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slips: list[tuple[str, str]], lines: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {"scenario.yaml": SCENARIO, "targets/default.yaml": TARGET, "questions.yaml": QUESTIONS}
    for there, written in slips:
        name = next(name for name, text in texts.items() if there in text)
        texts[name] = texts[name].replace(there, written, 1)
    (tmp_path / "targets").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    found = validate(Path("scenario.yaml"))
    told = [*map(str, found.problems), *(f"warning {warning}" for warning in found.warnings)]
    assert [_shorter(line).replace(str(tmp_path), "FOLDER") for line in told] == lines


def test_what_does_not_come_to_serve_is_told_with_the_line_of_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "target.yaml"
    file.write_text(TARGET)
    late, tried = "process 'target' was not ready within 20 s", "tried GET /healthz; its log is empty"
    told = NotReadyError(late, "start.ready.within", tried).placed(load_target(file))
    assert str(told) == f"{late} (start.ready.within, {file}:5); {tried}"


def _shorter(line: str) -> str:
    for name in ("scenario", "targets/default", "questions"):
        line = line.replace(
            f"{name}.yaml:", f"{name.removesuffix('/default').removesuffix('s') if '/' in name else name}:", 1
        )
    return line
