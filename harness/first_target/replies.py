"""Where in a JSON reply things stand that nobody has said the place of: the answer, the version of the data, the conversation."""

from __future__ import annotations

from collections.abc import Iterator

_ANSWERS = (
    "answer",
    "response",
    "reply",
    "output",
    "text",
    "content",
    "message",
    "result",
    "completion",
    "generated_text",
    "output_text",
)
_VERSIONS = ("snapshot_version", "version", "snapshot", "index_version", "data_version", "revision")
_CONVERSATIONS = ("conversation", "conversation_id", "session", "session_id", "thread", "thread_id", "chat_id")
_DEPTH_MAX, _ITEMS_MAX = 8, 3
_VERSION_MAX = 2**53


def answer_at(reply: object, question: str) -> str | None:
    """The JSON Pointer to what looks most like an answer in *reply* to *question*; None where no text does.

    Names tell more than length; a text that repeats the question, or names the conversation, is no answer.
    """
    found = [
        (pointer, text)
        for pointer, text in _leaves(reply, "", 0)
        if isinstance(text, str)
        and text.strip()
        and not _repeats(text, question)
        and _last(pointer) not in _CONVERSATIONS
    ]
    if not found:
        return None
    return min(found, key=lambda leaf: (_rank(leaf[0]), " " not in leaf[1].strip(), -len(leaf[1])))[0]


def version_at(reply: object) -> str | None:
    """The pointer to a whole number that is called as versions of data are."""
    return _named(reply, _VERSIONS, lambda value: type(value) is int and abs(value) <= _VERSION_MAX)


def conversation_at(reply: object) -> str | None:
    """The pointer to a text that is called as conversations are."""
    return _named(reply, _CONVERSATIONS, lambda value: isinstance(value, str))


def needed_fields(reply: object) -> list[str]:
    """The fields of the body that an error in FastAPI's or pydantic's words says are missing."""
    detail = reply.get("detail") if isinstance(reply, dict) else None
    found = []
    for one in detail if isinstance(detail, list) else ():
        if isinstance(one, dict) and "missing" in str(one.get("type")) and isinstance(one.get("loc"), list):
            place = [str(part) for part in one["loc"]]
            if len(place) == 2 and place[0] == "body":
                found.append(place[1])
    return found


def _named(reply: object, names: tuple[str, ...], fits: object) -> str | None:
    assert callable(fits)
    found = [pointer for pointer, value in _leaves(reply, "", 0) if fits(value) and _words(pointer)[-1] in names]
    nested = [
        pointer
        for pointer, value in _leaves(reply, "", 0)
        if fits(value) and len(_words(pointer)) > 1 and "_".join(_words(pointer)[-2:]) in names
    ]
    return next(iter([*nested, *found]), None)


def _leaves(value: object, at: str, depth: int) -> Iterator[tuple[str, object]]:
    if depth > _DEPTH_MAX:
        return
    match value:
        case dict():
            for key, inner in value.items():
                yield from _leaves(inner, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}", depth + 1)
        case list():
            for index, inner in enumerate(value[:_ITEMS_MAX]):
                yield from _leaves(inner, f"{at}/{index}", depth + 1)
        case _:
            yield at, value


def _words(pointer: str) -> list[str]:
    return [part.lower() for part in pointer.split("/")]


def _last(pointer: str) -> str:
    return _words(pointer)[-1]


def _rank(pointer: str) -> int:
    """How telling the names on the way to a place are; the last one first, since what is around it says less."""
    words = [word for word in _words(pointer) if not word.isdigit()]
    for word in reversed(words):
        if word in _ANSWERS:
            return _ANSWERS.index(word)
    return len(_ANSWERS)


def _repeats(text: str, question: str) -> bool:
    return text.strip().startswith(question.strip())
