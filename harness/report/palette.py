"""The report's colours, by what they stand for, in light and in dark.

Text reaches a contrast of 4.5 to 1 on the grounds it stands on, and lines one of 3 to 1; a test holds it.
"""

from __future__ import annotations

from typing import Final

LIGHT: Final[dict[str, str]] = {
    "ground": "#faf9f6",
    "card": "#ffffff",
    "ink": "#1b1f24",
    "soft": "#59626c",
    "rule": "#e4e1da",
    "grid": "#e9e6e0",
    "axis": "#8a9199",
    # Verdicts: each has a shape and a word beside its colour.
    "pass": "#0d6b4d",
    "fail": "#b3261e",
    "inconclusive": "#7c5200",
    "invalid": "#6d3a9c",
    "stopped": "#47515b",
    # Lines.
    "good": "#1a6aa3",
    "offered": "#5f6973",
    "lost": "#b3261e",
    "attempts": "#b34c0e",
    "arrivals": "#33414e",
    "latency": "#5748b0",
    # Grounds on which lines and text stand.
    "fault": "#fbeadd",
    "recovery": "#f5f0d6",
    "accepted": "#d9eae2",
    "mark": "#fbe3cf",
    # Bars.
    "settling": "#7a6410",
    "version-0": "#dfe4ea",
    "version-1": "#b4cdea",
    "version-2": "#e9d3f0",
    "mixed": "#f3c9a5",
    "first": "#c3cad2",
    "sdk": "#eeb585",
    "repeat": "#c4621f",
    "failover": "#5f97c4",
}

DARK: Final[dict[str, str]] = {
    "ground": "#131519",
    "card": "#1a1d22",
    "ink": "#eae8e3",
    "soft": "#a4adb6",
    "rule": "#30353c",
    "grid": "#2a2e34",
    "axis": "#78828c",
    "pass": "#62c99d",
    "fail": "#f4938a",
    "inconclusive": "#e3b75a",
    "invalid": "#c4a8f2",
    "stopped": "#b0bac4",
    "good": "#6fb6ec",
    "offered": "#a3adb7",
    "lost": "#f4938a",
    "attempts": "#f3a067",
    "arrivals": "#d3dbe3",
    "latency": "#b0a8f5",
    "fault": "#33261d",
    "recovery": "#2e2b1b",
    "accepted": "#1f3a30",
    "mark": "#4d3421",
    "settling": "#d6c36a",
    "version-0": "#39414b",
    "version-1": "#2d4f78",
    "version-2": "#54386a",
    "mixed": "#744a25",
    "first": "#4d5761",
    "sdk": "#8a5a30",
    "repeat": "#c2703a",
    "failover": "#3f76a3",
}


def custom_properties() -> str:
    """CSS that names every colour, and a class for filling and for drawing with each."""
    light = "".join(f"--{name}:{colour};" for name, colour in LIGHT.items())
    dark = "".join(f"--{name}:{colour};" for name, colour in DARK.items())
    classes = "".join(f".fill-{name}{{fill:var(--{name})}}.line-{name}{{stroke:var(--{name})}}" for name in LIGHT)
    # Paper is light, whatever the screen is.
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{classes}"
