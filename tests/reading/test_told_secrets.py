"""What of the environment is hidden in all that is written: what a target asks for, and what is a secret by what it is called or holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.reading.placeholders import told_secrets, written_out
from harness.reading.target import Target
from harness.reading.yaml.document import load

WRITTEN = {
    "schema": "harness.target/1",
    "name": "t",
    "entries": [{"url": "http://127.0.0.1:1"}],
    "ask": {"protocol": "openai-chat", "headers": {"X-Word": "${SHORT}"}},
}
TARGET = Target.model_validate(WRITTEN)


def test_what_a_target_asks_for_is_hidden_whatever_it_is_called_and_nothing_beside_it() -> None:
    assert told_secrets(TARGET, {"SHORT": "abcd", "LONG": "abcdefghijklmnopq"}) == {"SHORT": "abcd"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OPENAI_API_KEY", "sk-0123456789", True),
        ("OPENAI_API_KEY_EAST", "sk-0123456789", True),
        ("API_KEYS", "sk-0123456789,sk-9876543210", True),
        ("DB_PASS", "longer-than-twelve", True),
        ("GITHUB_PAT", "ghp_0123456789", True),
        ("DATABASE_URL", "postgres://app:longer-than-twelve@db/x", True),
        ("HTTPS_PROXY", "http://longer-than-twelve@proxy:3128", True),
        ("DATABASE_URL", "postgres://postgres:postgres@localhost/x", False),
        ("PWD", "/home/somebody/service", False),
        ("OLDPWD", "/home/somebody/service", False),
        ("SSL_KEY_FILE", "/etc/ssl/private.pem", False),
        ("TOKENIZERS_PARALLELISM", "false-false-false", False),
        ("KEYBOARD_LAYOUT", "somebody-s-layout", False),
        ("AWS_ACCESS_KEY_ID", "AKIA0123456789ABCD", False),
        ("MAX_TOKENS", "4096", False),
    ],
)
def test_what_of_the_environment_is_a_secret_is_told_by_its_name_or_by_a_password_in_it(name, value, told) -> None:
    assert (name in told_secrets(TARGET, {name: value})) == told


@pytest.mark.parametrize(
    ("written", "hidden"),
    [
        ("postgres://app:s3cret-word@127.0.0.1:5432/x", {"s3cret-word"}),
        ("serve --db=redis://:s3cret%2Fword@127.0.0.1:1 --quiet", {"s3cret%2Fword", "s3cret/word"}),
        ("postgres://app:pa@ss-word@127.0.0.1/x", {"pa@ss-word"}),
        ("https://0123456789abcdef@127.0.0.1/4711", {"0123456789abcdef"}),
        ("http://127.0.0.1/v1?version=2&api_key=abcd1234&x=1", {"abcd1234"}),
        ("a://u:first@h,b://u:other@h", {"first", "other"}),
        ("postgres://app:${WORD}@127.0.0.1/x?token=${TOKEN}", set()),
        ("postgres://app:{temp}@127.0.0.1/x", set()),
        ("postgres://app@127.0.0.1/x", set()),
        ("postgres://postgres:postgres@127.0.0.1/x?keyspace=main", set()),
        ("redis://:redis@127.0.0.1/1", set()),
        ("ann@example.com, see http://127.0.0.1:80/a@b", set()),
    ],
)
def test_what_stands_as_itself_in_an_address_of_the_target_file_is_hidden_by_where_it_stands(
    written: str, hidden: set[str]
) -> None:
    start = {"command": ["serve"], "ready": {"get": "/"}, "env": {"WHERE": written}}
    told = told_secrets(Target.model_validate({**WRITTEN, "start": start}), {})
    assert set(told.values()) == hidden
    assert all(name.startswith("a secret in start.env.WHERE") for name in told)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Bearer sk-proj-0123456789abcdefABCD", True),
        ("AIza" + "0123456789" * 3 + "abcde", True),
        ("Bearer ${KEY}", False),
        ("Bearer sk-test-0123456789abcdefABCD", False),
        ("Bearer unused", False),
        ("task-0123456789abcdefABCD0123", False),
    ],
)
def test_a_key_that_is_written_out_is_told_with_its_line_and_not_quoted(
    tmp_path: Path, written: str, told: bool
) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        'schema: harness.target/1\nname: t\nentries: [{url: "http://127.0.0.1:1"}]\nask:\n  protocol: openai-chat\n'
        f'  headers: {{Authorization: "{written}"}}\n'
    )
    found = written_out(load(path, Target))
    assert [(problem.line, problem.path) for problem in found] == ([(6, "ask.headers.Authorization")] if told else [])
    assert not any(written in str(problem) for problem in found)
