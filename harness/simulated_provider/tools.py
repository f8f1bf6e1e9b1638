"""What the simulated model does with tools: it calls the first that it may, and answers once it has what that brought."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from harness.protocols.tool_use import results


class Call(NamedTuple):
    """One call of the tool *name*; *arguments* is a JSON object, as text."""

    id: str
    name: str
    arguments: str

    @property
    def given(self) -> dict[str, Any]:
        """The arguments, read."""
        return dict(msgspec.json.decode(self.arguments))


def call(body: bytes, question: str, digest: str) -> Call | None:
    """What the model calls for the request *body*; None where it may call nothing, or has what the last call brought.

    Whatever the tool takes as text is the *question*. Tools that a provider has itself are not called.
    """
    document = msgspec.json.decode(body)
    turns = document.get("messages") or document.get("input")
    if results(turns):
        return None
    own = [(str(one["name"]), schema) for one, schema in map(_own, _dicts(document.get("tools"))) if schema is not None]
    wanted = _wanted(document.get("tool_choice"), [name for name, _ in own])
    for name, schema in own:
        if name == wanted:
            texts = {key: question for key, kind in _dict(schema.get("properties")).items() if _is_text(kind)}
            return Call(f"call_{digest}", name, msgspec.json.encode(texts).decode())
    return None


def _own(tool: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A tool that who asks carries out, with the schema of what it takes; None: the provider carries it out."""
    holder = _dict(tool.get("function")) or tool
    schema = holder.get("input_schema", holder.get("parameters"))
    is_own = "name" in holder and (tool.get("type", "custom") in ("function", "custom") or schema is not None)
    return holder, (_dict(schema) if is_own else None)


def _wanted(choice: object, names: list[str]) -> str | None:
    """Which of *names* is called: the one that is asked for, or else the first."""
    said = choice if isinstance(choice, str) else _dict(choice).get("type")
    if said == "none":
        return None
    of = _dict(choice)
    return _dict(of.get("function")).get("name") or of.get("name") or next(iter(names), None)


def _is_text(schema: object) -> bool:
    return _dict(schema).get("type") == "string"


def _dict(said: object) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _dicts(said: object) -> list[dict[str, Any]]:
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
