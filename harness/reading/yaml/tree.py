"""YAML text as a tree of values in which every key and every value still knows its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol, TypeAlias, TypeVar

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain, scalar
from harness.reading.yaml.syntax import explain

DEPTH_MAX = 40
VALUES_MAX = 200_000

_SHORT = 1 << 15
"""Characters of a text that is kept with what it holds, which takes some twenty times as many bytes."""
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_Kind = TypeVar("_Kind", bound=Event)
_Fast: TypeAlias = "Callable[[str], _Parser]"
# libyaml, which not every build of PyYAML has, is ten times as fast.
_FAST: Final[_Fast | None] = getattr(yaml, "CSafeLoader", None)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line it begins on. *size* and *height* count what aliases stand for, too."""

    value: Plain
    line: int
    key_lines: Mapping[str, int] = field(default_factory=dict)
    children: Mapping[str | int, Node] = field(default_factory=dict)
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with a document."""

    path: KeyPath
    what: str
    line: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A document, and what is wrong with it as YAML; what is wrong is left out of the value or stands in it as None."""

    root: Node
    wrongs: tuple[Wrong, ...]

    def line(self, path: KeyPath) -> int:
        """The line of what stands at *path*, or of what is around it: a scalar's own, a collection's key's."""
        node, line = self.root, self.root.line
        for step in path:
            if step not in node.children:
                break
            inner = node.children[step]
            collection = isinstance(inner.value, dict | list)
            line = node.key_lines[step] if isinstance(step, str) and collection else inner.line
            node = inner
        return line

    def holds(self, path: KeyPath) -> bool:
        """Whether anything stands at *path*."""
        node = self.root
        for step in path:
            if step not in node.children:
                return False
            node = node.children[step]
        return True

    def children(self, path: KeyPath) -> list[str | int]:
        """The keys, or numbers, of what stands at *path*; none where nothing does."""
        node = self.root
        for step in path:
            if step not in node.children:
                return []
            node = node.children[step]
        return list(node.children)

    def key_line(self, path: KeyPath) -> int:
        """The line of the key that *path* ends in."""
        node = self.root
        for step in path[:-1]:
            if step not in node.children:
                return self.line(path)
            node = node.children[step]
        return node.key_lines.get(str(path[-1]), self.line(path)) if path else self.root.line


class RefusedError(Exception):
    """The text is no document at all; *wrong* says why."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.what)
        self.wrong = wrong


def compose(text: str) -> Tree:
    """The document that *text* holds, which nobody may change. Raises RefusedError where it is not YAML, not one mapping, or too large."""
    return _lately(text, _FAST) if len(text) <= _SHORT else _read(text, _FAST)


@lru_cache(maxsize=16)
def _lately(text: str, fast: _Fast | None) -> Tree:
    """The same text is read again for each of many runs of it."""
    return _read(text, fast)


def _read(text: str, fast: _Fast | None) -> Tree:
    if fast is not None:
        # What it refuses is read again by the parser that can say why.
        with suppress(yaml.YAMLError, UnicodeError):
            return _composed(fast(text))
    try:
        return _composed(yaml.SafeLoader(text))
    except yaml.YAMLError as error:
        line, what = explain(error, text)
        raise RefusedError(Wrong((), what, line)) from error


def _composed(parser: _Parser) -> Tree:
    composer = _Composer(parser)
    return Tree(composer.document(), tuple(composer.wrongs))


class _Parser(Protocol):
    """What is used of PyYAML."""

    def check_event(self, *choices: type[Event]) -> bool: ...

    def get_event(self) -> Event | None: ...

    def peek_event(self) -> Event: ...


class _Composer:
    """Builds nodes from the parser's events; PyYAML's composer recurses without bound and forgets keys' lines."""

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser
        self._anchors: dict[str, Node | None] = {}
        self.wrongs: list[Wrong] = []

    def document(self) -> Node:
        self._next(Event)  # the stream's start
        if self._parser.check_event(StreamEndEvent):
            raise RefusedError(Wrong((), "the file is empty", 1))
        self._next(Event)  # the document's start
        root = self._node((), 1)
        self._next(Event)  # the document's end
        if not self._parser.check_event(StreamEndEvent):
            line = _line(self._parser.peek_event())
            raise RefusedError(Wrong((), "a second document begins here; a file holds one", line))
        if root.value is None:
            raise RefusedError(Wrong((), "the file is empty", root.line))
        if not isinstance(root.value, dict):
            kind = "a list" if isinstance(root.value, list) else "a single value"
            raise RefusedError(
                Wrong((), f"the file holds {kind}; it should be a mapping, lines of key: value", root.line)
            )
        return root

    def _next(self, kind: type[_Kind]) -> _Kind:
        event = self._parser.get_event()
        assert isinstance(event, kind)
        return event

    def _node(self, path: KeyPath, depth: int) -> Node:
        event = self._next(NodeEvent)
        if depth > DEPTH_MAX:
            raise RefusedError(Wrong(path[:1], f"is nested more than {DEPTH_MAX} deep", _line(event)))
        if isinstance(event, AliasEvent):
            return self._alias(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # an alias inside what it names finds nothing yet
        node = self._fresh(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _fresh(self, event: NodeEvent, path: KeyPath, depth: int) -> Node:
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._wrong(path, f"the tag {_shorter(tag)} means nothing here; leave it out", _line(event))
        match event:
            case ScalarEvent():
                return Node(self._scalar(event, path), _line(event))
            case SequenceStartEvent():
                return self._sequence(event, path, depth)
            case MappingStartEvent():
                return self._mapping(event, path, depth)
        raise AssertionError(event)

    def _alias(self, event: AliasEvent, path: KeyPath, depth: int) -> Node:
        if event.anchor not in self._anchors:
            raise RefusedError(
                Wrong((), f"*{event.anchor} repeats nothing: no &{event.anchor} stands above it", _line(event))
            )
        node = self._anchors[event.anchor]
        if node is None:
            raise RefusedError(Wrong((), f"*{event.anchor} stands inside the very thing that it repeats", _line(event)))
        if depth + node.height - 1 > DEPTH_MAX:
            raise RefusedError(Wrong(path[:1], f"is nested more than {DEPTH_MAX} deep", _line(event)))
        return node

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Plain:
        text = event.value
        try:
            value = scalar(text) if event.implicit[0] else text
        except ValueError as error:
            self._wrong(path, str(error), _line(event))
            return None
        if _UNUSABLE.search(text):
            self._wrong(
                path,
                "the text holds a character that no program can be given (NUL, or half of a surrogate pair)",
                _line(event),
            )
            return None
        return value

    def _sequence(self, event: SequenceStartEvent, path: KeyPath, depth: int) -> Node:
        children: dict[str | int, Node] = {}
        size = 1
        while not self._parser.check_event(SequenceEndEvent):
            node = self._node((*path, len(children)), depth + 1)
            size = self._grown(size, node)
            children[len(children)] = node
        self._next(SequenceEndEvent)
        return Node([node.value for node in children.values()], _line(event), {}, children, size, _height(children))

    def _mapping(self, event: MappingStartEvent, path: KeyPath, depth: int) -> Node:
        children: dict[str | int, Node] = {}
        key_lines: dict[str, int] = {}
        size = 1
        while not self._parser.check_event(MappingEndEvent):
            key, line = self._key(path, depth)
            node = self._node(path if key is None else (*path, key), depth + 1)
            size = self._grown(size, node)
            if key is None:
                continue
            if key in key_lines:
                self._wrong((*path, key), f"is here twice, on lines {key_lines[key]} and {line}; keep one", line)
                continue
            children[key], key_lines[key] = node, line
        self._next(MappingEndEvent)
        value = {str(key): node.value for key, node in children.items()}
        return Node(value, _line(event), key_lines, children, size, _height(children))

    def _key(self, path: KeyPath, depth: int) -> tuple[str | None, int]:
        """The key that comes next, None after one that cannot be, and its line."""
        event = self._parser.peek_event()
        merges = isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]
        key = self._node(path, depth + 1).value
        line = _line(event)
        if merges:
            self._wrong(path, "merging with << is not part of YAML 1.2; write the keys out", line)
        elif isinstance(key, dict | list):
            self._wrong(path, "a key has to be text, and this one is a collection", line)
        elif not isinstance(key, str):
            written = event.value if isinstance(event, ScalarEvent) else str(key)
            quoted = f'"{written}"' if written else "a word"
            self._wrong(path, f"a key has to be text, and this one is {_kind(key)}; write {quoted}", line)
        else:
            return key, line
        return None, line

    def _grown(self, size: int, node: Node) -> int:
        if size + node.size > VALUES_MAX:
            raise RefusedError(
                Wrong(
                    (),
                    f"the file stands for more than {VALUES_MAX} values; aliases multiply what they repeat",
                    node.line,
                )
            )
        return size + node.size

    def _wrong(self, path: KeyPath, what: str, line: int) -> None:
        self.wrongs.append(Wrong(path, what, line))


def _line(event: Event) -> int:
    assert event.start_mark is not None
    return event.start_mark.line + 1


def _height(children: Mapping[str | int, Node]) -> int:
    return 1 + max((node.height for node in children.values()), default=0)


def _kind(key: Plain) -> str:
    match key:
        case None:
            return "empty"
        case bool():
            return f"the boolean {str(key).lower()}"
        case _:
            return f"the number {key}"


def _shorter(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
