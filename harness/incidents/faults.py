"""What was broken in each phase of an incident, as faults of a scenario, each with the counts that it was told by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from harness.incidents.calls import CUT, FAILED, LEFT, OK, TIMED_OUT, UNREACHABLE, WORDS, Calls
from harness.incidents.phases import Phase

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Truths = npt.NDArray[np.bool_]

FEWEST = 3
"""So many calls at least have to have come to something before it is a fault."""
LEAST_SHARE = 0.005
ALL = 0.995
"""From this share on it is all of them: the others are those that the edge of the phase was put a moment too early for."""
_SURE = 3.0
_FEWEST_ANSWERS = 10
_LATER_MS, _LATER = 50.0, 0.2
_LONG_TAIL = 3.0
_PARETO_MEDIAN = 0.277
"""Of a Pareto distribution of shape 3 the median lies so many standard deviations below the mean: (1.5 - 2 ** (1/3)) / sqrt(0.75)."""
_GAP_MS = 5.0
_PER_MODEL = 20
_TOKENS_OF_NOBODY = 5
_UNKNOWN_STATUS = 500
_WAITING = (429, 503, 529)


@dataclass(frozen=True, slots=True)
class Found:
    """One fault: its *kind*, its *settings* as a scenario has them, the phase *at* which it is, and the *evidence*, a line each."""

    at: str
    kind: str
    on: Mapping[str, str]
    settings: Mapping[str, object]
    evidence: tuple[str, ...]

    def written(self) -> str:
        """It as a line of a scenario."""
        values = {"kind": self.kind, "on": self.on, **self.settings, "at": self.at}
        return "{" + ", ".join(f"{key}: {_yaml(value)}" for key, value in values.items()) + "}"


def _yaml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    plain = text.replace("_", "a").replace("-", "a").replace(".", "a").isalnum() and text.isascii()
    return text if plain else json.dumps(text, ensure_ascii=True)


def found(calls: Calls, phases: Sequence[Phase], names: Mapping[int, str]) -> list[Found]:
    """The faults of *calls*, phase by phase. *names*: what each link is called in a scenario; empty: any provider."""
    import numpy as np

    well = np.zeros(calls.size, bool)
    for phase in (phase for phase in phases if phase.quiet):
        well |= (calls.at_s >= phase.start_s) & (calls.at_s < phase.end_s)
    before = calls.taken(well)
    faults: list[Found] = []
    for phase in phases:
        if phase.quiet:
            continue
        here = calls.between(phase.start_s, phase.end_s)
        for link in np.unique(here.link):
            name = names.get(int(link), "")
            on = {"link": name} if name else {"kind": "provider"}
            now, then = here.taken(here.link == link), before.taken(before.link == link)
            faults += _of_link(phase.name, on, now, then)
    return faults


def _of_link(at: str, on: Mapping[str, str], here: Calls, usual: Calls) -> Iterator[Found]:
    """Those of one link: what answers in the provider's place first, then what is late, since an answer ends all that is behind it."""
    import numpy as np

    gone = np.zeros(here.size, bool)
    for came_to in _by_count(here):
        if came_to in (TIMED_OUT, LEFT, CUT):
            continue
        for aim, its, then in _aims(on, here, usual, came_to):
            rows, hit = here.taken(its), its & (here.came_to == came_to)
            # Of what an earlier one has answered, for these or for all, nothing is left for a later one to draw from.
            made = _answered(
                came_to, aim, rows, int(hit.sum()) / max(1, int((its & ~gone).sum())), first=not gone.any()
            )
            yield Found(at, *made, (_shares(rows, then, (came_to,)), *_waits(rows, came_to)))
            gone |= hit
    yield from _cut_off(at, on, here, usual)
    yield from _given_up(at, on, here, usual, int((~gone).sum()))
    yield from _later(at, on, here, usual)


def _by_count(here: Calls) -> list[int]:
    import numpy as np

    values, counts = np.unique(here.came_to[here.came_to != OK], return_counts=True)
    return [int(values[at]) for at in np.argsort(-counts, kind="stable")]


def _aims(
    on: Mapping[str, str], here: Calls, usual: Calls, came_to: int
) -> list[tuple[Mapping[str, str], Truths, Calls]]:
    """For whom a fault is: all calls of a link, or those of the models that have it where others have not; nobody where it is none.

    Of each whom it names, which calls are its own, and those while all was well.
    """
    import numpy as np

    models, counts = np.unique(here.model, return_counts=True)
    many = [int(model) for model, count in zip(models, counts, strict=True) if count >= _PER_MODEL and model]
    parts = {model: (here.taken(here.model == model), usual.taken(usual.model == model)) for model in many}
    hit = [model for model in many if _more(*parts[model], (came_to,))]
    others = here.taken(np.isin(here.model, [model for model in many if model not in hit]))
    apart = others.size and all(_more(parts[model][0], others, (came_to,)) for model in hit)
    if hit and apart and all(here.models[model].isascii() for model in hit):
        return [({**on, "model": here.models[model]}, here.model == model, parts[model][1]) for model in hit]
    return [(on, np.ones(here.size, bool), usual)] if _more(here, usual, (came_to,)) else []


def _more(here: Calls, usual: Calls, of: tuple[int, ...]) -> bool:
    """Whether more calls than usual came to one *of* these, beyond chance."""
    count, before = _count(here, of), _count(usual, of)
    if count < FEWEST or count / here.size < LEAST_SHARE:
        return False
    if not usual.size:
        return True
    share = (count + before + 1) / (here.size + usual.size + 2)
    chance = sqrt(share * (1 - share) * (1 / here.size + 1 / usual.size))
    return count / here.size - before / usual.size > min(_SURE * chance, 0.5)


def _count(calls: Calls, of: tuple[int, ...]) -> int:
    import numpy as np

    return int(np.isin(calls.came_to, of).sum())


def _shares(here: Calls, usual: Calls, of: tuple[int, ...]) -> str:
    """``23.8 % of 412 calls were 503 here; 0.2 % of 5,120 else``."""
    count, words = _count(here, of), " or ".join(WORDS.get(one, f"{one}") for one in of)
    else_ = f"; {_percent(_count(usual, of), usual.size)} of {usual.size:,} while all was well" if usual.size else ""
    return f"{_percent(count, here.size)} of {here.size:,} calls were {words} here{else_}"


def _percent(count: int, size: int) -> str:
    return f"{100 * count / size:.1f} %" if size else "none"


def _share(ratio: float) -> dict[str, object]:
    """How large a share of requests it is for; nothing is said where it is all of them."""
    return {} if ratio >= ALL else {"share": max(0.001, round(ratio, 3))}


def _answered(
    came_to: int, on: Mapping[str, str], here: Calls, ratio: float, *, first: bool
) -> tuple[str, Mapping[str, str], Mapping[str, object]]:
    if came_to == UNREACHABLE:
        # Where nobody listens, nothing that stands behind it is met.
        if first and ratio >= ALL and "model" not in on:
            return "disconnect", on, {"mode": "refuse"}
        return "hang_up", on, {"by": "reset", **_share(ratio)}
    status = _UNKNOWN_STATUS if came_to == FAILED else came_to
    wait_s = _median_wait_s(here, came_to)
    wait = {"wait": _time(1e3 * wait_s)} if wait_s > 0 else {}
    return "http_error", on, {"status": status, **_share(ratio), **wait}


def _median_wait_s(here: Calls, came_to: int) -> float:
    import numpy as np

    told = here.retry_after_s[(here.came_to == came_to) & (here.retry_after_s > 0)]
    return float(np.median(told)) if told.size >= FEWEST else 0.0


def _waits(here: Calls, came_to: int) -> Iterator[str]:
    import numpy as np

    if came_to == FAILED:
        yield f"of these nobody logged with what status they failed; {_UNKNOWN_STATUS} stands for it"
    told = here.retry_after_s[(here.came_to == came_to) & (here.retry_after_s > 0)]
    if told.size >= FEWEST:
        low, middle, high = np.percentile(told, [5, 50, 95])
        spread = (
            f"{middle:.3g} s"
            if low == high
            else f"half of them {middle:.3g} s or more, nine in ten from {low:.3g} to {high:.3g} s"
        )
        yield f"{told.size:,} of them told to wait: {spread}"
    elif came_to in _WAITING:
        yield "how long they told to wait was not logged"


def _cut_off(at: str, on: Mapping[str, str], here: Calls, usual: Calls) -> Iterator[Found]:
    import numpy as np

    if not _more(here, usual, (CUT,)):
        return
    cut = here.came_to == CUT
    tokens = here.tokens_out[cut & (here.tokens_out > 0)]
    after = int(np.median(tokens)) if tokens.size else _TOKENS_OF_NOBODY
    where = (
        f"after {after} tokens in the middle of them" if tokens.size else f"where, was not logged; {after} is made up"
    )
    ratio = _count(here, (CUT,)) / max(1, _count(here, (CUT, OK)))
    yield Found(
        at,
        "cut_stream",
        on,
        {"after": after, "by": "close", **_share(ratio)},
        (_shares(here, usual, (CUT,)), where),
    )


def _given_up(at: str, on: Mapping[str, str], here: Calls, usual: Calls, left: int) -> Iterator[Found]:
    """Calls that ran out of time are answers that are later than whoever asked waits; of all of them, a silence."""
    import numpy as np

    if not _more(here, usual, (TIMED_OUT, LEFT)):
        return
    ended = np.isin(here.came_to, (TIMED_OUT, LEFT))
    of = tuple(one for one in (TIMED_OUT, LEFT) if _count(here, (one,)))
    took_ms = here.duration_ms[ended & (here.duration_ms > 0)]
    ratio = min(1.0, ended.sum() / max(1, left))
    lasted = (
        f"half of those took {_ms(np.median(took_ms))} or more"
        if took_ms.size
        else "how long those took was not logged"
    )
    if ratio >= ALL:
        yield Found(at, "blackhole", on, {}, (_shares(here, usual, of), lasted))
        return
    longest_s = ceil(1.2 * float(np.percentile(took_ms, 95)) / 1e3) if took_ms.size else 60
    evidence = (_shares(here, usual, of), f"{lasted}; so late an answer comes to nobody who waits as long as they did")
    yield Found(at, "latency", on, {"base": f"{max(1, longest_s)}s", **_share(ratio)}, evidence)


def _later(at: str, on: Mapping[str, str], here: Calls, usual: Calls) -> Iterator[Found]:
    """What answers took longer than usual: to their first token where that is known, and in all."""
    import numpy as np

    now, then = _answers(here), _answers(usual)
    if min(now.size, then.size) < _FEWEST_ANSWERS:
        return
    later_ms = float(np.median(now) - np.median(then))
    unsure = 1.2533 * np.sqrt(_spread(now) ** 2 / now.size + _spread(then) ** 2 / then.size)
    if later_ms < max(_LATER_MS, _LATER * float(np.median(then)), _SURE * unsure):
        return
    told = (
        f"half of {now.size:,} answers took {_ms(np.median(now))} or more here, one in twenty {_ms(np.percentile(now, 95))}; "
        f"{_ms(np.median(then))} and {_ms(np.percentile(then, 95))} while all was well"
    )
    first_ms, gap_ms, words = _of_stream(here, usual)
    if first_ms >= later_ms / 2:
        settings = {"first_token": _time(first_ms)} | ({"token_gap": _time(gap_ms)} if gap_ms else {})
        yield Found(at, "slow_stream", on, settings, (told, words))
    else:
        yield Found(at, "latency", on, _lateness(later_ms, now, then), (told,))


def _answers(calls: Calls) -> Floats:
    took_ms: Floats = calls.duration_ms[(calls.came_to == OK) & (calls.duration_ms > 0)]
    return took_ms


def _spread(values: Floats) -> float:
    """A standard deviation that a few values cannot move."""
    import numpy as np

    low, high = np.percentile(values, [15.87, 84.13])
    return float(high - low) / 2


def _lateness(later_ms: float, now: Floats, then: Floats) -> dict[str, object]:
    import numpy as np

    jitter_ms = min(later_ms, sqrt(max(0.0, _spread(now) ** 2 - _spread(then) ** 2)))
    if jitter_ms < later_ms / 10:
        return {"base": _time(later_ms)}
    low, middle, high = np.percentile(now, [2.5, 50, 97.5])
    if high - middle > _LONG_TAIL * max(1.0, middle - low):
        base_ms = later_ms + _PARETO_MEDIAN * jitter_ms
        return {"base": _time(base_ms), "jitter": _time(jitter_ms), "distribution": "pareto"}
    return {"base": _time(later_ms), "jitter": _time(jitter_ms), "distribution": "normal"}


def _of_stream(here: Calls, usual: Calls) -> tuple[float, float, str]:
    """How much later the first token came, how far apart the others are where that is more, and a sentence about it; 0 where not known."""
    import numpy as np

    now, then = (calls.taken((calls.came_to == OK) & (calls.first_ms > 0)) for calls in (here, usual))
    if min(now.size, then.size) < _FEWEST_ANSWERS:
        return 0.0, 0.0, ""
    first_ms = float(np.median(now.first_ms) - np.median(then.first_ms))
    here_ms, usual_ms = np.median(now.first_ms), np.median(then.first_ms)
    words = f"half of their first tokens came after {_ms(here_ms)} or more; after {_ms(usual_ms)} while all was well"
    gaps = [
        (calls.duration_ms - calls.first_ms)[calls.tokens_out > 1] / calls.tokens_out[calls.tokens_out > 1]
        for calls in (now, then)
    ]
    if min(gaps[0].size, gaps[1].size) < _FEWEST_ANSWERS:
        return first_ms, 0.0, words
    gap_ms, usual_gap_ms = (float(np.median(gap)) for gap in gaps)
    return first_ms, gap_ms if gap_ms - usual_gap_ms >= _GAP_MS else 0.0, words


def _time(ms: float, between: str = "") -> str:
    """A time as a scenario has it, to three digits: ``1.23s``, ``640ms``."""
    rounded = float(f"{ms:.3g}")
    return f"{rounded / 1e3:g}{between}s" if rounded >= 1e3 else f"{rounded:g}{between}ms"


def _ms(ms: Any) -> str:
    return _time(float(ms), " ")
