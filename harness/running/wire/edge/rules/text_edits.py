"""How a text that comes piece by piece is made another one on its way."""

from __future__ import annotations

import msgspec

from harness.protocols.model_stream import UNREADABLE


class TextEdit:
    """Makes one text another one; this one leaves it as it is."""

    def feed(self, piece: str) -> str:
        """What comes in the place of the next *piece*."""
        return piece

    def end(self) -> str:
        """What comes behind the last piece."""
        return ""


class Replaced(TextEdit):
    """It is *text*."""

    def __init__(self, text: str) -> None:
        self._text = text

    def feed(self, piece: str) -> str:
        text, self._text = self._text, ""
        return text


class OtherNumbers(TextEdit):
    """Each number in it is another one, as long; *step*, 1 to 8, says which. Zeros stay, so that no number begins with one that did not."""

    def __init__(self, step: int) -> None:
        digits = "123456789"
        self._others = str.maketrans(digits, digits[step:] + digits[:step])

    def feed(self, piece: str) -> str:
        return piece.translate(self._others)


class CutShort(TextEdit):
    """It is over after so many *characters*."""

    def __init__(self, characters: int) -> None:
        self._left = characters
        self.cut = False

    def feed(self, piece: str) -> str:
        kept, self._left = piece[: self._left], max(0, self._left - len(piece))
        self.cut = self.cut or len(kept) < len(piece)
        return kept


class Quoted(TextEdit):
    """It is a JSON string that holds the text, in place of the text itself."""

    def __init__(self) -> None:
        self._begun = False

    def feed(self, piece: str) -> str:
        quote, self._begun = "" if self._begun else '"', True
        return quote + msgspec.json.encode(piece).decode()[1:-1]

    def end(self) -> str:
        return '"' if self._begun else ""


class OffSchema(TextEdit):
    """JSON of another form: an object lacks its first key and has one that nobody asked for, a list lies in an object.

    It is told when all of it is known. What is no object and no list is left as it is.
    """

    def __init__(self) -> None:
        self._held = ""
        self._is_json: bool | None = None

    def feed(self, piece: str) -> str:
        self._held += piece
        if self._is_json is None and (begun := self._held.lstrip()):
            self._is_json = begun[0] in "{["
        return self._let_go() if self._is_json is False else ""

    def end(self) -> str:
        text = self._let_go()
        try:
            said = msgspec.json.decode(text)
        except UNREADABLE:
            return text
        if isinstance(said, dict):
            said = {**dict(list(said.items())[1:]), "unexpected": True}
        elif isinstance(said, list):
            said = {"items": said}
        return msgspec.json.encode(said).decode()

    def _let_go(self) -> str:
        held, self._held = self._held, ""
        return held
