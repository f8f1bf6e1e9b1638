"""The page in a real browser: its script runs under its own policy, and nothing that it quotes does."""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

import pytest
from chromium import Window, chromium, driven

from harness.report.page import page

pytestmark = pytest.mark.browser

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
const within = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
const outermost = (part) => (part.ownerSVGElement ? outermost(part.ownerSVGElement) : part);
const named = [...document.querySelectorAll("#lanes svg text")].filter((text) => text.getBoundingClientRect().width)
  .filter((text) => getComputedStyle(text).visibility !== "hidden");
document.documentElement.dataset.named = named.filter((text) => text.textContent.startsWith("regional_loss")).length;
document.documentElement.dataset.outside = named
  .filter((text) => !within(text.getBoundingClientRect(), outermost(text).getBoundingClientRect()))
  .map((text) => text.textContent).join("|");
const cut = [...document.querySelectorAll("table")].filter((table) => table.scrollWidth > table.parentElement.clientWidth + 1)
  .map((table) => table.parentElement);
document.documentElement.dataset.tables = cut.length;
document.documentElement.dataset.untold = cut.filter((box) => getComputedStyle(box).overflowX !== "auto" || box.tabIndex !== 0
  || !getComputedStyle(box).backgroundAttachment.includes("local")).map((box) => box.outerHTML.slice(0, 60)).join("|");
"""
# How a failing page begins on a wide screen.
FIRST = """
const told = document.documentElement.dataset, verdicts = [...document.querySelectorAll(".score .verdict")];
told.cards = verdicts.length;
told.wrapped = verdicts.filter((one) => {
  const text = document.createRange(), value = one.closest(".value").querySelector("b").getBoundingClientRect();
  text.selectNodeContents(one);
  const box = text.getBoundingClientRect(), card = one.closest(".score").getBoundingClientRect();
  return box.height > 2 * parseFloat(getComputedStyle(one).fontSize) || box.top > value.bottom || box.right > card.right;
}).map((one) => one.textContent.trim()).join("|");
told.first = Math.round(document.querySelector("svg[role=img]").getBoundingClientRect().bottom);
"""
# What the axis and the charts show, in words, after each way to zoom; `off` is how far a tick is from where it should be, in pixels.
ZOOM = """
const lanes = document.getElementById("lanes"), strip = document.querySelector("#axis svg"), told = document.documentElement.dataset;
const frame = strip.querySelector(".frame"), end = Number(document.getElementById("zoom").dataset.end);
const drawn = () => [...lanes.querySelectorAll(".frame")].map((one) => {
  const copy = one.cloneNode(true);
  for (const mark of copy.querySelectorAll(".cursor, .span")) mark.remove();
  return copy.outerHTML;
}).join();
const shown = () => [...strip.querySelectorAll(".ticks text")].map((text) => text.textContent).join(" ");
const off = (first, last) => {
  const box = strip.getBoundingClientRect();
  const [left, width] = [box.left + 0.05 * box.width, 0.95 * box.width];
  return Math.max(...[...lanes.querySelectorAll(".ticks")].flatMap((group) => [...group.querySelectorAll("line")].map((line, i) => {
    const at = parseFloat([...strip.querySelectorAll(".ticks text")][i].textContent);
    return Math.abs(line.getBoundingClientRect().left - (left + ((at - first) / (last - first)) * width));
  })));
};
const press = (name) => [...document.querySelectorAll("#zoom button")].find((button) => button.textContent === name).click();
const key = (name) => document.getElementById("axis").dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true }));
const point = (kind, share, from) => {
  const box = strip.getBoundingClientRect();
  const clientX = box.left + (0.05 + 0.95 * share) * box.width;
  from.dispatchEvent(new PointerEvent(kind, { clientX, button: 0, pointerType: "mouse", bubbles: true }));
};
const chart = document.querySelector("#lane-goodput > svg"), before = drawn();
told.whole = shown() + " off by " + Math.round(off(0, end));
press("fault");
told.unlike = drawn() !== before;
told.fault = shown() + " off by " + Math.round(off(15, 30)) + " pressed " + document.querySelector("#zoom [aria-pressed=true]").textContent;
told.names = [...document.querySelectorAll("#lane-events text[data-from]")].filter((name) => name.getAttribute("visibility") !== "hidden")
  .map((name) => name.textContent).join("|");
const axis = document.getElementById("axis");
axis.focus();
key("End");
told.last = axis.getAttribute("aria-valuetext").split(":")[0];
const cursor = document.querySelector("#lane-goodput .cursor").getBoundingClientRect().left;
const box = strip.getBoundingClientRect();
told.cursor = Math.round(cursor - (box.left + (0.05 + (0.95 * 14.5) / 15) * box.width));
axis.blur();
press("whole run");
told.restored = drawn() === before;
point("pointerdown", 0.5, chart);
point("pointermove", 0.7, chart);
told.span = document.querySelectorAll(".span[visibility=visible]").length;
point("pointerup", 0.7, window);
told.dragged = shown() + " off by " + Math.round(off(25, 35));
point("pointerdown", 0.5, chart);
point("pointerup", 0.5, window);
told.clicked = shown();
chart.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
told.doubled = shown();
key("+");
told.closer = shown();
key("0");
for (let i = 0; i < 12; i++) key("+");
told.closest = shown();
for (let i = 0; i < 20; i++) key("-");
told.farthest = shown();
"""


@dataclass
class Seen:
    """The document as the browser holds it, and what it complained of."""

    dom: str
    complaints: list[str]

    @property
    def root(self) -> str:
        return re.search(r"<html[^>]*>", self.dom)[0]

    def told(self, name: str) -> str:
        """What a probe left at the root."""
        return re.search(rf'data-{name}="([^"]*)"', self.root)[1]


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    home = tmp_path_factory.mktemp("browser")
    with driven(home) as (runner, browser):
        window = runner.run(browser.window())

        def looked(html: str, width: int = 800, until: str = "true") -> Seen:
            """The page once it is loaded and the script *until* is true of it."""
            file = home / f"report-{len(list(home.glob('report-*')))}.html"
            file.write_text(html)
            return runner.run(_looked(window, file.as_uri(), width, until))

        yield looked


async def _looked(window: Window, url: str, width: int, until: str) -> Seen:
    window.complaints.clear()
    await window.looks(width=width, height=900)
    await window.open(url)
    await window.until(f"location.href === {url!r} && document.readyState === 'complete' && {until}")
    return Seen(await window.tell("document.documentElement.outerHTML"), list(window.complaints))


def allowing(html: str, script: str) -> str:
    """*html* with one more *script* that its policy lets run."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return html.replace("script-src ", f"script-src 'sha256-{digest}' ", 1).replace(
        "</body>", f"<script>{script}</script></body>"
    )


def test_the_cursor_follows_the_keyboard_and_tells_the_values_under_it(failing, look) -> None:
    seen = look(allowing(page(failing.result, failing.evidence), PROBE), width=400)
    assert seen.complaints == []
    assert 'data-ready="yes"' in seen.root
    assert re.search(
        r'data-told="20 s: good [\d.]+, offered [\d.]+, attempts per request [\d.]+ ×, p50 [\d,]+ ms, p95 [\d,]+ ms, p99 [\d,]+ ms, tried',
        seen.root,
    )
    assert 'data-cursors="5"' in seen.root
    assert 'data-home="0"' in seen.root
    assert 'data-wide="fits"' in seen.root
    assert ">Copy</button>" in seen.dom
    # What is named in a chart is read in it, and a table that is cut off says that it scrolls.
    assert seen.told("named") != "0"
    assert seen.told("outside") == ""
    assert seen.told("tables") != "0"
    assert seen.told("untold") == ""


def test_on_a_wide_screen_no_verdict_wraps_and_the_first_chart_is_seen_without_scrolling(failing, look) -> None:
    seen = look(allowing(page(failing.result, failing.evidence), FIRST), width=1400)
    assert seen.told("cards") == "4"
    assert seen.told("wrapped") == ""
    assert int(seen.told("first")) < 900


# As soon as the requests are unpacked: an outcome is chosen, then a word is typed; and the first table is asked for as CSV.
FIND = """
const told = document.documentElement.dataset, text = document.getElementById("find-text"), came = document.getElementById("find-came");
const found = document.getElementById("found"), ask = () => document.getElementById("find").dispatchEvent(new Event("input"));
const look = () => {
  if (!told.requests) return requestAnimationFrame(look);
  told.before = String(found.hidden);
  came.value = [...came.options].find((one) => one.textContent.startsWith("timed out")).value;
  ask();
  told.outcome = document.getElementById("find-n").textContent;
  text.value = "NONCE";
  came.value = "";
  ask();
  told.single = document.getElementById("find-n").textContent;
  told.tries = found.querySelectorAll("li").length;
  told.open = found.querySelector("details").open;
  told.line = found.querySelector("li").textContent;
  const link = document.querySelector("a.csv");
  link.addEventListener("click", (event) => event.preventDefault());
  document.querySelector("table").rows[1].cells[0].textContent = "=1+1";
  link.click();
  told.csv = decodeURIComponent(link.href).split("\\r\\n")[1].slice(0, 8);
  told.name = link.download;
};
look();
"""


def test_any_request_is_found_with_its_attempts_and_a_table_is_had_as_csv_that_does_nothing(failing, look) -> None:
    rows = failing.evidence.requests
    bad = rows[~rows["good"].astype(bool)].iloc[0]
    seen = look(
        allowing(page(failing.result, failing.evidence), FIND.replace("NONCE", bad["nonce"])),
        until="document.documentElement.dataset.name",
    )
    assert seen.complaints == []
    assert (seen.told("requests"), seen.told("before")) == (str(len(rows)), "true")
    assert seen.told("outcome").startswith(f"{int((~rows['good'].astype(bool)).sum())} found")
    assert (seen.told("single"), seen.told("open")) == ("1 found", "true")
    assert seen.told("tries") == str(bad["attempts"])
    assert re.fullmatch(r"try 1 at provider-east · first try · began at [\d,]+ ms, 200 after 500 ms", seen.told("line"))
    assert seen.told("csv").startswith("&quot;'=1+1")
    assert seen.told("name").endswith(".csv")


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


WHOLE = "0 s 5 s 10 s 15 s 20 s 25 s 30 s 35 s 40 s 45 s 50 s"
FAULT = "16 s 18 s 20 s 22 s 24 s 26 s 28 s 30 s"


@pytest.fixture(scope="module")
def zoomed(failing, look) -> Seen:
    return look(allowing(page(failing.result, failing.evidence), ZOOM), width=1000)


def test_a_button_shows_a_phase_alone_with_its_own_ticks_each_where_it_should_be(zoomed) -> None:
    assert zoomed.complaints == []
    assert zoomed.told("whole") == f"{WHOLE} off by 0"
    assert zoomed.told("fault") == f"{FAULT} off by 0 pressed fault"
    # What the phase does not touch is not named in it.
    assert zoomed.told("names").startswith("fault|regional_loss east · blackhole|")
    assert "recovery" not in zoomed.told("names")


def test_the_cursor_stays_inside_what_is_shown_and_over_its_value(zoomed) -> None:
    assert zoomed.told("last") == "29 s"
    assert zoomed.told("cursor") == "0"


def test_the_whole_run_comes_back_as_it_was_drawn(zoomed) -> None:
    assert (zoomed.told("unlike"), zoomed.told("restored")) == ("true", "true")
    assert zoomed.told("doubled") == WHOLE


def test_a_stretch_that_is_dragged_over_is_shown_and_a_mere_click_changes_nothing(zoomed) -> None:
    dragged = "25 s 26 s 27 s 28 s 29 s 30 s 31 s 32 s 33 s 34 s 35 s"
    assert zoomed.told("span") == "5"
    assert zoomed.told("dragged") == f"{dragged} off by 0"
    assert zoomed.told("clicked") == dragged


def test_keys_zoom_as_far_as_there_is_something_to_see(zoomed) -> None:
    assert zoomed.told("closer") != WHOLE
    assert len(zoomed.told("closest").split(" s")) >= 4
    assert zoomed.told("farthest") == WHOLE


def test_without_scripts_there_are_no_buttons_that_do_nothing(failing, read) -> None:
    (zoom,) = [a for a in read(page(failing.result, failing.evidence)).all("div") if a.get("id") == "zoom"]
    assert "hidden" in zoom


def test_a_phase_that_was_never_driven_has_no_button(cut_short, failing) -> None:
    assert ">recovery</button>" not in page(cut_short.result, cut_short.evidence)
    assert ">recovery</button>" in page(failing.result, failing.evidence)


# What the print styles say, as the browser understands them.
PRINTED = """
const inner = [...document.styleSheets[0].cssRules].find((rule) => rule.conditionText === "print");
const rules = [...inner.cssRules].filter((rule) => rule.selectorText).map((rule) => rule.cssText).join("");
document.documentElement.dataset.hidden = [...inner.cssRules].filter((rule) => rule.style && rule.style.display === "none")
  .map((rule) => rule.selectorText).join(", ");
document.documentElement.dataset.split = [...document.querySelectorAll(".near .card, .near tr")].filter((one) => {
  const said = [...inner.cssRules].filter((rule) => rule.style && rule.style.breakInside && one.matches(rule.selectorText));
  return !said.length || said.at(-1).style.breakInside !== "avoid";
}).length;
document.documentElement.dataset.near = document.querySelectorAll(".near .card tr").length;
document.documentElement.dataset.unfolded = rules.includes("::details-content { content-visibility: visible; }");
"""


def test_on_paper_what_only_a_screen_needs_is_gone_and_what_was_folded_is_there(failing, look) -> None:
    seen = look(allowing(page(failing.result, failing.evidence), PRINTED))
    assert {".behind", ".zoom", "button", ".cursor", ".span"} <= set(seen.told("hidden").split(", "))
    assert ".trace" not in seen.told("hidden").split(", ")
    assert seen.told("unfolded") == "true"
    # The table of phases stays on one sheet.
    assert (int(seen.told("near")) > 3, seen.told("split")) == (True, "0")
