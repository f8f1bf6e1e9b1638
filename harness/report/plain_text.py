"""Text that somebody else wrote, as it may be shown: bounded in length, and with nothing in it that acts unseen."""

from __future__ import annotations

from unicodedata import category

from harness.problems import without_passwords

_MARKS_MOST = 4
# Joiners make letters and emoji of several characters; they move nothing and hide nothing.
_JOINERS = "\u200c\u200d"


def one_line(text: str, most: int = 300) -> str:
    """*text* on one line, with at most about *most* characters, and a mark where it was cut."""
    text = without_passwords(text)
    # White space may shrink to nothing, so a little more is looked at than can be shown.
    shown = visible(" ".join(text[: 4 * most].split()), most)
    return shown if len(text) <= 4 * most or shown.endswith("…") else f"{shown}…"


def both_ends(text: str, most: int) -> str:
    """As `one_line`, but what is too long loses its middle: a reason says first what happened, and last what a log ended with."""
    joined = " ".join(without_passwords(text).split())
    if len(joined) <= most:
        return one_line(joined, most)
    return f"{one_line(joined[: most // 3], most)} … {one_line(joined[-(most - most // 3) :], most)}"


def visible(text: str, most: int = 2_000) -> str:
    """*text* with at most about *most* characters, its line ends kept, and a mark where it was cut.

    A control character, an override of the reading direction, or a character that cannot be written in XML is shown, not obeyed; an address
    is shown without its password.
    """
    text = without_passwords(text)
    if len(text) <= most and text.isascii() and text.isprintable():
        return text  # as nearly all of it is, and a report has tens of thousands
    shown: list[str] = []
    length = marks = 0
    for character in text[:most].replace("\r\n", "\n"):
        marks = marks + 1 if category(character) in ("Mn", "Me") else 0
        if marks > _MARKS_MOST:
            # A tower of accents would cover the lines above it.
            continue
        if length >= most:
            return "".join(shown) + "…"
        piece = _shown(character)
        shown.append(piece)
        length += len(piece)
    return "".join(shown) + ("…" if len(text) > most else "")


def _shown(character: str) -> str:
    if character == "\n" or character in _JOINERS:
        return character
    if character == "\t":
        return "    "
    if category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character
