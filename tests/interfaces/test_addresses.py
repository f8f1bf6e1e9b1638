"""How addresses are shown to people: with the host, and never with the password before it, whatever is wrong with them."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from typer.main import get_command

from harness.interfaces.cli import app
from harness.problems import HarnessError, Problem, UsageProblems, without_passwords

COMMAND = get_command(app)
CANARY = "c4nary"
TARGET = """\
schema: harness.target/1
name: chat
start: {command: ["{python}", app.py, "{port}"], ready: {get: /healthz}}
entries: [{url: "http://127.0.0.1:{port}", region: east}]
ask: {protocol: openai-chat, path: /v1/chat/completions, model: m, stream: true}
links:
  openai: {kind: provider, region: east, api: openai, upstream: {simulated: {}}, env: {OPENAI_BASE_URL: "{url}/v1"}}
"""
PLACES = [
    ("{simulated: {}}", "%s"),
    ('"http://127.0.0.1:{port}"', "%s"),
    ("/healthz", "%s"),
    ("links:", "health: {get: %s}\nlinks:"),
    ("links:", "publish: {post: %s}\nlinks:"),
    ("links:", "state: %s\nlinks:"),
]
ADDRESSES = [
    "redis://:c4nary@prod.example:6379",
    "user:c4nary@db:5432",
    "https://me:c4nary@api.example/v1",
    "HTTPS://c4nary@api.example",
    "mongodb://me:c4nary@db:1",
    "redis://:pa#c4nary@db:1",
    "redis://:pa/c4nary@db:1",
    "redis://:pa c4nary@db:1",
    "redis://:p@c4nary@db:1",
    "redis://me:c4nary@db:99999",
    "redis://me:ö-c4nary@db:1",
    "redis://me:" + "x" * 3_000 + "c4nary@db:1?",
    "https://api.example/?api_key=c4nary",
]


def everything_said(*words: str) -> str:
    """What a command prints, and what it ends with."""
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            COMMAND.main(list(words), standalone_mode=False)
        except (SystemExit, UsageProblems, HarnessError) as error:
            said.write(str(error))
    return said.getvalue()


def test_no_message_about_an_address_in_a_file_tells_its_password(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(len(ADDRESSES))]
    for file, address in zip(files, ADDRESSES, strict=True):
        written = TARGET
        for was, instead in PLACES:
            written = written.replace(was, instead % f"'{address}'")
        assert written.count(CANARY) == len(PLACES)
        file.write_text(written)
    told = json.loads(everything_said("validate", *map(str, files), "--output", "json"))["problems"]
    assert {one["file"] for one in told if one["line"]} == set(map(str, files))
    assert [one for one in told if CANARY in str(one) or "xxx" in str(one)] == []


def test_a_refusal_still_says_which_host_it_is_about(tmp_path: Path) -> None:
    file = tmp_path / "target.yaml"
    file.write_text(TARGET.replace("{simulated: {}}", "'redis://me:c4nary@prod.example:99999'"))
    assert "'redis://…@prod.example:99999'" in everything_said("validate", str(file))


@pytest.mark.parametrize(
    "words",
    [
        ("init", "mine.yaml", "--url", "http://me:c4nary@127.0.0.1:1"),
        ("init", "mine.yaml", "--url", "https://me:c4nary@api.example"),
        ("init", "mine.yaml", "--command", "x {port}", "--link", "db=me:c4nary@db:none"),
        ("plan", "http://me:c4nary@127.0.0.1:1"),
        ("freeze", "--why", "x", "--target", "http://me:c4nary@127.0.0.1:1"),
        ("load-worker", "--join", "word", "--master", "tcp://me:c4nary@127.0.0.1:1"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_message_about_an_address_on_the_command_line_tells_its_password(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = everything_said(*words)
    assert "127.0.0.1" in said or "example" in said or "db" in said
    assert CANARY not in said


def test_no_message_about_an_address_of_the_environment_tells_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOXIPROXY_URL", "http://me:c4nary@127.0.0.1:1")
    monkeypatch.setenv("HARNESS_STATE", "http://me:c4nary@127.0.0.1:1/")
    said = everything_said("doctor"), everything_said("stop", "--target", "chat")
    assert "http://…@127.0.0.1:1 (by TOXIPROXY_URL)" in said[0]
    assert "HARNESS_STATE" in said[1]
    assert CANARY not in "".join(said)


@pytest.mark.parametrize(
    "text",
    [
        "'http://127.0.0.1:{port}' is not 'me@example'",
        "asks https://api.example/users/@me for it",
        "'redis://me:${REDIS_PASSWORD}@db:1' would stay as it is here",
        "image 'redis:7@sha256:abc' is not there: ask ops@example",
        "mine.yaml:7 links: unknown key; did you mean 'entries'?",
    ],
)
def test_what_holds_no_password_is_shown_as_it_is(text: str) -> None:
    assert without_passwords(text) == str(Problem(text)) == text
