"""What a person wrote reaches whoever carries it out: no key of a file's form is lost on the way into the form that is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from harness.faults.effects import Curtail
from harness.faults.requests import Ramp
from harness.planning.pressing import Pressing, pressing_of
from harness.protocols.asking import OfferedTool, ResolvedAsk, ResolvedJob, resolved
from harness.reading.questions import Question, Tool, Turn
from harness.reading.retries import Backoff, Retries
from harness.reading.strict import Strict
from harness.reading.target import Ask, Job, NoncePlace, Reply, Simulated
from harness.running.load.plan import PlannedQuestion, planned
from harness.running.world.processes import provider_settings
from harness.simulated_provider.provider import ProviderSettings
from harness.simulated_provider.shortage import Taken


@dataclass(frozen=True)
class Form:
    """A form of a file, and what *sends* it: *least* is what has to be written, *other* for each key another value than that.

    *called*: what a key is called where it is sent, if that has not the key in it. *kept*: keys that are for others, and not sent.
    """

    model: type[Strict]
    sends: Callable[[Any], Any]
    least: dict[str, Any]
    other: dict[str, Any]
    called: dict[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.model.__name__

    def changed(self, key: str) -> set[str]:
        """What is sent otherwise once *key* has its other value."""
        before, after = (
            self.sends(self.model.model_validate({**self.least, **more})) for more in ({}, {key: self.other[key]})
        )
        names = [each.name for each in msgspec.structs.fields(type(before))]
        return {name for name in names if getattr(before, name) != getattr(after, name)}


def asked(**keys: Any) -> ResolvedAsk:
    return resolved(Ask(protocol="json", **keys), {})


def put(**keys: Any) -> PlannedQuestion:
    return planned(Question(id="q", text="Why?", **keys))


FORMS = [
    Form(
        Ask,
        lambda ask: resolved(ask, ask.headers),
        {"protocol": "json"},
        {
            "protocol": "openai-chat",
            "method": "GET",
            "path": "/ask",
            "headers": {"x-a": "b"},
            "model": "m",
            "stream": False,
            "body": {"q": "{question}"},
            "reply": {"answer": "/a"},
            "job": {},
            "nonce": {"in": "header", "name": "x-n"},
        },
        called={"reply": "answer_pointer"},
    ),
    Form(
        Reply,
        lambda reply: asked(reply=reply),
        {},
        {
            "answer": "/a",
            "snapshot_version": "/v",
            "conversation": "/c",
            "model": "/m",
            "degraded": "/d",
            "cached": "x-cache",
            "prompt_version": "/p",
            "sources": "x-sources",
            "context": "/context",
            "keep_context": True,
            "compare": "facts",
        },
        kept=frozenset({"compare"}),
    ),
    Form(
        NoncePlace,
        lambda nonce: asked(nonce=nonce),
        {"place": "header", "name": "x-n"},
        {"place": "field", "name": "meta"},
    ),
    Form(
        Job,
        lambda job: asked(job=job).job,
        {},
        {
            "id": "/id",
            "webhook": True,
            "settle": "2s",
            "poll": "/jobs/{job}",
            "every": "3s",
            "state": "/state",
            "waiting": ["queued"],
            "running": ["started"],
            "done": ["ready"],
            "failed": ["lost"],
            "result": "/jobs/{job}/result",
            "deadline": "4s",
        },
    ),
    Form(
        Question,
        planned,
        {"id": "q", "text": "Why?"},
        {
            "id": "r",
            "text": "How?",
            "user": "ann",
            "region": "east",
            "expected": "so",
            "turns": ["And then?"],
            "system": "In brief.",
            "size": 50,
            "max_tokens": 9,
            "tools": [{"name": "look"}],
        },
        kept=frozenset({"region", "expected"}),
    ),
    Form(
        Turn,
        lambda turn: put(turns=[turn]),
        {"text": "And then?"},
        {"text": "And now?", "expected": "so"},
        called={"text": "turns"},
        kept=frozenset({"expected"}),
    ),
    Form(
        Tool,
        lambda tool: put(tools=[tool]).tools[0],
        {"name": "look"},
        {"name": "ask", "description": "Looks it up.", "parameters": {"type": "object"}},
    ),
    Form(
        Simulated,
        lambda simulated: msgspec.json.decode(provider_settings(simulated), type=ProviderSettings),
        {},
        {
            "api": "anthropic",
            "capacity": 2,
            "queue": 3,
            "first_token": "1s",
            "sigma": 0,
            "tokens": 5,
            "token_gap": "2s",
            "tools": "called",
        },
        kept=frozenset({"api"}),
    ),
    Form(
        Retries,
        lambda retries: pressing_of(retries, 1),
        {"max": 1, "deadline": "1s"},
        {"max": 2, "deadline": "2s", "backoff": "3s", "on": ["error"]},
        called={"deadline": "patience_s", "backoff": "wait_s", "on": "upon"},
    ),
    Form(
        Backoff,
        lambda backoff: pressing_of(Retries.model_validate({"max": 1, "deadline": "1s", "backoff": backoff}), 1),
        {"first": "1s"},
        {"first": "2s", "factor": 3, "most": "4s", "jitter": 0.5},
        called={"first": "wait_s", "most": "wait_s_max"},
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_each_key_of_a_file_is_sent_under_its_name_and_changes_nothing_else(form: Form) -> None:
    # A new key that is not sent fails here, until it is, or it is said that it is for others.
    assert set(form.other) == set(form.model.model_fields)
    for key in form.other:
        changed = form.changed(key)
        assert (not changed) is (key in form.kept), key
        assert all(form.called.get(key, key) in name for name in changed), (key, changed)


@pytest.mark.parametrize(
    ("sent", "elsewhere"),
    [
        (ResolvedAsk, set()),
        (ResolvedJob, set()),
        (PlannedQuestion, set()),
        (OfferedTool, set()),
        (ProviderSettings, set()),
        (Pressing, {"seed"}),
    ],
)
def test_all_that_is_sent_comes_from_a_key(sent: type[msgspec.Struct], elsewhere: set[str]) -> None:
    of = [form for form in FORMS if isinstance(form.sends(form.model.model_validate(form.least)), sent)]
    told = {name for form in of for key in form.other for name in form.changed(key)}
    assert told | elsewhere == {each.name for each in msgspec.structs.fields(sent)}


def test_what_a_fault_takes_of_a_simulated_provider_is_told_whole() -> None:
    share, slow = Ramp(1.0, 3.0), Ramp(4.0, 5.0)
    effect = Curtail("provider-east", 0.5, 2.0, share, slow)
    taken = msgspec.json.decode(msgspec.json.encode(effect), type=Taken)
    assert msgspec.to_builtins(effect) == {"type": "capacity", "aim": "provider-east", **msgspec.to_builtins(taken)}
    assert (taken.share_at(1.5), taken.slow_at(2.5)) == (share.at(0.5, 1.5), slow.at(2.0, 2.5))


def test_a_key_that_is_not_sent_is_found() -> None:
    class Wider(Turn):
        mood: str = ""

    (turn,) = [form for form in FORMS if form.model is Turn]
    wider = replace(turn, model=Wider, other={**turn.other, "mood": "glad"})
    with pytest.raises(AssertionError, match="mood"):
        test_each_key_of_a_file_is_sent_under_its_name_and_changes_nothing_else(wider)
    with pytest.raises(AssertionError):
        test_each_key_of_a_file_is_sent_under_its_name_and_changes_nothing_else(replace(turn, model=Wider))
