"""The page of a game day as a keyboard and a screen reader have it, by its structure: names, order, headings, what is read, contrast."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.interfaces import gameday_page
from harness.report.palette import DARK, LIGHT

HERE = Path(gameday_page.__file__).parent
HTML, CSS, SCRIPT = ((HERE / f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
VOID = {"meta", "link", "input", "br"}
READ_OUT = {
    "where": "status",  # where the day stands, which a stop and its end change
    "line": "status",
    "stop-said": "alert",  # that a stop did not get through
    "stop-done": "status",  # and that it did
    "alarm": "alert",  # that somebody stopped everything
    "news": "status",  # what was written down, warnings, and that nothing is in force any more
    "left-said": "alert",  # that not all is put back
    "faults-said": "status",
}


@dataclass
class Element:
    """An element with its attributes, those around it, and its text."""

    name: str
    attributes: dict[str, str]
    around: list[Element]
    text: str = ""

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")

    def within(self, name: str) -> bool:
        return any(one.name == name for one in self.around)


@dataclass
class Page(HTMLParser):
    """All elements of a page, in order."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, list(self.open)))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag, tag

    def handle_data(self, data: str) -> None:
        for one in self.open:
            one.text += data.strip()

    def named(self, *names: str) -> list[Element]:
        return [one for one in self.elements if one.name in names]


def parsed(html: str) -> Page:
    page = Page()
    page.feed(html)
    assert page.open == []
    return page


PAGE = parsed(HTML)


def nameless(page: Page) -> list[str]:
    """What can be used and has no name of its own: neither a label, nor text, nor an aria-label."""
    labelled = {one.attributes["for"] for one in page.named("label") if "for" in one.attributes}
    return [
        one.id or str(one.attributes)
        for one in page.named("input", "textarea", "select", "button", "progress", "summary")
        if not (one.id in labelled or one.within("label") or one.text or one.attributes.get("aria-label"))
        and "data-is" not in one.attributes  # whose text the script puts in
    ]


def steps_of_headings(page: Page) -> list[int]:
    """By how much each heading is deeper than the one before."""
    levels = [int(one.name[1]) for one in page.named("h1", "h2", "h3", "h4")]
    return [after - before for before, after in zip([0, *levels], levels, strict=False)]


def test_everything_that_can_be_used_has_a_name() -> None:
    assert nameless(PAGE) == []


def test_what_refers_to_another_element_finds_it_and_no_two_are_called_alike() -> None:
    ids = [one.id for one in PAGE.elements if one.id]
    assert len(ids) == len(set(ids))
    for one in PAGE.elements:
        for name in ("for", "aria-labelledby", "aria-describedby", "list"):
            for id_ in one.attributes.get(name, "").split():
                assert id_ in ids, (one.name, name, id_)


def test_landmarks_are_there_once_and_every_region_has_its_heading_as_name() -> None:
    assert [one.around[-1].name for one in PAGE.named("header", "main")] == ["body", "body"]
    assert PAGE.named("html")[0].attributes["lang"] == "en"
    headings = {one.id for one in PAGE.named("h2")}
    assert [one.attributes.get("aria-labelledby") in headings for one in PAGE.named("section")] == [True] * 8
    # Each thing stands in a landmark, so that whoever goes from one to the next passes over nothing.
    outside = [one for one in PAGE.elements if one.around and one.around[-1].name == "body"]
    assert {one.name for one in outside} == {"header", "main", "template"}


def test_headings_go_down_a_level_at_a_time() -> None:
    assert len(PAGE.named("h1")) == 1
    assert max(steps_of_headings(PAGE)) == 1


def test_stop_comes_first_for_the_keyboard_and_the_rest_in_the_order_in_which_it_stands() -> None:
    assert [one.attributes["tabindex"] for one in PAGE.elements if int(one.attributes.get("tabindex", "0")) > 0] == []
    used = [one for one in PAGE.elements if one.name in ("a", "button", "input", "textarea", "summary", "select")]
    assert used[0].id == "stop"
    assert [one for one in PAGE.elements if "autofocus" in one.attributes or "accesskey" in one.attributes] == []
    assert "order:" not in CSS.replace("border:", "")
    assert "row-reverse" not in CSS


def test_no_button_sends_a_form_that_does_not_say_so() -> None:
    assert [one for one in PAGE.named("button") if one.attributes.get("type") not in ("button", "submit")] == []
    # Enter in a form without a button that sends it is answered, too.
    silent = {
        form.id
        for form in PAGE.named("form")
        if not [one for one in PAGE.named("button") if one.attributes["type"] == "submit" and form in one.around]
    }
    assert silent == {"mark"}
    assert 'form.id === "mark") tell(' in SCRIPT


def test_what_is_read_out_is_there_from_the_beginning_and_nothing_else_is() -> None:
    loud = {
        one.id: one.attributes["role"] for one in PAGE.elements if one.attributes.get("role") in ("status", "alert")
    }
    assert {id_: role for id_, role in loud.items() if id_} == READ_OUT
    assert [one for one in PAGE.elements if "aria-live" in one.attributes] == []
    for one in PAGE.elements:
        if one.id in READ_OUT:
            assert "hidden" not in one.attributes
            assert not any("hidden" in outer.attributes or outer.name == "template" for outer in one.around)
            assert f'("{one.id}"' in SCRIPT, one.id
    # What is wrong with a form or a row is read out beside it.
    for one in [*PAGE.named("form"), *(row for row in PAGE.named("li") if row.attributes.get("tabindex") == "-1")]:
        beside = [two for two in PAGE.elements if one in two.around and two.attributes.get("class") == "refused"]
        assert [two.attributes["role"] for two in beside] == ["alert"], (one.id, one.around[-1].id)


def test_lists_are_lists_though_they_have_no_bullets() -> None:
    assert "ul,ol{list-style:none}" in CSS
    assert [one.id for one in PAGE.named("ul", "ol") if one.attributes.get("role") != "list"] == []


def test_what_can_be_scrolled_can_be_reached() -> None:
    assert re.findall(r"#(\w+)\{[^}]*overflow-y:auto", CSS) == ["lines"]
    (lines,) = [one for one in PAGE.elements if one.id == "lines"]
    assert (lines.attributes["tabindex"], lines.attributes["aria-labelledby"]) == ("0", "h-lines")


def test_what_people_write_runs_in_its_own_direction() -> None:
    said = [
        one for one in PAGE.elements if one.attributes.get("data-is") in ("title", "name", "said", "text", "told", "by")
    ]
    assert len(said) > 10
    assert [one.attributes for one in said if one.attributes.get("dir") != "auto"] == []


PLANTED = [
    ("<main><h1>x</h1><input id='a'><label for='b'>y</label></main>", ["a"]),
    ("<main><button type='button'></button></main>", ["{'type': 'button'}"]),
    ("<main><label>x <input></label><button type='button'>y</button></main>", []),
]


@pytest.mark.parametrize(("html", "found"), PLANTED)
def test_what_has_no_name_is_found(html: str, found: list[str]) -> None:
    assert nameless(parsed(html)) == found


def test_a_heading_that_is_too_deep_is_found() -> None:
    assert max(steps_of_headings(parsed("<h1>a</h1><h3>b</h3>"))) == 2


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_the_edges_of_what_can_be_used_stand_out_in_light_and_in_the_dark(palette: dict[str, str]) -> None:
    assert re.search(r"#stop\{[^}]*background:var\(--fail\);color:var\(--ground\)", CSS)
    assert contrast(palette["ground"], palette["fail"]) >= 4.5
    # The step that goes on, and faults, stand on a ground of their own.
    written = set(re.findall(r"--tone:var\(--(\w+)\)", CSS)) | {"ink", "soft", "fail"}
    assert {"pass", "attempts"} <= written
    grounds = [palette[name] for name in ("ground", "card", "fault")]
    # Of what has a ground of its own the words are looked at above.
    words = (written | set(re.findall(r"[{;]color:var\(--(\w+)[,)]", CSS))) - {"axis", "tone", "ground"}
    assert [(word, ground) for word in words for ground in grounds if contrast(palette[word], ground) < 4.5] == []
    assert "button,input,textarea{font:inherit;color:var(--ink);border:1px solid var(--axis)" in CSS
    assert contrast(palette["axis"], palette["card"]) >= 3
    assert "#steps>li[aria-current] :is(button,input):not(.quiet){border-color:var(--soft)}" in CSS
    assert contrast(palette["soft"], palette["fault"]) >= 3
    assert ":focus-visible{outline:3px solid var(--good)" in CSS
    assert min(contrast(palette["good"], ground) for ground in grounds) >= 3
