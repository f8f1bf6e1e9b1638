"""What is said of one request that was followed whole, wherever it is shown: its facts, its bars, what lay between them, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.judging.trace import Arrival, Attempt, Followed, Gap, Press
from harness.judging.whereabouts import ENDINGS, LATE
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.waterfall import ROWS_MOST, Bar

_TURNS = 4
_LAYERS = {
    "first": "first try",
    "client": "its client asked again",
    "sdk": "SDK retry",
    "repeat": "repeat",
    "failover": "failover",
}
_CAME_TO = {
    **ENDINGS,
    "unreadable": "unreadable answer",
    "refused": "refused by the harness",
    "broken": "broken by the harness",
}


def summary(found: Followed) -> str:
    """``due at 17.35 s, timed out after 4,000 ms``."""
    return f"due at {words.instant(found.due_s)}, {_came_to_client(found)} {_after(0.0, found.answer.end_ms)}".rstrip()


def facts(found: Followed) -> list[tuple[str, str]]:
    """What is known of it that no bar shows, each with its name; what there is not is left out."""
    return [(name, said) for name, said in _facts(found) if said]


def bars(found: Followed) -> tuple[tuple[Bar, ...], int]:
    """The client's own, press by press, and each try with its arrival under it, by when they began; and how many there was no room for."""
    tries = [((one.start_ms, 0), attempt_bar(one)) for one in found.attempts]
    tries += [((one.start_ms, 1), arrival_bar(one.arrival, one.number)) for one in found.attempts if one.arrival]
    tries += [((one.start_ms, 1), arrival_bar(one, None)) for one in found.arrivals]
    shown = [bar for _, bar in sorted(tries, key=lambda pair: pair[0])]
    return (*client_bars(found), *shown[:ROWS_MOST]), max(0, len(shown) - ROWS_MOST)


def notes(found: Followed, left_out: int = 0) -> Iterator[str]:
    """What has to be known beside the bars; *left_out*: so many are not drawn."""
    if left_out:
        yield f"{words.count(left_out)} later tries and arrivals are not drawn."
    if found.hidden:
        yield "A fault hid attempts while it was under way, so some may be missing."
    elif not found.attempts and not found.arrivals:
        yield "No try at a provider was seen for it."


def between(gap: Gap) -> str:
    """``400 ms without a try, before try 3; the answer before had stated a wait of 1,000 ms``."""
    lasted = words.quantity(gap.end_ms - gap.start_ms, "ms")
    match gap.where:
        case "before the first try":
            return f"{lasted} in the service before its first try"
        case "between tries":
            stated = (
                ""
                if gap.stated_wait_ms is None
                else f", where the answer stated a wait of {words.quantity(gap.stated_wait_ms, 'ms')}"
            )
            return f"{lasted} of waiting after try {gap.after_try}{stated}"
        case "after the last try":
            return f"{lasted} after the last try was over"
        case _:
            return f"{lasted} without any try"


def in_force(found: Followed) -> list[str]:
    """Each fault that was in force while it went on, with the tries that it is known to have hit."""
    return [
        f"{one_line(fault.id, 40)} ({one_line(fault.summary, 100)})"
        + (f", hit try {', '.join(map(str, fault.hit))}" if fault.hit else "")
        for fault in found.faults
    ]


def of_attempt(one: Attempt) -> list[str]:
    """What is known of a try beside its bar: by whom it was made, when it was sent, what of it arrived, and what did something to it."""
    told = [layer_of(one.layer)]
    told += [f"for press {one.press + 1}"] if one.press else []
    told += [f"SDK counts {one.retry_count}"] if one.retry_count is not None else []
    told += [f"begun {words.quantity(one.start_ms, 'ms')} after due"]
    told += [] if one.first_byte_ms is None else [f"first byte at {words.quantity(one.first_byte_ms, 'ms')}"]
    told += [f"error {one_line(one.error, 40)}"] if one.error else []
    told += [] if one.retry_after_ms is None else [f"told to wait {words.quantity(one.retry_after_ms, 'ms')}"]
    told += _of_arrival(one)
    told += [f"{', '.join(one_line(name, 40) for name in one.in_force)} in force on its link"] if one.in_force else []
    if one.after_client_ms is not None:
        begun = "begun when its client had gone, " if one.begun_after_client else ""
        told.append(f"{begun}went on for {words.quantity(one.after_client_ms, 'ms')} that nobody waited for")
    return told


def _of_arrival(one: Attempt) -> list[str]:
    came = one.arrival
    if came is None:
        return ["never arrived at the provider's side"] if one.arrived is False else []
    told = [
        "arrived, not passed on"
        if came.forwarded_ms is None
        else f"passed on at {words.quantity(came.forwarded_ms, 'ms')}"
    ]
    told += [f"{came_of_attempt(came.status, came.outcome)} there"] if came.outcome != "complete" else []
    told += [f"hit by {', '.join(one_line(name, 40) for name in came.hit_by)}"] if came.hit_by else []
    told += [f"model {one_line(came.model, 40)}"] if came.model else []
    if came.tokens_in is not None or came.tokens_out is not None:
        counted = f" ({came.tokens_from})" if came.tokens_from else ""
        told.append(f"{words.count(came.tokens_in or 0)} tokens in, {words.count(came.tokens_out or 0)} out{counted}")
    told += _of_tools(came)
    return [*told, *([f"messages {came.messages_sha256[:12]}"] if came.messages_sha256 else [])]


def _of_tools(came: Arrival) -> list[str]:
    """Which results of tools it brought, how many tools the model might call, and which it called."""
    results = [f"{name} (failed)" if name in came.tools_failed else name for name in came.tool_results]
    told = [f"brought results of {_named(results)}"] if results else []
    told += [f"{words.counted(len(came.tools_offered), 'tool')} offered"] if came.tools_offered else []
    return [*told, *([f"called {_named(came.tools_called)}"] if came.tools_called else [])]


def _named(tools: Sequence[str]) -> str:
    return ", ".join(one_line(name, 40) for name in tools)


def layer_of(layer: object) -> str:
    """Who made an attempt, in words."""
    return _LAYERS.get(str(layer), one_line(str(layer), 20))


def came_of_attempt(status: int, outcome: str) -> str:
    """What became of an attempt, in words: ``503``, ``given up by the service``."""
    status, outcome = int(status), str(outcome)
    if outcome == "answered_by_fault":
        return f"{status} from the fault" if status else "cut by the fault"
    if outcome == "complete":
        return str(status) if status else "complete"
    said = _CAME_TO.get(outcome, outcome.replace("_", " "))
    return f"{status}, {said}" if status else said


def client_bars(found: Followed) -> Iterator[Bar]:
    """What the client did, press by press, where it asked more than once."""
    for press in found.presses[:-1]:
        start_ms = press.sent_ms or 0.0
        came = came_of_attempt(press.status, press.outcome.replace("_", " "))
        took = _after(start_ms, press.end_ms)
        yield Bar("client", f"client, press {press.number}", "", came, took, start_ms, None, press.end_ms)
    yield _client(found, found.presses[-1])


def _client(found: Followed, last: Press) -> Bar:
    answer, entry = found.answer, found.asked.entry
    return Bar(
        "client",
        "client" if last.number == 1 else f"client, press {last.number}",
        f"asked {one_line(entry, 24)}" if entry else "",
        _came_to_client(found),
        _after(0.0, answer.end_ms),
        max(0.0, last.sent_ms or 0.0),
        answer.first_byte_ms,
        answer.end_ms,
        answer.first_token_ms,
    )


def attempt_bar(one: Attempt) -> Bar:
    """The try as the tap saw it."""
    layer = layer_of(one.layer) + (f", press {one.press + 1}" if one.press else "")
    counted = "" if one.retry_count is None else f", SDK counts {one.retry_count}"
    return Bar(
        "tap",
        f"try {one.number} at {one_line(one.link, 24)}",
        f"· {layer}{counted}",
        came_of_attempt(one.status, one.outcome),
        _after(one.start_ms, one.end_ms),
        one.start_ms,
        one.first_byte_ms,
        one.end_ms,
    )


def arrival_bar(one: Arrival, number: int | None) -> Bar:
    fault = f", {one_line(one.fault, 40)}" if one.fault else ""
    return Bar(
        "edge",
        f"{f'try {number} ' if number else ''}arrived at {one_line(one.link, 24)}",
        "" if one.forwarded_ms is not None else "· not passed on",
        came_of_attempt(one.status, one.outcome),
        f"{_after(one.start_ms, one.end_ms)}{fault}",
        one.start_ms,
        one.first_byte_ms,
        one.end_ms,
        one.forwarded_ms,
    )


def _came_to_client(found: Followed) -> str:
    answer = found.answer
    if answer.outcome == "complete":
        return "good" if answer.good else "too late" if answer.came_to == LATE else answer.came_to
    said = answer.outcome.replace("_", " ")
    return f"{said} {answer.status}" if answer.outcome == "error" and answer.status else said


def _facts(found: Followed) -> Iterator[tuple[str, str]]:
    asked, answer = found.asked, found.answer
    yield "Nonce", one_line(found.nonce, 40)
    yield "Due in", words.phase(found.phase) if found.phase else ""
    yield "Entry", one_line(asked.entry, 60)
    yield "Conversation", f"{one_line(asked.conversation, 60)}, turn {asked.turn}" if asked.conversation else ""
    yield "Question", f"{one_line(asked.question, 60)}{f': {one_line(asked.text, 160)}' if asked.text else ''}"
    yield "Snapshot", _snapshot(found)
    yield from _grounding(found)
    yield (
        "Asked before",
        ", ".join(
            [*(["…"] if len(asked.earlier) > _TURNS else []), *(one_line(one, 40) for one in asked.earlier[-_TURNS:])]
        ),
    )
    yield "Job", _job(found)
    yield "Faults", "; ".join(in_force(found))
    yield "Between", "; ".join(map(between, found.gaps))
    yield "Side effects", "" if found.effects is None else f"done {words.counted(found.effects, 'time')}"
    yield "Tools", _tools(found)
    yield "Client's detail", one_line(answer.detail, 200)
    yield "Answer", one_line(answer.text, 400)
    yield "Model", _model(found)
    yield "Says of itself", ", ".join(name for name in ("degraded", "cached") if getattr(answer, name))
    yield "Tokens", _tokens(found)
    yield "Graded", graded(found)


def graded(found: Followed) -> str:
    """``good: a complete answer, within 4 s``; of one that was not, what it came to, and what it had and had not."""
    of_good = [check for check in found.answer.checks if check.of == "good"]
    said = ", ".join(f"{'' if check.held else 'not '}{one_line(check.what, 80)}" for check in of_good)
    right = [check.held for check in found.answer.checks if check.of == "right"]
    told = (
        ""
        if not right
        else "; right, as the questions file expects"
        if all(right)
        else "; not what the questions file expects"
    )
    return f"{one_line(found.answer.came_to, 60)}: {said}{told}"


def _snapshot(found: Followed) -> str:
    answer = found.answer
    told = [] if answer.snapshot_version is None else [f"v{answer.snapshot_version}"]
    told += [] if answer.seen_version is None else [f"the conversation had seen v{answer.seen_version}"]
    told += [] if answer.newest_version is None else [f"v{answer.newest_version} had been published"]
    return "; ".join(told)


def _grounding(found: Followed) -> Iterator[tuple[str, str]]:
    """What the answer stands on, where the target file says where it names that; also that a whole one did not name it."""
    answer = found.answer
    unnamed = "not named by the answer" if answer.outcome == "complete" else ""
    if answer.prompt_version is not None:
        yield "Prompt version", one_line(answer.prompt_version, 100) or unnamed
    if answer.sources is not None:
        yield "Sources", ", ".join(one_line(one, 80) for one in answer.sources) or unnamed
    if answer.context_sha256 is not None:
        kept = f": {one_line(answer.context, 400)}" if answer.context else ""
        size = words.counted(answer.context_chars or 0, "character")
        yield "Context", f"{size}, {answer.context_sha256[:12]}{kept}" if answer.context_sha256 else unnamed


def _tools(found: Followed) -> str:
    """Which tools were called in it, and which came back with a result, over all tries that arrived at a model."""
    came = [one.arrival for one in found.attempts if one.arrival] + found.arrivals
    called = [name for one in came for name in one.tools_called]
    # A try again of the same messages brings the same results.
    asked = {one.messages_sha256 or place: one for place, one in enumerate(came)}.values()
    back = [name for one in asked for name in one.tool_results]
    failed = [name for one in asked for name in one.tools_failed]
    told = [f"called {_named(called)}"] if called else []
    told += [f"results of {_named(back)}"] if back else []
    return "; ".join([*told, *([f"{_named(failed)} failed"] if failed else [])])


def _job(found: Followed) -> str:
    job = found.job
    if job is None:
        return ""
    told = [one_line(job.stage, 20)]
    if job.queued_most_ms is not None:
        least = words.quantity(job.queued_least_ms or 0.0, "ms")
        told.append(f"queued for {least} to {words.quantity(job.queued_most_ms, 'ms')}")
    if job.worked_least_ms is not None and job.worked_most_ms is not None:
        least = words.quantity(job.worked_least_ms, "ms")
        told.append(f"worked on for {least} to {words.quantity(job.worked_most_ms, 'ms')}")
    told += [words.counted(job.polls, "poll")] if job.polls else []
    told += [f"sent {words.counted(job.deliveries, 'time')}"] if job.deliveries else []
    return ", ".join(told)


def _model(found: Followed) -> str:
    answer, asked = found.answer, found.asked.model
    other = f"asked for {one_line(asked, 60)}" if asked and asked != answer.model else ""
    ended = f"(ended: {one_line(answer.finish, 40)})" if answer.finish else ""
    return " ".join(part for part in (one_line(answer.model, 60), ended, other) if part)


def _tokens(found: Followed) -> str:
    """What it cost at the providers over all that arrived; empty where nobody counted."""
    answer = found.answer
    if answer.tokens_in is None and answer.tokens_out is None:
        return ""
    arrived = sum(one.arrival is not None for one in found.attempts) + len(found.arrivals)
    whole = f" over {arrived} arrivals" if arrived > 1 else ""
    return f"{words.count(answer.tokens_in or 0)} in, {words.count(answer.tokens_out or 0)} out{whole}"


def _after(start_ms: float, end_ms: float | None) -> str:
    return "" if end_ms is None else f"after {words.quantity(end_ms - start_ms, 'ms')}"
