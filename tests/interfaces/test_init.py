"""``harness init``: what is said of a service becomes a target file that is in order, and what is missing is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.first_target.given import Given
from harness.interfaces.cli import app
from harness.interfaces.questionnaire import answered
from harness.prepare import validate
from harness.problems import UsageProblems
from harness.reading.target import Target
from harness.reading.yaml import load

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["--command", "uvicorn app:app --port {port}"]
PROVIDER = ["--link", "openai=simulated"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MY_KEY", raising=False)


def init(*words: str) -> Result:
    return CliRunner().invoke(app, ["init", *words])


def target(file: str = "my-service.yaml") -> Target:
    assert validate(Path(file)).ok
    return load(Path(file), Target).value


class _Chat(BaseHTTPRequestHandler):
    """A service with a key, asked as OpenAI's chat completions are."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._answer(200, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["x-key"] != "hunter2":
            sent = self.headers["x-key"]
            self._answer(401, {"error": f"no such key: {sent}"} if sent else {})
            return
        self._answer(200, {"choices": [{"message": {"content": f"So {body['messages'][0]['content']}"}}]})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        self.wfile.write(head.encode() + content)


@pytest.fixture
def url() -> Iterator[str]:
    with _served(_Chat) as url:
        yield url


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_command_becomes_a_target_that_a_scenario_can_be_aimed_at() -> None:
    done = init(*COMMAND, "--ready", "/healthz", "--path", "/v1/chat/completions", "--model", "our-model", *PROVIDER)
    assert done.output.splitlines() == ["written   my-service.yaml", "next      harness ask my-service.yaml"]
    made = target()
    assert made.start is not None
    assert (made.name, made.start.command) == ("my-service", ["uvicorn", "app:app", "--port", "{port}"])
    assert (made.start.ready.get, made.ask.model, made.links["openai"].kind) == ("/healthz", "our-model", "provider")
    assert validate(ROOT / "scenarios" / "provider-latency.yaml", Path("my-service.yaml")).ok


def test_a_key_that_the_shell_has_filled_in_is_written_down_as_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "k-0123456789ab")
    done = init(
        *COMMAND, "--header", "Authorization: Bearer k-0123456789ab", "--header", f"X: sk-{'a1b2' * 6}", *PROVIDER
    )
    assert target().ask.headers == {"Authorization": "Bearer ${MY_KEY}", "X": f"sk-{'a1b2' * 6}"}
    assert "missing   ask.headers.X: a key seems to stand here as itself" in done.output
    assert "ask.headers.Authorization" not in done.output
    assert "0123456789ab" not in str(init(*COMMAND, "--header", "Bearer k-0123456789ab", "other.yaml").exception)


def test_what_nobody_said_is_missing_and_so_is_what_can_be_broken() -> None:
    done = init("--command", "python app.py", "--protocol", "json", "--field", "q")
    assert [line for line in done.output.splitlines() if line.startswith("missing")] == [
        "missing   start.env: that it takes its port from PORT is a guess; write {port} in start.command where it is said, "
        "or name another variable",
        "missing   ask: how it is asked is a guess as long as nobody says --path, --answer; harness ask tells whether it is right",
        "missing   links: nobody said what it depends on, so nothing can be broken; say it, such as --link openai=https://api.openai.com",
    ]
    assert target().ask.body == {"q": "{question}"}
    assert Path("my-service.yaml").read_text().count("# Missing: ") == 3


def test_a_service_that_runs_is_looked_at_and_told_where_its_links_will_be(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "hunter2")
    done = init("--url", url, "--header", "X-Key: ${MY_KEY}", "--link", "openai=https://api.openai.com/v1", "mine.yaml")
    assert done.output.splitlines() == [
        "written   mine.yaml",
        "found     POST /v1/chat/completions answers as OpenAI's chat completions, in one piece; model default",
        "tell it   OPENAI_BASE_URL=http://127.0.0.1:7101/v1",
        "next      harness ask mine.yaml --allow-host api.openai.com",
    ]
    made = target("mine.yaml")
    assert (made.entries[0].url, made.ask.headers, made.links["openai"].listen) == (url, {"X-Key": "${MY_KEY}"}, 7101)
    assert "hunter2" not in Path("mine.yaml").read_text() + done.output


def test_a_service_that_wants_a_key_is_written_down_with_what_it_answered(url: str) -> None:
    done = init("--url", url)
    assert "missing   POST /v1/chat/completions answered 401: {}; say what it wants" in done.output
    assert "# Missing: POST /v1/chat/completions answered 401" in Path("my-service.yaml").read_text()
    assert target().ask.path == "/v1/chat/completions"


@pytest.mark.parametrize("key", ["sk-of-somebody+else/0123", "of-somebody\n"])
def test_a_key_that_a_service_echoes_or_that_cannot_be_sent_is_neither_printed_nor_written(
    url: str, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("MY_KEY", key)
    done = init("--url", url, "--header", "X-Key: ${MY_KEY}")
    said = f"{done.output}{done.exception}{''.join(path.read_text() for path in Path().iterdir())}"
    assert "${MY_KEY}" in said
    assert "somebody" not in said


def test_who_redirects_is_not_followed_and_no_key_is_taken_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "hunter2")
    keys: list[str | None] = []

    class Elsewhere(_Chat):
        def do_GET(self) -> None:
            keys.append(self.headers["x-key"])
            super().do_GET()

    with _served(Elsewhere) as other:

        class Moved(_Chat):
            def do_GET(self) -> None:
                self.wfile.write(f"HTTP/1.1 302 X\r\nlocation: {other}\r\ncontent-length: 0\r\n\r\n".encode())

        with _served(Moved) as url:
            done = init("--url", url, "--header", "X-Key: ${MY_KEY}")
    assert "found     POST /v1/chat/completions answers" in done.output
    assert keys == []


def test_what_is_a_guess_as_long_as_a_service_does_not_answer_is_said(url: str) -> None:
    done = init("--url", url, "--protocol", "json", "--path", "/ask")
    assert "missing   POST /ask answered 401: {}; say what it wants" in done.output
    assert (
        "missing   ask: where the question goes in the body, and where the answer stands in the reply, are guesses"
        in done.output
    )
    assert target().ask.reply.answer == "/answer"


def test_a_compose_file_becomes_a_target_with_the_next_step_at_its_head() -> None:
    Path("compose.yaml").write_text(
        "services:\n  app: {build: ., ports: ['80:8000'], environment: {REDIS_URL: 'redis://cache:6379/0'}}\n  cache: {image: redis}\n"
    )
    done = init("--compose", "compose.yaml", "--path", "/ask", "--field", "q", "--answer", "/a")
    assert done.output.splitlines()[1:] == [
        "found     service app of compose.yaml, port 8000",
        "next      save what the head of my-service.yaml says as compose.harness.yaml, and run the commands below it",
    ]
    assert target().links["cache"].upstream == "redis://cache:6379"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say where the service runs (--url http://127.0.0.1:8000), how it is started (--command"),
        (["--url", "http://127.0.0.1:1", *COMMAND], "these are 2 ways at once; say where"),
        (["--url", "http://127.0.0.1:1"], "nothing there speaks HTTP"),
        (["--url", "http://example.com"], "'example.com' is not on this machine; if it may be asked a few questions, allow it"),
        (["--url", "ftp://127.0.0.1"], "is no HTTP address; write one such as http://127.0.0.1:8000"),
        (["--url", "http://127.0.0.1:99999"], "is no HTTP address"),
        (["--url", "http://[::1"], "is no HTTP address"),
        (["--url", "http://127.0.0.1:1", "--header", "x: ${MY_KEY}"], "--header: ${MY_KEY} is not set in the environment"),
        ([*COMMAND, "--header", "x"], "'x' is not NAME: VALUE"),
        ([*COMMAND, "--link", "openai"], "--link: 'openai' is not NAME=UPSTREAM, such as"),
        ([*COMMAND, *PROVIDER, *PROVIDER], "'openai' is said twice"),
        ([*COMMAND, "--link", "openai=http://[::1"], "links.openai.upstream: 'http://[::1' is not an HTTP address"),
        ([*COMMAND, "--link", "redis=127.0.0.1"], "links.redis.upstream: '127.0.0.1' has no port"),
        ([*COMMAND, "--protocol", "grpc"], "ask.protocol: unknown ask protocol 'grpc'"),
        (["--command", "a 'b"], "cannot be split into words"),
        (["--command", ""], "is empty; write it as in a shell"),
        (["--command", "app {prot}"], "unknown placeholder {prot}"),
        (["--compose", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
        ([*COMMAND, "--within", "5"], "--within: "),
        ([*COMMAND, "--within", "0s"], "--within: '0s' is no time at all, and so too short"),
        ([*COMMAND, "nowhere/mine.yaml"], "nowhere/mine.yaml: cannot be written: No such file or directory"),
    ],
)  # fmt: skip
def test_what_was_said_wrongly_is_told_and_nothing_is_written(words: list[str], said: str) -> None:
    done = init(*words)
    assert isinstance(done.exception, UsageProblems)
    assert said in str(done.exception)
    assert list(Path().iterdir()) == []


def test_a_file_that_is_there_is_left_as_it_is_before_anybody_is_asked_for_anything(url: str) -> None:
    Path("my-service.yaml").write_text("mine")
    done = init("--url", url)
    assert "is there already, and was left as it is" in str(done.exception)
    assert Path("my-service.yaml").read_text() == "mine"
    assert init(*COMMAND, "--force").exit_code == 0
    assert target().name == "my-service"


def test_links_are_told_apart_whatever_they_are_called() -> None:
    init(
        *COMMAND,
        *PROVIDER,
        "--link",
        "backup-openai=simulated",
        "--link",
        "index:store=127.0.0.1:6333",
        "--link",
        "cache=redis://127.0.0.1",
    )
    links = target().links
    assert [(link.kind, list(link.env)) for link in links.values()] == [
        ("provider", ["OPENAI_BASE_URL"]),
        ("provider", ["BACKUP_OPENAI_OPENAI_BASE_URL"]),
        ("store", ["INDEX_HOST", "INDEX_PORT"]),
        ("cache", ["CACHE_URL"]),
    ]


def person(*lines: str) -> tuple[Given, list[str], list[str]]:
    """What a person's answers come to, line by line; what was asked, and what was said."""
    answers, asked, told = iter(lines), list[str](), list[str]()

    def ask(text: str, default: str) -> str:
        asked.append(text)
        return next(answers) or default

    return answered(Given(Path("mine.yaml")), ask, told.append), asked, told


def test_a_person_is_asked_how_the_service_is_started_and_an_empty_line_is_the_likeliest_answer() -> None:
    given, asked, _ = person("", "", "/healthz", "", "", "", "", "")
    assert (given.url, given.command, given.ready) == (None, "uvicorn app:app --port {port}", "/healthz")
    assert (given.protocol, given.path, given.model) == ("openai-chat", "/v1/chat/completions", "default")
    assert given.links == ("openai=simulated",)
    assert len(asked) == 8


def test_a_person_whose_service_runs_is_asked_no_more_than_what_it_depends_on() -> None:
    given, asked, told = person("http://127.0.0.1:8000", "redis", "redis=redis://127.0.0.1:6379", "")
    assert (given.url, given.command, given.links) == ("http://127.0.0.1:8000", None, ("redis=redis://127.0.0.1:6379",))
    assert any("'redis' is not NAME=UPSTREAM" in line for line in told)
    assert len(asked) == 4


def test_a_person_with_a_json_service_is_asked_where_things_stand() -> None:
    given, _, _ = person("", "python app.py {port}", "", "json", "/q", "query", "/data/text", "openai=simulated", "")
    assert (given.protocol, given.path, given.field, given.answer) == ("json", "/q", "query", "/data/text")
    assert given.ready is None
