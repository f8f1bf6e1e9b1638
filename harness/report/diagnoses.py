"""What is behind the numbers: each diagnosis with its evidence, what to change, and what would come of it."""

from __future__ import annotations

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis, Prediction, Result
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.templating import render

_SHORT = 3
_FIRST_SCREEN = 2


def section(result: Result, _evidence: Evidence | None) -> Markup:
    """Each diagnosis as a card; nothing where there is none."""
    return render("diagnoses.html", found=result.diagnoses, foretold=lambda one: foretold(result, one))


def lines(result: Result) -> list[str]:
    """The first few diagnoses in two lines each: what it is and what to change, and the first thing that would come of that."""
    told = [line for one in result.diagnoses[:_SHORT] for line in (f"- {_named(one)}", *foretold(result, one)[:1])]
    more = len(result.diagnoses) - _SHORT
    return [*told, *([f"- {more} more in the report, and in `harness explain`"] if more > 0 else [])]


def to_change(result: Result) -> list[str]:
    """What the first diagnoses of a run that failed say to change, for the first screen; nothing of a run that did not fail."""
    return [one_line(one.change, 400) for one in result.diagnoses[:_FIRST_SCREEN] if result.verdict == "fail"]


def foretold(result: Result, diagnosis: Diagnosis) -> list[str]:
    """``Retry amplification in the fault: 4.47 × now; 1.94 × then, 1.84 to 2.15 × (supposing …)``, a line a prediction."""
    return [_foretold(result, prediction) for prediction in diagnosis.predictions]


def predicted_title(prediction: Prediction) -> str:
    """What is predicted, and where: ``Retry amplification in the fault``."""
    where = f" {words.in_phase(prediction.phase)}" if prediction.phase else ""
    return f"{words.title(prediction.metric)}{where}"


def _named(diagnosis: Diagnosis) -> str:
    return f"{one_line(diagnosis.title, 160)}. {one_line(diagnosis.change, 400)}"


def _foretold(result: Result, prediction: Prediction) -> str:
    of = words.unit_of(result, prediction.metric)
    within = words.interval(prediction.low, prediction.high, of)
    then = f"{words.quantity(prediction.value, of)} predicted{f', {within}' if within != 'exact' else ''}"
    now = f"{words.quantity(prediction.now, of)} now"
    return f"{predicted_title(prediction)}: {now}; {then} (supposing {one_line(prediction.supposes, 200)})"
