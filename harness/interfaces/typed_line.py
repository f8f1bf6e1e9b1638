"""A line that is typed while something else is drawn on the terminal: keys come one by one, and are shown where the drawing has a place."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_BYTES = 1024
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
"""What arrows and other keys without a letter send."""
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?$")
"""The beginning of that, whose rest is still to come."""
_ENTER, _DELETE, _DELETE_ALL, _DELETE_WORD = "\r\n", "\x7f\b", "\x15", "\x17"


class TypedLine:
    """What has been typed since the last end of a line."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""
        self.text = ""

    def feed(self, keys: bytes) -> list[str]:
        """Take in *keys*; the lines that they end."""
        ended, typed = list[str](), self._begun + self._decoder.decode(keys)
        begun = _BEGUN.search(typed)
        self._begun = begun[0] if begun else ""
        for key in _ESCAPES.sub("", typed.removesuffix(self._begun)):
            if key in _ENTER:
                ended.append(self.text)
                self.text = ""
            elif key in _DELETE:
                self.text = self.text[:-1]
            elif key == _DELETE_ALL:
                self.text = ""
            elif key == _DELETE_WORD:
                self.text = re.sub(r"\S*\s*$", "", self.text)
            elif key.isprintable():
                self.text += key
        return ended


@contextmanager
def keys_one_by_one(fd: int) -> Iterator[None]:
    """The terminal at *fd* gives each key at once and shows none itself; Ctrl-C stays what it is."""
    import termios  # not on Windows
    import tty

    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSADRAIN)  # what was typed ahead is typed
    try:
        yield
    finally:
        # Whatever a process that was killed before us left it as, a terminal shows what is typed.
        before[3] |= termios.ECHO | termios.ICANON
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def lines_of_keys(fd: int, line: TypedLine) -> Iterator[str]:
    """Each line that is typed at *fd*; *line* has what there is of the next one."""
    while keys := os.read(fd, _BYTES):
        yield from line.feed(keys)


def lines_of_a_pipe() -> Iterator[str]:
    """Each line of standard input, without its end."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what cannot be read is shown as that, and takes no other line with it
    for line in sys.stdin:
        yield line.rstrip("\r\n")
