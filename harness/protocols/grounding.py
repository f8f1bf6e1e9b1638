"""What an answer says it stands on: the version of its prompt, the sources that were retrieved, the context put before the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import NamedTuple

import msgspec

from harness.protocols import pointer
from harness.protocols.nonce import unmarked

SOURCES_MAX = 64
OTHERS = "…"
"""Stands behind so many sources where there were more."""
_VERSION_CHARS = 100
_SOURCE_CHARS = 200
_CONTEXT_CHARS = 65_536
_MARK_CHARS = 12
_NAMES = (
    "id",
    "source_id",
    "document_id",
    "doc_id",
    "chunk_id",
    "file_id",
    "url",
    "uri",
    "source",
    "path",
    "filename",
    "name",
    "title",
)
"""By what a source that is an object is known, the most telling first; RAG libraries and APIs have it so, or one object further in."""


class Grounding(NamedTuple):
    """What one answer says so. *context* is empty unless it is kept; the hash and the length are of the whole of it, without nonces."""

    prompt_version: str = ""
    sources: tuple[str, ...] = ()
    context_sha256: str = ""
    context_chars: int = 0
    context: str = ""

    def and_then(self, later: Grounding) -> Grounding:
        """With what a *later* part of the same answer says: sources come one after the other, of all else the last is told."""
        if later is NOTHING:
            return self
        of = later if later.context_sha256 else self
        return Grounding(
            later.prompt_version or self.prompt_version,
            _few(dict.fromkeys((*self.sources, *later.sources))),
            of.context_sha256,
            of.context_chars,
            of.context,
        )


NOTHING = Grounding()


class Places(NamedTuple):
    """Where an answer names them, each a JSON Pointer into the reply or the name of a header, and whether a context is kept."""

    prompt_version: str | None = None
    sources: str | None = None
    context: str | None = None
    keep_context: bool = False


def in_head(places: Places, value: Callable[[str], object]) -> Grounding:
    """What the head of an answer says so; *value* gives what stands in a header, or None."""
    version, sources, context = (
        _line(value(place)) if place and not place.startswith("/") else None for place in places[:3]
    )
    return _found(version, _list(sources), context, places.keep_context)


def in_reply(places: Places, reply: object) -> Grounding:
    """What a JSON *reply*, or one event of a stream, says so."""
    version, sources, context = (
        pointer.at(reply, place) if place and place.startswith("/") else None for place in places[:3]
    )
    return _found(version, sources, context, places.keep_context)


def _found(version: object, sources: object, context: object, keep: bool) -> Grounding:
    found = Grounding(_version(version), _few(dict.fromkeys(_named(sources))), *_context(context, keep))
    return NOTHING if found == NOTHING else found


def written(sources: tuple[str, ...]) -> str:
    """As a row has them: one a line."""
    return "\n".join(sources)


def read(sources: str) -> list[str]:
    """What was `written`."""
    return sources.split("\n") if sources else []


def _line(said: object) -> object:
    """A header that stands there several times is one line."""
    return ", ".join(map(str, said)) if isinstance(said, list) else said


def _list(said: object) -> object:
    """The sources that a header names: a JSON array, or with commas between."""
    if not isinstance(said, str):
        return said
    if said.lstrip().startswith("["):
        try:
            return msgspec.json.decode(said)
        except (msgspec.DecodeError, RecursionError):
            pass
    return said.split(",")


def _version(said: object) -> str:
    return (_text(said) if said and isinstance(said, dict) else _plain(said))[:_VERSION_CHARS]


def _named(said: object) -> Iterator[str]:
    """Each source of a list, or the only one, by its name."""
    for one in said if isinstance(said, list) else [said]:
        if name := _name(one):
            yield name


def _name(source: object) -> str:
    """What a *source* is called; one without a name is known by the beginning of its hash, as is one that is long."""
    if source in (None, "", [], {}) or isinstance(source, bool):
        return ""
    holders = [source, *(one for one in source.values() if isinstance(one, dict))] if isinstance(source, dict) else []
    found = (_plain(holder.get(name)) for holder in holders for name in _NAMES)
    name = next(filter(None, found), "") if holders else _plain(source)
    # Of an address it is seldom the query that names the source, and often that which is a secret.
    name = name if len(name) <= _SOURCE_CHARS else name.partition("?")[0] if "://" in name else ""
    return name if 0 < len(name) <= _SOURCE_CHARS else f"sha256:{_hash(_text(source))[:_MARK_CHARS]}"


def _plain(said: object) -> str:
    """A text or a number on one line; empty of all else."""
    return " ".join(str(said).split()) if isinstance(said, str | int | float) and not isinstance(said, bool) else ""


def _few(names: dict[str, None]) -> tuple[str, ...]:
    more = len(names) > SOURCES_MAX + (OTHERS in names)
    kept = [name for name in names if name != OTHERS][:SOURCES_MAX]
    return (*kept, *((OTHERS,) if more or OTHERS in names else ()))


def _context(said: object, keeps: bool) -> tuple[str, int, str]:
    text = unmarked(_text(said)) if said else ""
    return (_hash(text), len(text), text[:_CONTEXT_CHARS] if keeps else "") if text else ("", 0, "")


def _text(said: object) -> str:
    """A text as it is, those of a list one below the other, and all else as JSON."""
    if isinstance(said, list) and all(isinstance(one, str) for one in said):
        return "\n".join(said)
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
