"""Templates: ``{port}`` stands for a value that the harness knows, ``${KEY}`` for a secret of the environment.

``{{`` and ``}}`` stand for braces, as in JSON on a command line, and ``$${KEY}`` for ``${KEY}`` itself. Values are
filled in first and secrets last, so that no secret is ever read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from harness.registry import suggestion

OF_A_QUESTION = frozenset({"question", "conversation", "seen_version", "nonce", "user", "key", "webhook"})
"""What is filled in when a question is asked, and only then."""

_TOKEN = re.compile(
    r"(?P<secret>\$?\$\{[A-Za-z_][A-Za-z0-9_]*\})"
    r"|(?P<escaped>\{\{|\}\})"
    r"|\{(?P<name>[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)?)\}"
    r"|(?P<stray>[{}])"
)
_SECRET = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")


def placeholders(text: str) -> list[str]:
    """Names of the placeholders of *text*, each once, in the order in which they come; secrets are not among them."""
    return list(dict.fromkeys(match["name"] for match in _TOKEN.finditer(text) if match["name"]))


def wrongs(text: str, known: Collection[str]) -> list[str]:
    """What is wrong with *text* as a template of the *known* names: unknown ones, and braces that belong to nothing."""
    found, strays = [], []
    for match in _TOKEN.finditer(text):
        if match["name"] and match["name"] not in known:
            found.append(f"unknown placeholder {match[0]}; {suggested(match['name'], known)}")
        elif match["stray"]:
            strays.append(match)
    found += [_stray(text, strays)] if strays else []
    return list(dict.fromkeys(found))


_OTHER_WORDS = {
    **dict.fromkeys(("query", "q", "prompt", "input", "text", "message", "content"), "question"),
    **dict.fromkeys(("session", "session_id", "thread", "thread_id", "conversation_id", "chat_id"), "conversation"),
    **dict.fromkeys(("user_id", "username", "tenant"), "user"),
    **dict.fromkeys(("request_id", "id", "trace_id"), "nonce"),
    **dict.fromkeys(("idempotency_key", "idempotency-key"), "key"),
}
"""What others call what is known of a question."""


def suggested(name: str, known: Collection[str]) -> str:
    """What to write for *name*, which is none of the *known* placeholders: what others call so, or what looks like it."""
    right = _OTHER_WORDS.get(name.lower())
    return f"did you mean {right!r}?" if right in known else suggestion(name, list(known))


def _stray(text: str, strays: Sequence[re.Match[str]]) -> str:
    """What to say of all the braces in *text* that belong to nothing: in JSON they are many."""
    if len({match[0] for match in strays}) > 1:
        what = "braces that are part of no placeholder; write {{ and }} for braces that are meant, as in JSON"
    else:
        brace = strays[0][0]
        what = f"a lone {brace} is part of no placeholder; write {2 * brace} for a brace that is meant"
    secret = any(match[0] == "{" and text[: match.start()].endswith("$") for match in strays)
    return what + (", or ${NAME} for a secret" if secret else "")


def fill(text: str, values: Mapping[str, str]) -> str:
    """*text* with every placeholder replaced by its value, and its secrets left as they are.

    Raises ValueError that names all unknown placeholders and lone braces, and what would be right.
    """
    found = wrongs(text, values)
    if found:
        raise ValueError("; ".join(found))
    return _TOKEN.sub(
        lambda match: values[match["name"]] if match["name"] else match["secret"] or match["escaped"][0], text
    )


def secret_names(text: str) -> list[str]:
    """Names of the environment variables that *text* asks for, each once, in the order in which they come."""
    return list(dict.fromkeys(match["name"] for match in _SECRET.finditer(text) if not match["escaped"]))


def secrets(text: str, environment: Mapping[str, str]) -> str:
    """*text* with every ``${KEY}`` replaced from *environment*; raises ValueError that names those not set."""
    missing = [name for name in secret_names(text) if name not in environment]
    if missing:
        raise ValueError(f"not set in the environment: {', '.join(missing)}")
    return _SECRET.sub(lambda match: match[0][1:] if match["escaped"] else environment[match["name"]], text)


def fill_for_later(text: str, values: Mapping[str, str], environment: Mapping[str, str] | None) -> str:
    """*text* with *values* and secrets filled in, and still a template of what is known of a question.

    What is filled in is never read as a template. Without an *environment* secrets stay as they are, to be filled in by this function
    somewhere else. Raises ValueError as `fill` and `secrets` do.
    """
    found = wrongs(text, {*values, *OF_A_QUESTION})
    if found:
        raise ValueError("; ".join(found))
    if environment is not None:
        secrets(text, environment)

    def put(match: re.Match[str]) -> str:
        if match["name"] in OF_A_QUESTION or match["escaped"] or (environment is None and match["secret"]):
            return match[0]
        known = values[match["name"]] if match["name"] else secrets(match["secret"], environment or {})
        return known.replace("{", "{{").replace("}", "}}")

    return _TOKEN.sub(put, text)


def fill_asked(text: str, values: Mapping[str, str]) -> str:
    """*text* with what is known of a question filled in, and every other word in braces left as it is."""
    return _TOKEN.sub(
        lambda match: (
            match["escaped"][0]
            if match["escaped"]
            else match[0][1:]
            if match[0].startswith("$$")
            else values.get(match["name"] or "", match[0])
        ),
        text,
    )


def texts(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text inside a JSON value, with its place."""
    match value:
        case str():
            yield at, value
        case dict():
            for key, inner in value.items():
                yield from texts(inner, (*at, key))
        case list():
            for index, inner in enumerate(value):
                yield from texts(inner, (*at, index))
