"""Which layer tried how often: attempts for each request as stacked bars, a phase each, with what of them arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.sample import LAYERS
from harness.report import words
from harness.report.charts import block
from harness.report.scales import ticks
from harness.report.series import Tries, tries
from harness.report.svg import drawing, element, text
from harness.report.templating import render

_ROW, _TOP = 46.0, 4.0
_REPEATS = "Repeats: by the service, its library or a gateway."
_PRESS = "A press is each time that a client asks for its request."
_ASKED_AGAIN = "Asked again by clients: the first try of each further press. What the service tried beyond it counts under who tried it."
_FILLS = {"client": "latency"}
"""Layers without a colour of their own: the page of a run that has none of them is what it was."""


@dataclass(frozen=True, slots=True)
class Retries:
    """The picture, its legend, and the table behind it."""

    picture: Markup
    layers: list[tuple[str, Markup]]
    phases: list[Tries]
    note: str
    idle: bool
    """Whether nothing was ever tried again, and all arrived."""
    asked_again: bool
    """Whether clients did."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is not in the picture: *links* on which attempts cannot be seen, and the *commands* per request on those that carry Redis."""

    links: list[str]
    commands: list[tuple[str, str]]


def section(result: Result, evidence: Evidence | None) -> Markup:
    """Retries by layer; one line where there was nothing to see, or nothing out of the ordinary; nothing where nobody could know."""
    if result.quality.watched:
        return Markup("")
    return render(
        "retries.html",
        retries=picture(evidence) if evidence is not None else None,
        unjoined=0 if result.quality.join_ratio else result.quality.attempts,
        elsewhere=_elsewhere(result),
    )


def _elsewhere(result: Result) -> Elsewhere:
    attempts, commands = words.of_chart(result, "amplification"), words.of_chart(result, "commands")
    by_phase = commands.by.phase if commands is not None else {}
    told = [
        (words.phase(name), words.number(found.value)) for name, found in by_phase.items() if found.value is not None
    ]
    return Elsewhere(attempts.unseen if attempts is not None else [], told)


def picture(evidence: Evidence) -> Retries | None:
    """Tries by phase and layer; None when no attempt was joined to a request."""
    found = tries(evidence)
    if not any(phase.attempts for phase in found):
        return None
    highest = 1.04 * max(2.0, *(max(phase.attempts, phase.arrived) / phase.requests for phase in found))
    height = _TOP + _ROW * len(found) + 22
    parts = list(_grid(highest, height))
    for row, phase in enumerate(found):
        parts += _bar(phase, highest, _TOP + _ROW * row)
    told = "; ".join(map(_told, found))
    shown = [layer for layer in LAYERS if any(phase.by_layer.get(layer) for phase in found)]
    drawn = drawing(height, parts, title="Attempts for each request, by layer", about=told, key="retries")
    hidden = [words.phase(phase.phase) for phase in found if not phase.seen]
    once = all(phase.presses <= phase.requests for phase in found)
    idle = once and not hidden and all(phase.by_layer["first"] == phase.attempts == phase.arrived for phase in found)
    note = f"A fault hid attempts in: {', '.join(hidden)}. The numbers there are too small." if hidden else ""
    if "repeat" in shown:
        note = f"{_REPEATS} {note}".strip()
    if "client" in shown:
        note = f"{_ASKED_AGAIN} {note}".strip()
    if not once:
        note = f"{_PRESS} {note}".strip()
    return Retries(drawn, [(layer, block(_FILLS.get(layer, layer))) for layer in shown], found, note, idle, not once)


def _grid(highest: float, height: float) -> Iterator[Markup]:
    for value in ticks(highest):
        x = 100 * value / highest
        anchor = "start" if value == 0 else "end" if x > 97 else "middle"
        yield element(
            "line", x1=f"{x:.2f}%", x2=f"{x:.2f}%", y1=0, y2=height - 18, stroke="axis" if value in (0, 1) else "grid"
        )
        yield text(f"{x:.2f}%", height - 4, f"{value:g}", fill="soft", font_size=11, text_anchor=anchor)


def _told(phase: Tries) -> str:
    layers = ", ".join(f"{n} {words.LAYERS[layer]}" for layer, n in phase.by_layer.items())
    asked = f"{_presses(phase)}, " if phase.presses > phase.requests else ""
    return f"{words.phase(phase.phase)}: {asked}{layers}, {phase.arrived} arrived"


def _presses(phase: Tries) -> str:
    return f"{phase.presses / phase.requests:.2f} presses per request"


def _bar(phase: Tries, highest: float, y: float) -> Iterator[Markup]:
    total = phase.attempts / phase.requests
    yield text("0", y + 13, f"{words.phase(phase.phase)}", dx=6, font_weight=600, class_="halo")
    said = f"{total:.2f} attempts per request, {phase.arrived / phase.requests:.2f} arrived"
    if phase.presses > phase.requests:
        said += f"; {_presses(phase)}"
    yield text("0", y + 13, said, dx=80, fill="soft", class_="halo")
    left = 0.0
    for layer, n in phase.by_layer.items():
        width = 100 * n / phase.requests / highest
        if width > 0:
            yield element(
                "rect",
                x=f"{left:.2f}%",
                width=f"{max(width - 0.12, 0.1):.2f}%",
                y=y + 19,
                height=15,
                fill=_FILLS.get(layer, layer),
            )
        left += width
    arrived = 100 * phase.arrived / phase.requests / highest
    yield element("rect", x="0", width=f"{arrived:.2f}%", y=y + 36, height=3.5, fill="arrivals")
