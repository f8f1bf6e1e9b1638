"""SVG built of elements whose text is always escaped, and whose colours hold without a style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from harness.report.palette import LIGHT

Point = tuple[float, float]
Value = str | float | None

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def element(name: str, *children: str | Markup, **attributes: Value) -> Markup:
    """``<name …>children</name>``. A colour of the palette in *fill* or *stroke* also becomes a class, so that a style sheet can change it.

    ``stroke_width`` is written ``stroke-width``, and ``class_`` is ``class``; an attribute that is None is left out.
    """
    classes = [str(attributes.pop("class_"))] if attributes.get("class_") else []
    attributes.pop("class_", None)
    for paint, prefix in (("fill", "fill"), ("stroke", "line")):
        colour = attributes.get(paint)
        if isinstance(colour, str) and colour in LIGHT:
            attributes[paint] = LIGHT[colour]
            classes.append(f"{prefix}-{colour}")
    written = {"class": " ".join(classes) or None} | attributes
    pairs = "".join(
        f' {escape(key.replace("_", "-"))}="{escape(_text(value))}"'
        for key, value in written.items()
        if value is not None
    )
    inner = Markup("").join(children)  # escapes what is not markup already
    # Each part is escaped above; a template of markup would parse itself anew for every element.
    return Markup(f"<{escape(name)}{pairs}>{inner}</{escape(name)}>" if children else f"<{escape(name)}{pairs}/>")  # noqa: S704


def drawing(height: float, children: Iterable[Markup], *, title: str, about: str, key: str) -> Markup:
    """A picture as wide as its place and *height* pixels high, with a *title* and what it shows (*about*) for those who cannot see it."""
    head = [element("title", title, id=f"{key}-title"), element("desc", about, id=f"{key}-about")]
    return element(
        "svg",
        *head,
        *children,
        class_="drawing",
        width="100%",
        height=height,
        role="img",
        aria_labelledby=f"{key}-title {key}-about",
        font_family=FONT,
        font_size=12,
    )


def stretched(left: float, width: float, height: float, children: Iterable[Markup], *, top: float = 0) -> Markup:
    """A stretch of a picture from *left* to *left* + *width* per cent, in which x goes from 0 to 1000 and y is in pixels."""
    return element(
        "svg",
        *children,
        x=f"{number(left)}%",
        y=top,
        width=f"{number(width)}%",
        height=height,
        viewBox=f"0 0 1000 {number(height)}",
        preserveAspectRatio="none",
        overflow="visible",
    )


def path(stretches: Iterable[Sequence[Point]], **attributes: Value) -> Markup:
    """Lines through the points of each stretch; their width is in pixels however the picture is stretched."""
    attributes.setdefault("fill", "none")
    return _path("", stretches, attributes)


def area(stretches: Iterable[Sequence[Point]], **attributes: Value) -> Markup:
    """Areas around the points of each stretch."""
    return _path("Z", stretches, attributes)


def text(x: str | float, y: float, words: str, **attributes: Value) -> Markup:
    return element("text", words, x=x, y=y, **({"fill": "ink"} | attributes))


def number(value: float) -> str:
    """At most two digits behind the point: a fiftieth of a pixel."""
    written = f"{value:.2f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _path(end: str, stretches: Iterable[Sequence[Point]], attributes: dict[str, Value]) -> Markup:
    drawn = "".join(
        f"M{'L'.join(f'{number(x)},{number(y)}' for x, y in points)}{end}" for points in stretches if points
    )
    return element("path", d=drawn, vector_effect="non-scaling-stroke", **attributes) if drawn else Markup("")


def _text(value: Value) -> str:
    return number(value) if isinstance(value, int | float) else str(value)
