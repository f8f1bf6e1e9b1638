"""What a request to a provider asks for, told from its path: an answer in words, or something that an answer is made with."""

from __future__ import annotations

import re
from collections.abc import Collection

_BESIDE = re.compile(
    r"[Ee]mbed(?!ded)"  # OpenAI's /embeddings, Gemini's :embedContent, Bedrock's models that embed
    r"|/(moderations|re-?rank|tokenize|count_tokens|input_tokens)$|:countTokens$"
    r"|/models(/[^/:]*)?$"
)


def in_words(path: str) -> bool:
    """Whether what is asked for at *path* is an answer in words; what is not known to be something else is taken to be."""
    return _BESIDE.search(path) is None


def paths_in_words(paths: Collection[str]) -> frozenset[str]:
    """Those of *paths* at which an answer in words is asked for."""
    return frozenset(filter(in_words, {*paths}))
