"""What happened on a game day, a sentence each, as people read it on a terminal or in a chat."""

from __future__ import annotations

from harness.gameday.events import (
    HARNESS,
    Agreed,
    Began,
    Called,
    Closed,
    Event,
    Item,
    Looked,
    Marked,
    Noted,
    Opened,
    Over,
    PutBack,
    Stopped,
    Told,
    Warned,
    WentOn,
)

OUTCOMES = {
    "held": "held",
    "failed": "failed",
    "inconclusive": "inconclusive",
    "invalid": "invalid",
    "aborted": "aborted, and everything was put back",
    "done": "done",
    "not_done": "not done",
    "skipped": "skipped",
    "interrupted": "interrupted, and everything was put back",
}
TRIED_AGAIN = "it is tried again until the day is over, and by `harness heal` after that"
HELD: dict[bool | None, str] = {
    True: "the hypothesis held",
    False: "the hypothesis did not hold",
    None: "whether the hypothesis held is not known",
}
UNSEEN = "the hypothesis is said to have held, and nothing shows it"


def sentence(event: Event) -> str:
    """*event* without its time; steps are named by their ids."""
    return _what_the_harness_did(event) or _what_was_said(event)


def _what_the_harness_did(event: Event) -> str:
    match event:
        case Opened():
            tabletop = " as a tabletop: nothing is broken" if event.tabletop else ""
            return f"the day {event.name} is opened{tabletop}"
        case WentOn():
            return f"the day goes on after its process had ended; {event.healed or 'nothing was left in force'}"
        case Began():
            return f"{event.step} begins"
        case Told():
            whom = f"{event.url} of {event.moment}"
            return f"NOT told: {whom}: {event.error}" if event.error else f"told {whom}"
        case Warned():
            return f"warning: {event.what}"
        case PutBack():
            return f"{event.step}: {put_back(event)}"
        case Looked() if event.by == HARNESS:
            return f"prerequisite {event.prerequisite + 1} is {'met' if event.ok else 'NOT met'}{_more(event.told)}"
        case _:
            return ""


def put_back(event: PutBack) -> str:
    """What *event* says of the faults of its step, without the name of that."""
    if event.left:
        return f"NOT all is put back, and may be in force still: {'; '.join(event.left)}{_because(event.told)}; {TRIED_AGAIN}"
    return f"nothing is in force any more{_more(event.told)}"


def _because(told: str) -> str:
    return f", since {told}" if told else ""


def _what_was_said(event: Event) -> str:
    match event:
        case Looked():
            return f"{event.by}: prerequisite {event.prerequisite + 1} is {'met' if event.ok else 'NOT met'}{_more(event.told)}"
        case Agreed():
            whose = event.by if event.by == event.of else f"{event.by} for {event.of}"
            return f"{whose} {'agrees' if event.yes else 'refuses'}{_more(event.why)}"
        case Called():
            return f"{event.by}: {event.step} is to begin"
        case Over():
            whose = "" if event.by == HARNESS else f"{event.by}: "
            return f"{whose}{event.step} is over, {OUTCOMES[event.outcome]}{_more(event.told)}"
        case Noted():
            kind = "decision: " if event.decision else "surprise: " if event.surprise else ""
            return f"{event.by} notes: {kind}{event.text}"
        case Marked():
            return f"{event.by}: {event.step} {event.kind}{_more(event.text)}"
        case Item():
            return f"{event.by}: {'done' if event.done else 'to be done'}: {event.text}{_details(event)}"
        case Stopped():
            return f"STOPPED by {event.by}{_more(event.why)}; nothing more begins until somebody says so"
        case Closed():
            return f"{event.by} closes the day: {HELD[event.held]}{_more(event.told)}"
        case _:
            return ""


def _more(text: str) -> str:
    return f": {text}" if text else ""


def _details(item: Item) -> str:
    said = (
        [f"owner {item.owner}"] * bool(item.owner)
        + [item.ticket] * bool(item.ticket)
        + [f"again on {item.due}"] * bool(item.due)
    )
    return f" ({', '.join(said)})" if said else ""
