"""``python -m harness.interfaces.pull_request OUT``: one comment on a job's pull request, kept up to date, that tells of the runs in OUT.

Whether it can be written says nothing of the runs: a token that may not write, as that of a fork's pull request, ends with a word and 0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from harness.problems import HarnessError
from harness.record.masking import Mask
from harness.report.annotations import command
from harness.report.comment import comment, marker

_TIMEOUT_S = 20.0
_PAGES_MAX = 50
_PER_PAGE = 100
_OF_ACTIONS = "github-actions[bot]"
_VERSION = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_MAY_NOT = (401, 403, 404)


class ForbiddenError(HarnessError):
    """The token may not write comments here."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pull request, and who speaks on it."""

    api: str
    repository: str
    number: int
    commit: str
    token: str


def place_of(environment: Mapping[str, str]) -> Place | str:
    """The pull request that GitHub's runner tells of in *environment*, or why there is nothing to write on."""
    event: dict[str, Any] = {}
    if path := environment.get("GITHUB_EVENT_PATH"):
        event = json.loads(Path(path).read_text("utf-8"))
    pull = event.get("pull_request")
    if not isinstance(pull, dict) or not isinstance(pull.get("number"), int):
        return "this is no pull request, so there is no comment"
    token, repository = environment.get("GITHUB_TOKEN"), environment.get("GITHUB_REPOSITORY")
    if not token or not repository:
        return "there is no token to write with, so there is no comment; the page of the step has the summary"
    api = environment.get("GITHUB_API_URL") or "https://api.github.com"
    return Place(api.rstrip("/"), repository, pull["number"], str(pull.get("head", {}).get("sha", "")), token)


def pages(out: Path, mask: Mask) -> list[str]:
    """The summary of each run, of trials and of comparisons below *out*, without secrets; runs of trials are told of by theirs."""
    return [mask.text(path.read_text("utf-8")) for path in sorted(out.glob("*/*/summary.md"))]


def mask_of(out: Path, environment: Mapping[str, str]) -> Mask:
    """What hides all secrets that the targets of the runs below *out* were given."""
    from harness.reading.placeholders import told_secrets
    from harness.reading.target import Target
    from harness.reading.yaml.recall import recall

    secrets: dict[str, str] = {}
    for path in sorted(out.rglob("target.yaml")):
        secrets |= told_secrets(recall(path, Target)[0].value, environment)
    return Mask(secrets | {name: environment[name] for name in ("GITHUB_TOKEN",) if environment.get(name)})


def write(place: Place, key: str, text: str) -> str:
    """Put *text* in the place of our earlier comment of *key*, or write a new one; its address.

    Raises ForbiddenError where the token may not write, and HarnessError where GitHub does not answer as it should.
    """
    with requests.Session() as session:
        session.headers.update(_VERSION)
        session.headers["Authorization"] = f"Bearer {place.token}"
        issues = f"{place.api}/repos/{place.repository}/issues"
        me = _me(session, place)
        for before in _comments(session, f"{issues}/{place.number}/comments"):
            # Anybody can write our mark; only what we wrote ourselves is written over.
            if str(before.get("body", "")).startswith(marker(key)) and before.get("user", {}).get("login") == me:
                return str(_sent(session, "PATCH", f"{issues}/comments/{before['id']}", {"body": text})["html_url"])
        return str(_sent(session, "POST", f"{issues}/{place.number}/comments", {"body": text})["html_url"])


def _me(session: requests.Session, place: Place) -> str:
    """As whom the token writes; that of a job may not ask, and is known."""
    answer = _asked(session, "GET", f"{place.api}/user")
    return str(answer.json()["login"]) if answer.status_code == 200 else _OF_ACTIONS


def _comments(session: requests.Session, url: str) -> Iterator[dict[str, Any]]:
    for page in range(1, _PAGES_MAX + 1):
        found: list[dict[str, Any]] = _sent(session, "GET", f"{url}?per_page={_PER_PAGE}&page={page}")
        yield from found
        if len(found) < _PER_PAGE:
            return


def _sent(session: requests.Session, method: str, url: str, body: dict[str, str] | None = None) -> Any:
    answer = _asked(session, method, url, body)
    if answer.status_code in _MAY_NOT:
        raise ForbiddenError(f"the token may not write comments here (GitHub answered {answer.status_code})")
    if not answer.ok:
        raise HarnessError(f"GitHub answered {answer.status_code} to {method}")
    return answer.json()


def _asked(session: requests.Session, method: str, url: str, body: dict[str, str] | None = None) -> requests.Response:
    try:
        return session.request(method, url, json=body, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise HarnessError(f"GitHub cannot be reached: {type(error).__name__}") from error


def told(out: Path, key: str, environment: Mapping[str, str]) -> str:
    """The line to end with, after the comment was written, or could not be."""
    place = place_of(environment)
    if isinstance(place, str):
        return command("notice", place)
    text = comment(key, pages(out, mask_of(out, environment)), commit=place.commit, link=_link(environment))
    try:
        return f"the comment is {write(place, key, text)}"
    except ForbiddenError as error:
        return command("notice", f"{error}, as on pull requests from forks; the page of the step has the summary")
    except HarnessError as error:
        return command("warning", f"the comment could not be written: {error}")


def _link(environment: Mapping[str, str]) -> str:
    server, repository, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return environment.get("ARTIFACT_URL") or (f"{server}/{repository}/actions/runs/{run}" if run else "")


def main() -> None:
    from harness.settings import settings

    out, *key = sys.argv[1:]
    sys.stdout.write(told(Path(out), " ".join(key), settings().environment) + "\n")


if __name__ == "__main__":
    main()
