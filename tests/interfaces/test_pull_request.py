"""The comment on a pull request: one, kept up to date, over nobody else's, none where it may not be written, and with no secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.interfaces.pull_request import told
from harness.report.comment import CHARS_MAX, comment, marker, quiet

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cr3t-of-the-target"
JOB = "github-actions[bot]"


class GitHub(ThreadingHTTPServer):
    """What GitHub does with comments, on this machine: it knows one pull request, and whether the token may write."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.comments: list[dict[str, Any]] = []
        self.refuses = 0
        self.login = JOB
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def write(self, login: str, body: str) -> None:
        number = len(self.comments) + 1
        self.comments.append(
            {"id": number, "body": body, "user": {"login": login}, "html_url": f"https://github.test/{number}"}
        )


class Answer(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/user":
            named = self.server.login != JOB
            return self._answer(200 if named else 403, {"login": self.server.login} if named else {})
        page, size = (int(parse_qs(url.query)[name][0]) for name in ("page", "per_page"))
        return self._answer(200, self.server.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        assert self.path == "/repos/o/r/issues/7/comments"
        body = self._body()
        if self.server.refuses:
            return self._answer(self.server.refuses, {})
        self.server.write(self.server.login, body)
        return self._answer(201, self.server.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.removeprefix("/repos/o/r/issues/comments/"))
        body = self._body()
        if self.server.refuses:
            return self._answer(self.server.refuses, {})
        self.server.comments[number - 1]["body"] = body
        return self._answer(200, self.server.comments[number - 1])

    def _body(self) -> str:
        self.server.tokens.add(self.headers["Authorization"])
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def _answer(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where one run lies, the sample, which failed."""
    copytree(ROOT / "reports" / "sample", tmp_path / "out" / "region-loss" / "20261126-fragile")
    return tmp_path / "out"


@pytest.fixture
def job(tmp_path: Path, github: GitHub) -> dict[str, str]:
    """The environment of a job on pull request 7."""
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "abcdef1234567"}}}))
    return {
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_TOKEN": "t0ken-that-writes", "GITHUB_REPOSITORY": "o/r",
        "GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": "https://github.test", "GITHUB_RUN_ID": "99",
    }  # fmt: skip


def test_the_first_job_writes_a_comment_and_the_next_writes_over_it(
    github: GitHub, job: dict[str, str], out: Path
) -> None:
    assert told(out, "gate", job) == "the comment is https://github.test/1"
    (first,) = (one["body"] for one in github.comments)
    assert "### Resilience: 0 of 1 passed at `abcdef1`" in first
    assert "[The reports and the log](https://github.test/o/r/actions/runs/99)" in first
    summary = next(out.glob("*/*/summary.md"))
    summary.write_text(summary.read_text().replace("## FAIL", "## PASS"))
    told(out, "gate", job)
    (second,) = (one["body"] for one in github.comments)
    assert "1 of 1 passed" in second
    assert github.tokens == {"Bearer t0ken-that-writes"}


def test_another_gate_has_a_comment_of_its_own(github: GitHub, job: dict[str, str], out: Path) -> None:
    for key in ("gate", "nightly", "gate"):
        told(out, key, job)
    assert [one["body"].split("\n")[0] for one in github.comments] == [marker("gate"), marker("nightly")]


def test_it_is_found_behind_hundreds_of_others(github: GitHub, job: dict[str, str], out: Path) -> None:
    for number in range(250):
        github.write("somebody", f"comment {number}")
    for _ in range(2):
        told(out, "gate", job)
    assert len(github.comments) == 251


@pytest.mark.parametrize("login", [JOB, "our-own-app"])
def test_what_somebody_else_marked_as_ours_is_not_written_over(
    github: GitHub, job: dict[str, str], out: Path, login: str
) -> None:
    github.login = login
    github.write("somebody", marker("gate"))
    for _ in range(2):
        told(out, "gate", job)
    assert [one["user"]["login"] for one in github.comments] == ["somebody", login]
    assert github.comments[0]["body"] == marker("gate")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_that_may_not_write_as_a_forks_ends_with_a_word_and_no_failure(
    github: GitHub, job: dict[str, str], out: Path, status: int
) -> None:
    github.refuses = status
    assert told(out, "gate", job).startswith("::notice::the token may not write comments here")
    assert github.comments == []


@pytest.mark.parametrize("lacks", ["GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"])
def test_without_a_token_or_a_pull_request_nothing_is_asked_and_it_is_said(
    github: GitHub, job: dict[str, str], out: Path, lacks: str
) -> None:
    assert told(out, "gate", {name: value for name, value in job.items() if name != lacks}).startswith("::notice::")
    assert github.comments == []


def test_a_github_that_breaks_or_is_not_there_is_a_warning(github: GitHub, job: dict[str, str], out: Path) -> None:
    github.refuses = 500
    assert told(out, "gate", job) == "::warning::the comment could not be written: GitHub answered 500 to POST"
    gone = told(out, "gate", job | {"GITHUB_API_URL": "http://127.0.0.1:1"})
    assert gone.startswith("::warning::the comment could not be written: GitHub cannot be reached")


def test_no_secret_stands_in_it(github: GitHub, job: dict[str, str], out: Path) -> None:
    run = next(out.glob("*/*"))
    text = (run / "target.yaml").read_text()
    (run / "target.yaml").write_text(text.replace("  path: /ask\n", '  path: /ask\n  headers: {key: "${MY_KEY}"}\n'))
    (run / "summary.md").write_text(f"## FAIL: x on y\n\nit said {SECRET} and {job['GITHUB_TOKEN']}\n")
    told(out, "gate", job | {"MY_KEY": SECRET})
    body = github.comments[0]["body"]
    assert SECRET not in body
    assert job["GITHUB_TOKEN"] not in body
    assert "it said ${MY_KEY} and ${GITHUB_TOKEN}" in body
    told(out, "gate", job)
    assert SECRET in github.comments[0]["body"], "the twin: it is the value of the variable that is hidden"


@pytest.mark.parametrize(
    "text", ["@team", "\\@team", "org/repo#12", "\\#12", "GH-12", "see https://evil.test", "www.evil.test", "a@b.test"]
)
def test_what_others_wrote_calls_nobody_and_links_to_nothing(text: str) -> None:
    told_ = quiet(text)
    assert told_ != text
    assert told_.replace("\u2060", "") == text


@pytest.mark.parametrize(
    "text", ["`harness run a#b`", "```sh\nharness run --set a@b https://x\n```", "90 % # of", "a / b"]
)
def test_what_is_code_stays_what_can_be_copied(text: str) -> None:
    assert quiet(text) == text


def test_what_passed_is_folded_away_below_what_did_not_and_its_title_is_text() -> None:
    text = comment("k", ["## PASS: <b>a</b>\\_b on c\n\nfine\n", "## FAIL: d on c\n\nbad\n"])
    assert text.index("## FAIL: d on c") < text.index("<details><summary>PASS: &lt;b&gt;a&lt;/b&gt;_b on c</summary>")
    assert "### Resilience: 1 of 2 passed" in text


def test_a_comment_never_becomes_longer_than_github_takes_and_says_what_is_left_out() -> None:
    text = comment("k", [f"## FAIL: {number} on c\n\n{'x' * 10_000}\n" for number in range(20)])
    assert len(text) < CHARS_MAX + 200
    assert "15 more do not fit here." in text
