"""What was found in logs, drawn for a terminal: rate, share of failures and latency over time, and the phases below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.incidents.calls import OK, WORDS, Calls
from harness.incidents.written import sayable, stamp

if TYPE_CHECKING:
    from harness.incidents.imported import Imported

WIDTH = 60
_BARS = " ▁▂▃▄▅▆▇█"
_LABEL = 18
_BEHIND = 18
"""So many characters the largest value takes behind a row."""
_LEAST = 8
_SHOWN = 12


def drawn(found: Imported, wide: int = 80) -> Iterator[str]:
    """The lines of it; the picture fits a terminal that is *wide* characters wide."""
    calls, requests = found.log.of_links, found.log.of_clients
    start_s, end_s = found.phases[0].start_s, found.phases[-1].end_s
    bounds = _bounds(start_s, end_s, max(_LEAST, min(WIDTH, wide - _LABEL - _BEHIND)))
    each_s = bounds[1] - bounds[0]
    yield f"{stamp(start_s)} to {stamp(end_s)}, {end_s - start_s:.4g} s; a column is {each_s:.3g} s"
    yield ""
    yield from _row("requests a second", _counts(requests, bounds) / each_s, "{:.3g}")
    yield from _row("failed calls", _failed(calls, bounds) * 100, "{:.3g} %", least=1.0)
    yield from _row("median answer", _medians(calls, bounds), "{:,.0f} ms")
    yield f"{'':<{_LABEL}} {_ruler(found, bounds)}"
    yield from ("", *_phases(found), "", *_came_to(calls))


def _bounds(start_s: float, end_s: float, most: int) -> Any:
    import numpy as np

    columns = int(min(most, max(1, end_s - start_s)))
    return np.linspace(start_s, end_s, columns + 1)


def _counts(calls: Calls, bounds: Any) -> Any:
    import numpy as np

    return np.histogram(calls.at_s, bounds)[0].astype(float)


def _failed(calls: Calls, bounds: Any) -> Any:
    import numpy as np

    every, bad = _counts(calls, bounds), _counts(calls.taken(calls.came_to != OK), bounds)
    return np.where(every > 0, bad / np.maximum(every, 1), np.nan)


def _medians(calls: Calls, bounds: Any) -> Any:
    import numpy as np

    answers = calls.taken((calls.came_to == OK) & (calls.duration_ms > 0))
    parts = np.split(answers.duration_ms, np.searchsorted(answers.at_s, bounds[1:-1]))
    return np.array([np.median(part) if part.size else np.nan for part in parts])


def _row(label: str, values: Any, form: str, least: float = 0.0) -> Iterator[str]:
    import numpy as np

    there = values[np.isfinite(values)]
    if not there.size:
        return
    most = max(float(there.max()), least)
    scaled = np.ceil(np.nan_to_num(values / most if most > 0 else values) * (len(_BARS) - 1)).astype(int)
    yield f"{label:<{_LABEL}} {''.join(_BARS[at] for at in scaled)}  up to {form.format(float(there.max()))}"


def _ruler(found: Imported, bounds: Any) -> str:
    """The names of phases where they begin, as far as there is room."""
    import numpy as np

    line = [" "] * (len(bounds) - 1)
    for phase in found.phases:
        at = int(np.clip(np.searchsorted(bounds, phase.start_s, side="right") - 1, 0, len(line) - 1))
        end = int(np.clip(np.searchsorted(bounds, phase.end_s, side="left"), at + 1, len(line)))
        line[at:end] = list(f"|{phase.name}"[: end - at].ljust(end - at))
    return "".join(line).rstrip()


def _phases(found: Imported) -> Iterator[str]:
    start_s = found.phases[0].start_s
    for phase in found.phases:
        calls = found.log.of_links.between(phase.start_s, phase.end_s)
        failed = f"{100 * float((calls.came_to != OK).mean()):.1f} % failed" if calls.size else "no call"
        yield f"{phase.name:<10} {phase.start_s - start_s:>9.1f} s to {phase.end_s - start_s:>9.1f} s  {calls.size:>9,} calls, {failed}"
        for fault in (fault for fault in found.faults if fault.at == phase.name):
            yield f"  {fault.kind} {_settings(fault.settings)}: {fault.evidence[0]}"


def _settings(settings: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items()) or "all"


def _came_to(calls: Calls) -> Iterator[str]:
    import numpy as np

    pairs, counts = np.unique(np.stack([calls.link, calls.came_to]), axis=1, return_counts=True)
    for at in np.argsort(-counts, kind="stable")[:_SHOWN]:
        link, came_to = int(pairs[0, at]), int(pairs[1, at])
        yield f"{counts[at]:>9,}  {sayable(calls.links[link], 40) or 'calls'}: {WORDS.get(came_to, str(came_to))}"
    if _names(calls) and (models := calls.models):
        yield f"models: {', '.join(sayable(model, 40) for model in models[1 : _SHOWN + 1])}"


def _names(calls: Calls) -> Sequence[str]:
    return calls.models[1:]
