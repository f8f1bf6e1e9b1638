"""Several rules that act on one stream: each is told of every event as the one before it passed it on."""

from __future__ import annotations

import pytest
from wire_shapes.streams import STREAMS

from harness.dialects import dialects
from harness.faults.effects import CutStream, Rule, SpoilAnswer, SpoilStream
from harness.faults.requests import ALL, Attempted
from harness.running.wire.edge.rules.base import Asked
from harness.running.wire.edge.rules.in_force import Rules
from harness.running.wire.edge.rules.of_events import _read_once
from harness.running.wire.edge.rules.spoil_answer import _Spoiling

HEAD = [(b"Content-Type", b"text/event-stream")]
REFUSAL, TWICE, NEVER = SpoilAnswer("refusal"), SpoilStream("duplicated", 2), CutStream(99, "end")


def told(*rules: Rule) -> bytes:
    """What becomes of a stream of chat under these rules, in their order."""
    in_force = Rules(1, "east")
    for number, rule in enumerate(rules):
        in_force.put(f"f{number}", rule, ALL, 0.0)
    ruling = in_force.judge(Asked(Attempted("lot", stream=True), [], b"", "req", 0.0, dialects["openai"]))
    said = [*STREAMS["chat"]]
    for _, each in ruling.following:
        each.head(200, HEAD)
        passed = [deed for piece in said for deed in each.piece(piece, whole=False)] + each.piece(b"", whole=True)
        said = [deed for deed in passed if isinstance(deed, bytes)]
    return b"".join(said)


@pytest.mark.parametrize("edits", [(REFUSAL,), (REFUSAL, TWICE), (TWICE, REFUSAL), (NEVER, REFUSAL, TWICE, NEVER)])
def test_what_one_rule_makes_of_an_event_is_no_other_streams(edits: tuple[Rule, ...]) -> None:
    plain, before = b"".join(STREAMS["chat"]), told(*edits)
    assert before != plain
    assert told(NEVER, NEVER) == plain
    assert told(*edits) == before
    assert told(NEVER) == plain


def test_a_rule_that_edits_what_others_are_told_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Spoiling, "reads_only", True)
    _read_once.cache_clear()
    told(REFUSAL)
    assert told(REFUSAL, TWICE, NEVER) != _unshared(REFUSAL, TWICE, NEVER)
    _read_once.cache_clear()


def _unshared(*rules: Rule) -> bytes:
    _read_once.cache_clear()
    return told(*rules)


def test_rules_that_find_nothing_to_do_leave_every_byte() -> None:
    assert told(*(NEVER,) * 10) == b"".join(STREAMS["chat"])
