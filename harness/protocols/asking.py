"""How one question is put to the target, with every secret filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from harness.protocols.nonce import Nonces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.reading.target import Ask as TargetAsk


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one question is put to the target, with every secret filled in; fields as in the target file."""

    protocol: str
    path: str = "/"
    headers: dict[str, str] = {}
    model: str | None = None
    stream: bool = True
    body: dict[str, object] | None = None
    answer_pointer: str | None = None  # JSON Pointers into the reply
    snapshot_version_pointer: str | None = None
    conversation_pointer: str | None = None
    nonce_place: Literal["prompt", "header", "field"] = "prompt"
    nonce_name: str | None = None  # of the header, or the dotted path of the JSON field


def resolved(ask: TargetAsk, headers: Mapping[str, str]) -> Ask:
    """The target file's *ask* with its *headers* as they are to be sent."""
    return Ask(
        protocol=ask.protocol,
        path=ask.path,
        headers=dict(headers),
        model=ask.model,
        stream=ask.stream,
        body=ask.body,
        answer_pointer=ask.reply.answer,
        snapshot_version_pointer=ask.reply.snapshot_version,
        conversation_pointer=ask.reply.conversation,
        nonce_place=ask.nonce.place,
        nonce_name=ask.nonce.name,
    )


def own_nonces(ask: TargetAsk, run_id: str) -> Nonces:
    """How the nonces of run *run_id* are known, and where the target file's *ask* has them travel."""
    header = ask.nonce.name if ask.nonce.place == "header" else None
    return Nonces(run_id, (header or "").lower())
