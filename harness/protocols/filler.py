"""Text that makes a question as large as it is to be, behind it: words that say nothing, the same for one seed."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

_TEXT = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you "
    "were all her she there would their we him been has when who will no more if out so up said what its about than into them "
    "can only other time new some could these two may"
)
_WORDS = tuple(_TEXT.split())
"""Short common words, each of which is one token to most models."""
_CHARACTERS_A_TOKEN = 4
"""Of English text, about."""


def tokens_of(text: str) -> int:
    """About how many tokens *text* has: one for every four characters."""
    return -(-len(text) // _CHARACTERS_A_TOKEN)


def filler(tokens: int, seed: int) -> str:
    """So many *tokens* of text, about; a longer one of the same *seed* begins with a shorter one."""
    if tokens <= 0:
        return ""
    return " ".join(_words(seed, 1 << (tokens - 1).bit_length())[:tokens])


@lru_cache(maxsize=8)
def _words(seed: int, count: int) -> tuple[str, ...]:
    blocks = (blake2b(f"{seed}\0filler\0{block}".encode()).digest() for block in range(-(-count // 64)))
    return tuple(_WORDS[byte % len(_WORDS)] for block in blocks for byte in block)
