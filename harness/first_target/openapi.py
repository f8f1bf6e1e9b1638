"""What a service says of itself in an OpenAPI document: which of its paths take a question, and as what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.reading.target import Ask

FIELDS = ("question", "query", "prompt", "message", "input", "text", "q", "content", "user_input", "user_message")
"""What services call the question, the most telling first."""
_CONVERSATIONS = ("conversation", "conversation_id", "session", "session_id", "thread", "thread_id", "chat_id")
_USERS = ("user", "user_id")
_TELLING = ("ask", "chat", "query", "question", "answer", "complet", "generate", "invoke", "predict", "assist")
_DEPTH_MAX = 8


def described(document: object) -> list[Ask]:
    """Every way to ask that *document* describes, the likeliest first."""
    if not isinstance(document, dict):
        return []
    found: list[Ask] = []
    for path, schema in _posts(document):
        found += _askings(path, schema, document)
    return sorted(found, key=lambda asking: not any(word in asking.path.lower() for word in _TELLING))


def _posts(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and body of everything that JSON is posted to."""
    paths = document.get("paths")
    for path, ways in (paths if isinstance(paths, dict) else {}).items():
        content = _inner(ways, "post", "requestBody", "content")
        if not isinstance(content, dict) or "{" in path:
            continue
        for kind, said in content.items():
            if "json" in kind and isinstance(schema := _resolved(_inner(said, "schema"), document), dict):
                yield path, schema
                break


def _askings(path: str, schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Ask]:
    """The way to ask with all that has a meaning to us, and the one with what is needed alone; none where no field takes a question."""
    properties = {
        name: one
        for name, one in _mapping(schema.get("properties")).items()
        if isinstance(_resolved(one, document), dict)
    }
    if "messages" in properties and "model" in properties:
        model = _example(_resolved(properties["model"], document))
        yield Ask(protocol="openai-chat", path=path, model=model if isinstance(model, str) and model else None)
        return
    needed = [name for name in schema.get("required") or () if name in properties]
    texts = [name for name in properties if _is_text(_resolved(properties[name], document))]
    only = [name for name in needed if name in texts]
    question = next((name for name in FIELDS if name in texts), only[0] if len(only) == 1 else None)
    if question is None:
        return
    known = {name: "{conversation}" for name in _CONVERSATIONS if name in texts}
    known |= {name: "{user}" for name in _USERS if name in needed and name in texts}
    must: dict[str, object] = {question: "{question}"}
    must |= {
        name: known.get(name, _example(_resolved(properties[name], document))) for name in needed if name != question
    }
    for body in ({**must, **{name: text for name, text in known.items() if name != question}}, must):
        yield Ask(protocol="json", path=path, body=body)


def _example(schema: Any) -> Any:
    """A value that *schema* would take, as far as it tells."""
    for name in ("default", "example", "const"):
        if schema.get(name) is not None:
            return schema[name]
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), list) and schema[name]:
            return schema[name][0]
    kinds = {
        "integer": schema.get("minimum", 1),
        "number": schema.get("minimum", 1),
        "boolean": False,
        "array": [],
        "object": {},
    }
    return kinds.get(schema.get("type"), "")


def _is_text(schema: Any) -> bool:
    return schema.get("type") == "string" or any(
        isinstance(one, dict) and one.get("type") == "string" for one in schema.get("anyOf") or ()
    )


def _resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    """*schema*, or what it refers to in *document*."""
    for _ in range(_DEPTH_MAX):
        if not isinstance(schema, dict) or not isinstance(ref := schema.get("$ref"), str):
            return schema
        schema = _inner(document, *ref.removeprefix("#/").split("/"))
    return None


def _inner(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
