"""The page in a real browser: its script runs under its own policy, and nothing that it quotes does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from harness.report.page import page

pytestmark = pytest.mark.browser

INSTALL = "Chromium is missing; install it with: sudo apt-get install --yes chromium"
NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# Twenty seconds into the run by keyboard alone; what is then shown is written where the dump can be read.
PROBE = """
const axis = document.getElementById("axis");
axis.focus();
for (let i = 0; i < 20; i++) axis.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", cancelable: true }));
document.documentElement.dataset.told = axis.getAttribute("aria-valuetext");
document.documentElement.dataset.cursors = document.querySelectorAll(".cursor[visibility=visible]").length;
axis.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", cancelable: true }));
document.documentElement.dataset.home = axis.getAttribute("aria-valuenow");
document.documentElement.dataset.wide = document.documentElement.scrollWidth <= window.innerWidth ? "fits" : "does not fit";
"""


@dataclass
class Seen:
    """The document as the browser holds it, and what it complained of."""

    dom: str
    complaints: list[str]

    @property
    def root(self) -> str:
        return re.search(r"<html[^>]*>", self.dom)[0]


def chromium() -> str:
    """Where it is; where it is missing, a skip that says what installs it, and in CI a failure."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(INSTALL)
    return browser


@pytest.fixture
def look(tmp_path):
    browser = chromium()

    def looked(html: str, *flags: str) -> Seen:
        file = tmp_path / "report.html"
        file.write_text(html)
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions"]
        command += [
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            "--v=0",
            *flags,
            "--dump-dom",
            file.as_uri(),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True, env=_environment(tmp_path)
        )
        return Seen(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])

    return looked


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


def allowing(html: str, script: str) -> str:
    """*html* with one more *script* that its policy lets run."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return html.replace("script-src ", f"script-src 'sha256-{digest}' ", 1).replace(
        "</body>", f"<script>{script}</script></body>"
    )


def test_the_cursor_follows_the_keyboard_and_tells_the_values_under_it(failing, look) -> None:
    seen = look(allowing(page(failing.result, failing.evidence), PROBE), "--window-size=400,900")
    assert seen.complaints == []
    assert 'data-ready="yes"' in seen.root
    assert re.search(
        r'data-told="20 s: good [\d.]+, offered [\d.]+, p50 [\d,]+ ms, up to p95 [\d,]+ ms, tried', seen.root
    )
    assert 'data-cursors="5"' in seen.root
    assert 'data-home="0"' in seen.root
    assert 'data-wide="fits"' in seen.root
    assert ">Copy</button>" in seen.dom


# Its twin is the test above, whose script the policy allows, and which runs.
def test_nothing_that_is_quoted_runs(attacked, look) -> None:
    seen = look(page(attacked.result, attacked.evidence))
    assert seen.complaints == []
    assert 'data-ready="yes"' in seen.root
    assert "hacked" not in seen.root


def test_with_scripts_off_everything_is_still_there(diverging, look, read) -> None:
    html = page(diverging.result, diverging.evidence)
    seen = look(re.sub('content="default-src[^"]*"', f'content="{NO_SCRIPTS}"', html))
    assert "data-ready" not in seen.root
    assert read(seen.dom).text == read(html).text
    assert len([a for a in read(seen.dom).all("svg") if a.get("role") == "img"]) == len(
        [a for a in read(html).all("svg") if a.get("role") == "img"]
    )


@pytest.mark.parametrize(("ci", "complaint"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_browser_is_told_with_the_line_that_installs_it_and_fails_in_ci(monkeypatch, ci, complaint) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(complaint, match="apt-get install"):
        chromium()
