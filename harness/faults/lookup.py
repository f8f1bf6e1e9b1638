"""A fault found by the words in which people tell what happened to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.dialects import dialects
from harness.faults.kinds import faults

_FILLING = re.compile("a|an|and|are|at|by|for|from|in|is|it|my|of|on|or|our|that|the|to|was|we|with")
_SPLIT = re.compile(r"[-_/]")


@dataclass(frozen=True, slots=True)
class Example:
    """One way in which a fault of *kind* is seen, and its *settings* as they are written in a scenario, but for the kind."""

    kind: str
    seen_as: str
    settings: str

    @property
    def written(self) -> str:
        """It as an entry of a scenario's ``faults``, in YAML."""
        return f"{{kind: {self.kind}, {self.settings}}}" if self.settings else f"{{kind: {self.kind}}}"


def examples(kind: str = "") -> Iterator[Example]:
    """Those that the faults themselves bring, in their order; of *kind* alone where one is named."""
    for name, one in faults.items():
        if not kind or name == kind:
            yield from (Example(name, said, settings) for said, settings in one.seen_as.items())


def looked_up(text: str) -> tuple[list[Example], bool]:
    """The examples that have the words of *text* in them, and whether they have all of these; else those that have the most of them.

    A word is found at the beginning of another one, whether it is written with hyphens or without. A status and the code of an error, as
    some API has it, are found though no example names them.
    """
    words = [word for word in text.lower().split() if not _FILLING.fullmatch(word)] or text.lower().split()
    hits = [(sum(_in(word, _words(one)) for word in words), one) for one in (*examples(), *_errors(text))]
    most = max((count for count, _ in hits), default=0)
    return [one for count, one in hits if count == most and most > 0], most == len(words)


def _errors(text: str) -> Iterator[Example]:
    """Errors that no example names, each by its status or by its code in an API."""
    named = {word for one in examples("http_error") for word in _words(one)}
    for word in dict.fromkeys(re.findall(r"[\w.]+", text)):
        if re.fullmatch("[45][0-9][0-9]", word) and word not in named:
            yield Example("http_error", f"status {word}", f"on: {{kind: provider}}, status: {word}")
        apis = [name for name, one in dialects.items() if word.lower() in {code.lower() for code in one.codes}]
        if apis and word.lower() not in named:
            code = next(code for code in dialects[apis[0]].codes if code.lower() == word.lower())
            yield Example(
                "http_error", f"{code}, an error of {', '.join(apis)}", f"on: {{kind: provider}}, code: {code}"
            )


def _words(one: Example) -> set[str]:
    text = f"{one.kind} {one.seen_as} {one.settings}".lower()
    return {
        word for form in (text, _SPLIT.sub("", text), _SPLIT.sub(" ", text)) for word in re.findall(r"[\w\-]+", form)
    }


def _in(word: str, words: set[str]) -> bool:
    """Whether *word*, or each of its parts, begins one of *words*; an s at its end may be missing there."""
    joined = re.sub(r"[^\w]", "", _SPLIT.sub("", word))
    parts = [part for part in re.findall(r"\w+", _SPLIT.sub(" ", word)) if part]
    return _begins(joined, words) or (len(parts) > 1 and all(_begins(part, words) for part in parts))


def _begins(word: str, words: set[str]) -> bool:
    stems = {word, word.removesuffix("s")} if len(word) > 3 else {word}
    return any(stem and other.startswith(stem) for stem in stems for other in words)
