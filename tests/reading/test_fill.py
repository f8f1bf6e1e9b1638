"""Templates of a target file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reading.placeholders import (
    missing_secrets,
    templates,
    unknown_in_draft,
    unknown_placeholders,
    untold_links,
    untold_ports,
)
from harness.reading.target import Target
from harness.reading.templates import fill, fill_asked, fill_for_later, placeholders, secret_names, secrets
from harness.reading.yaml import DraftProblems, load, read

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios" / "targets").glob("*.yaml"))
VALUES = {"port": "8000", "redis-primary.port": "6379", "provider-east.url": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("--port={port}", "--port=8000"),
        ("{redis-primary.port}{port}", "63798000"),
        ("{provider-east.url}/v1", "http://127.0.0.1:1/v1"),
        ('{{"port": {port}, "x": {{}}}}', '{"port": 8000, "x": {}}'),
        ("{{port}}", "{port}"),
        ("{{{port}}}", "{8000}"),
        ("${KEY} {port} $${KEY}", "${KEY} 8000 $${KEY}"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_placeholders_are_filled_and_double_braces_become_single_ones(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{prt}", "unknown placeholder {prt}; did you mean 'port'?"),
        ("{zzz}", "unknown placeholder {zzz}; known: port, provider-east.url, redis-primary.port"),
        ("{redis-primry.port}", "unknown placeholder {redis-primry.port}; did you mean 'redis-primary.port'?"),
        ('{"a": 1}', "braces that are part of no placeholder; write {{ and }} for braces that are meant, as in JSON"),
        ("{}", "braces that are part of no placeholder; write {{ and }} for braces that are meant, as in JSON"),
        ("{port}}", "a lone } is part of no placeholder; write }} for a brace that is meant"),
        ("{prt} {zzz.y}", "unknown placeholder {prt}; did you mean 'port'?;"
                          " unknown placeholder {zzz.y}; known: port, provider-east.url, redis-primary.port"),
    ],
)  # fmt: skip
def test_what_cannot_be_filled_is_named_with_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="placeholder") as refused:
        fill(text, VALUES)
    assert str(refused.value) == message


def test_placeholders_are_listed_once_each_without_secrets() -> None:
    assert placeholders("{b} {a.url} {b} {{c}} ${D} $${E} {a.url}") == ["b", "a.url"]


@given(st.text(alphabet="{}$ab.", max_size=12))
def test_a_text_with_its_braces_doubled_is_filled_to_itself(text: str) -> None:
    # Without dollars: before braces they speak of secrets.
    doubled = text.replace("$", "").replace("{", "{{").replace("}", "}}")
    assert fill(doubled, {}) == text.replace("$", "")


def test_a_value_is_never_read_as_a_template() -> None:
    assert fill("{port}", {"port": "{port} {{ }}"}) == "{port} {{ }}"


def test_secrets_come_from_the_environment_and_last() -> None:
    text = fill("Bearer ${KEY} on {port}, $${KEY}", VALUES)
    assert secrets(text, {"KEY": "{port} ${KEY}"}) == "Bearer {port} ${KEY} on 8000, ${KEY}"
    assert secret_names("${B} ${A} ${B} $${C}") == ["B", "A"]


def test_secrets_that_are_not_set_are_named_and_those_that_are_are_not_shown() -> None:
    with pytest.raises(ValueError, match="not set in the environment: B, C") as refused:
        secrets("${A} ${B} ${C}", {"A": "hunter2"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_target_that_ships_can_be_filled(path: Path) -> None:
    assert unknown_placeholders(load(path, Target)) == []


def test_a_target_whose_templates_name_what_there_is_is_in_order(target_text: str) -> None:
    assert unknown_placeholders(read(target_text, Target, "t.yaml")) == []


UNFILLED = [
    (
        '"{port}", --dir',
        '"{prt}", --dir',
        "6 services.redis.command[2]: unknown placeholder {prt}; did you mean 'port'?",
    ),
    (
        "{openai.url}",
        "{opnai.url}",
        "9 services.worker.command[4]: unknown placeholder {opnai.url}; did you mean 'openai.url'?",
    ),
    (
        '{{"seed": {seed}}}',
        '{{"seed": {seed}}',
        "9 services.worker.command[5]: a lone } is part of no placeholder; write }} for a brace that is meant",
    ),
    ('QUOTED: "7"', 'QUOTED: "{host}"', "10 services.worker.env.QUOTED: unknown placeholder {host}; known: "),
    ("app:app", "{question}", "14 start.command[1]: unknown placeholder {question}; known: "),
    (
        "127.0.0.1:{target.port}",
        "127.0.0.1:{taget.port}",
        "19 entries[0].url: unknown placeholder {taget.port}; did you mean 'target.port'?",
    ),
    ("{question}", "{queston}", "28 ask.body.question: unknown placeholder {queston}; did you mean 'question'?"),
    ("Bearer ${KEY}", "{url}", "24 ask.headers.authorization: unknown placeholder {url}; known: "),
    ("{nonce}", "{nonc}", "29 ask.body.nested[0].deep: unknown placeholder {nonc}; did you mean 'nonce'?"),
    ("{url}/v1", "${KEY}", "42 links.openai.env.BASE: ${KEY} would stay as it is here; secrets are filled into"),
    (
        "https://api.openai.com",
        "https://${HOST}",
        "40 links.openai.upstream: ${HOST} would stay as it is here; secrets",
    ),
    ("{url}/v1", "{ur}/v1", "42 links.openai.env.BASE: unknown placeholder {ur}; did you mean 'url'?"),
    (
        "redis://127.0.0.1:{redis.port}",
        "{openai.url}",
        "54 links.cache.upstream: unknown placeholder {openai.url}; known: redis.port, target.port, worker.port",
    ),
    ("{target.port}/publish", "{url}/publish", "56 publish.post: unknown placeholder {url}; known: "),
]
"""What stands in a target, what stands there instead, and what is told of it."""


@pytest.mark.parametrize(("right", "wrong", "message"), UNFILLED)
def test_a_placeholder_that_nothing_fills_is_told_with_its_line(
    target_text: str, right: str, wrong: str, message: str
) -> None:
    problems = unknown_placeholders(read(target_text.replace(right, wrong, 1), Target, "t.yaml"))
    assert len(problems) == 1
    assert str(problems[0]).startswith(f"t.yaml:{message}")


@pytest.mark.parametrize(("right", "wrong", "message"), UNFILLED)
def test_it_is_told_at_once_beside_what_the_file_is_refused_for(
    target_text: str, right: str, wrong: str, message: str
) -> None:
    with pytest.raises(DraftProblems) as refused:
        read(target_text.replace(right, wrong, 1).replace("\nname:", "\nnme:", 1), Target, "t.yaml")
    (problem,) = unknown_in_draft(refused.value.draft)
    assert str(problem).startswith(f"t.yaml:{message}")


@pytest.mark.parametrize("slip", [("\nlinks:", "\nlnks:"), ("\nservices:", "\nservcies:"), ("\nstart:", "\nstrat:")])
def test_where_nobody_can_tell_what_there_is_to_be_named_only_what_does_not_hang_on_it_is_told(
    target_text: str, slip: tuple[str, str]
) -> None:
    text = target_text.replace(*slip).replace("{openai.url}", "{opnai.url}").replace("{nonce}", "{nonc}")
    with pytest.raises(DraftProblems) as refused:
        read(text, Target, "t.yaml")
    assert [problem.path for problem in unknown_in_draft(refused.value.draft)] == ["ask.body.nested[0].deep"]


def test_a_port_of_its_own_belongs_only_to_what_is_started(target_text: str) -> None:
    def told(text: str) -> list[str]:
        return [str(problem).split("; known")[0] for problem in unknown_placeholders(read(text, Target, "t.yaml"))]

    with_own = target_text.replace("{target.port}", "{port}")
    assert told(with_own) == []
    lines = with_own.splitlines()
    without_start = "\n".join([*lines[:12], *lines[16:]])
    assert told(without_start) == [
        "t.yaml:15 entries[0].url: unknown placeholder {port}",
        "t.yaml:52 publish.post: unknown placeholder {port}",
    ]


@pytest.mark.parametrize("told", ["{url: '{url}'}", "{ADDRESS: '{host}:{port}'}"])
def test_a_link_of_which_somebody_is_told_is_in_order(target_text: str, told: str) -> None:
    alone = f"links:\n  lonely: {{kind: store, upstream: 'redis://127.0.0.1:6379', env: {told}}}\n"
    assert untold_links(read(target_text.replace("links:\n", alone, 1), Target, "t.yaml")) == []


@pytest.mark.parametrize(
    ("listen", "wrong"),
    [("", True), (", listen: 6390", False), (", env: {KEY: abc}", True), (", env: {KEY: abc}, listen: 6390", False)],
)
def test_a_link_of_which_nobody_is_told_is_a_problem_unless_its_port_is_known(
    target_text: str, listen: str, wrong: bool
) -> None:
    alone = f"links:\n  lonely: {{kind: store, upstream: 'redis://127.0.0.1:6379'{listen}}}\n"
    problems = untold_links(read(target_text.replace("links:\n", alone, 1), Target, "t.yaml"))
    assert [problem.path for problem in problems] == (["links.lonely"] if wrong else [])


PORTLESS = """
schema: harness.target/1
name: chat
start: {command: %s, env: %s, ready: {get: /healthz}}
entries: [{url: "http://127.0.0.1:{port}"}]
ask: {protocol: openai-chat, path: /v1/chat/completions}
"""


@pytest.mark.parametrize(
    ("command", "env", "told"),
    [
        ('[serve, "{port}"]', "{}", []),
        ('[serve, "--listen=127.0.0.1:{target.port}"]', "{}", []),
        ("[serve]", '{PORT: "{port}"}', []),
        ('[serve, --port, "8000"]', "{}", ["write {port} in the place of 8000"]),
        ('[serve, "--listen=127.0.0.1:8000"]', "{}", ["write {port} in the place of 8000"]),
        ("[serve, --workers, '4']", '{MODEL: "gpt-4.1000"}', ['write {port} in its command or its env, such as env: {PORT: "{port}"}']),
    ],
)  # fmt: skip
def test_a_process_has_to_be_told_on_which_port_it_is_looked_for(command: str, env: str, told: list[str]) -> None:
    problems = untold_ports(read(PORTLESS % (command, env), Target, "t.yaml"))
    assert [(problem.path, problem.what.split("; ")[-1]) for problem in problems] == [
        ("start.command", what) for what in told
    ]


def test_a_service_of_a_target_has_to_be_told_its_own_port_and_not_another_ones() -> None:
    service = 'services: {search: {command: [search, "{target.port}"], ready: {tcp: true}}, cache: redis}'
    text = PORTLESS % ('[serve, "{port}", "{search.port}"]', "{}") + service
    assert [problem.path for problem in untold_ports(read(text, Target, "t.yaml"))] == ["services.search.command"]


def test_secrets_that_a_target_asks_for_and_nobody_set_are_told_at_each_place(target_text: str) -> None:
    document = read(target_text, Target, "t.yaml")
    assert [str(problem) for problem in missing_secrets(document, {})] == [
        "t.yaml:10 services.worker.env.KEY: ${KEY} is not set in the environment",
        "t.yaml:24 ask.headers.authorization: ${KEY} is not set in the environment",
    ]
    assert missing_secrets(document, {"KEY": ""}) == []


def test_the_templates_of_a_target_are_all_its_texts_that_are_filled_in(target_text: str) -> None:
    marked = [template.text for template in templates(read(target_text, Target, "t.yaml").value)]
    assert sum("{" in text for text in marked) == 14


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "{query}",
            "unknown placeholder {query}; did you mean 'question'? Write {{query}} for braces that are meant",
        ),
        ("{Question}", "unknown placeholder {Question}; did you mean 'question'?"),
        ("${question}", "${question} would be sent as it is; write {question}"),
        ("say { question }", "{ question } would be sent as it is; write {question}"),
        ("{user }", "{user } would be sent as it is; write {user}"),
        ("${KEY}", "${KEY} would be sent as it is; secrets are filled into headers"),
    ],
)
def test_what_nothing_fills_into_a_body_is_refused_however_deep_it_lies(target_text: str, text: str, what: str) -> None:
    document = read(target_text.replace("any: 5", f"any: [{{deep: '{text}'}}]"), Target, "t.yaml")
    (problem,) = unknown_placeholders(document)
    assert (problem.path, problem.line) == ("ask.body.any[0].deep", 30)
    assert what in problem.what


def test_a_path_and_headers_may_name_what_is_known_of_a_question(target_text: str) -> None:
    text = target_text.replace("path: /ask", 'path: "/ask/{user}?q={question}"')
    text = text.replace("Bearer ${KEY}", "Bearer ${KEY} {user}")
    assert unknown_placeholders(read(text, Target, "t.yaml")) == []
    wrong = read(text.replace("{user}?", "{usr}?"), Target, "t.yaml")
    assert [found.what for found in unknown_placeholders(wrong)] == ["unknown placeholder {usr}; did you mean 'user'?"]


def test_what_is_filled_in_before_a_question_is_asked_is_never_read_as_a_template() -> None:
    later = fill_for_later("{url} ${KEY} {user} {{user}} $${KEY}", {"url": "{question}"}, {"KEY": "a{user}b}"})
    assert fill_asked(later, {"user": "ann", "question": "When?"}) == "{question} a{user}b} ann {user} ${KEY}"
    with pytest.raises(ValueError, match="not set in the environment: KEY"):
        fill_for_later("${KEY}", {}, {})
    with pytest.raises(ValueError, match=r"unknown placeholder \{usr\}"):
        fill_for_later("{usr}", {}, {})


@pytest.mark.parametrize("text", ['{"a": {}}', "}", "$${KEY}", "{{question}}", "{{ x }}", "if (x) {\n y }"])
def test_braces_in_a_body_that_are_no_placeholder_are_the_target_s_affair(target_text: str, text: str) -> None:
    document = read(target_text.replace("any: 5", f"any: '{text}'"), Target, "t.yaml")
    assert unknown_placeholders(document) == []
    assert [problem.path for problem in missing_secrets(document, {"KEY": "x"})] == []
