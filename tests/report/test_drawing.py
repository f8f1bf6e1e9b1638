"""Scales, colours and elements of the pictures."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.charts import Chart, Field, Shade
from harness.report.palette import DARK, LIGHT, custom_properties
from harness.report.scales import Clock, Span, Upright, ticks
from harness.report.svg import drawing, element, path
from harness.report.templating import source

TEXT = ("ink", "soft", "pass", "fail", "inconclusive", "invalid", "stopped")
LINES = ("good", "offered", "attempts", "arrivals", "latency", "settling", "axis")


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (21, [0, 10, 20]),
        (88, [0, 20, 40, 60, 80]),
        (2.4, [0, 1, 2]),
        (1.0, [0, 0.5, 1]),
        (4.51, [0, 2, 4]),
        (860, [0, 200, 400, 600, 800]),
        (0, [0]),
    ],
)
def test_values_are_marked_at_round_numbers(most: float, marks: list[float]) -> None:
    assert ticks(most) == marks


@given(st.floats(1e-6, 1e9))
def test_there_are_two_to_four_marks_beside_0_and_none_lies_outside(most: float) -> None:
    marks = ticks(most)
    assert 3 <= len(marks) <= 6
    assert marks[-1] <= most * (1 + 1e-6)


@pytest.mark.parametrize(("end_s", "step_s"), [(50, 5), (3, 0.5), (600, 60), (3600, 300), (86400, 7200)])
def test_instants_are_marked_as_on_a_clock(end_s: float, step_s: float) -> None:
    marks = Clock(end_s).ticks_s()
    assert marks[1] - marks[0] == step_s
    assert len(marks) <= 13


def test_the_clock_stays_inside_the_picture() -> None:
    clock = Clock(50)
    assert [clock.percent(at_s) for at_s in (-3, 0, 25, 50, 99)] == [0, 0, 50, 100, 100]
    assert clock.width(30, 20) == "0%"


def test_what_lies_outside_a_scale_is_drawn_at_its_edge() -> None:
    assert [Upright(0, 10, 100).y(value) for value in (-1, 0, 10, 11)] == [100, 100, 0, 0]
    assert [Span(0, 10, 0).percent(value) for value in (-1, 5, 11)] == [0, 50, 100]


def test_text_and_attributes_are_escaped_whoever_wrote_them() -> None:
    made = element("text", "<script>&\"'", x='"><script>')
    assert "<script>" not in made
    assert fromstring(made).text == "<script>&\"'"
    assert fromstring(made).attrib["x"] == '"><script>'


def test_a_colour_of_the_palette_holds_without_a_style_sheet_and_can_be_changed_by_one() -> None:
    made = fromstring(element("rect", fill="good", stroke="none", class_="bar"))
    assert made.attrib == {"class": "bar fill-good", "fill": LIGHT["good"], "stroke": "none"}


def test_a_picture_has_a_title_and_a_description_for_those_who_cannot_see_it() -> None:
    made = fromstring(drawing(20, [], title="T", about="A & B", key="k"))
    assert made.attrib["role"] == "img"
    ids = {child.attrib["id"]: child.text for child in made}
    assert [ids[key] for key in made.attrib["aria-labelledby"].split()] == ["T", "A & B"]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_can_be_told_from_what_they_stand_on(palette: dict[str, str]) -> None:
    grounds = [palette[name] for name in ("ground", "card")]
    assert [name for name in TEXT for ground in grounds if contrast(palette[name], ground) < 4.5] == []
    shaded = [*grounds, palette["fault"], palette["recovery"]]
    assert [name for name in LINES for ground in grounds if contrast(palette[name], ground) < 3] == []
    assert [name for name in LINES[:-1] for ground in shaded if contrast(palette[name], ground) < 3] == []
    bars = [palette[name] for name in ("version-0", "version-1", "version-2", "mixed", "mark", "fault", "recovery")]
    assert [ground for ground in bars if contrast(palette["ink"], ground) < 4.5] == []


def test_both_palettes_name_the_same_things_and_the_style_uses_only_those() -> None:
    assert LIGHT.keys() == DARK.keys()
    used = set(re.findall(r"var\(--([a-z0-9-]+)", source("style.css")))
    assert used - LIGHT.keys() == {"mono", "tone"}
    assert "prefers-color-scheme:dark" in custom_properties()


def field(**changes) -> Field:
    return Field(**({"clock": Clock(10), "until_s": 10.0} | changes))


def moves(markup: str) -> list[str]:
    return re.findall(r"M[^M\"]*", markup)


def test_a_line_is_missing_where_a_value_is() -> None:
    at_s = np.arange(6) + 0.5
    chart = Chart.of(field(), [[4.0]])
    whole = moves(chart.line(at_s, (1, 2, 3, 2, 1, 0), stroke="good"))
    broken = moves(chart.line(at_s, (1, 2, None, 2, 1, 0), stroke="good"))
    assert (len(whole), len(broken)) == (1, 2)
    assert moves(chart.line(at_s, (None,) * 6, stroke="good")) == []


def test_a_value_between_two_missing_ones_can_still_be_seen() -> None:
    (alone,) = moves(Chart.of(field(), [[4.0]]).line(np.arange(3) + 0.5, (None, 2, None), stroke="good"))
    points = [tuple(map(float, point.split(","))) for point in alone[1:].split("L")]
    assert points[0][0] < points[1][0]
    assert points[0][1] == points[1][1]


def test_an_area_never_turns_over_where_its_edges_cross() -> None:
    chart = Chart.of(field(), [[4.0]])
    (drawn,) = moves(chart.between(np.arange(2) + 0.5, (1, 3), (2, 2), fill="lost"))
    points = [tuple(map(float, point.split(","))) for point in drawn[1:].rstrip("Z").split("L")]
    assert points[0] == points[-1]
    assert points[1][1] < points[2][1]


def test_what_was_not_run_is_veiled_and_a_whole_run_is_not() -> None:
    assert "stroke-dasharray" in "".join(field(until_s=4.0).ground(10))
    assert "stroke-dasharray" not in "".join(field().ground(10))


def test_a_fault_is_tinted_in_every_chart() -> None:
    ground = "".join(field(shades=(Shade(2, 4, "fault"),)).ground(10))
    assert f'x="20%" width="20%" y="0" height="10" fill="{LIGHT["fault"]}"' in ground


def test_a_path_without_points_is_nothing() -> None:
    assert path([]) == ""
    assert path([[]]) == ""


@pytest.mark.parametrize("height", [46.0, 60.0, 118.0])
@pytest.mark.parametrize("most", [0.003, 1.0, 1.9, 12.0, 15.0, 17.3, 19.9, 20.0, 400.0, 49_000.0])
def test_values_at_the_edge_are_named_as_far_as_their_names_do_not_meet(height: float, most: float) -> None:
    chart = Chart.of(field(), [[most]], height=height)
    drawn = chart.picture([], title="a", about="b", key="c", named=lambda value: f"value {value:g}")
    named = [float(found) for found in re.findall(r">value ([^<]*)<", drawn)]
    at = [chart.scale.y(value) for value in named]
    assert named
    assert all(above - below >= 12 for above, below in pairwise(at))
    assert {*named} <= {*chart.marks}
    # Where there is room, every one of them has its name.
    assert height < 100 or named == [*chart.marks[1:]]
