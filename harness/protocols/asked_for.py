"""What a request to a provider asks for, told from its path: of which model, and whether an answer in words, or piece by piece."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

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


_MODEL = re.compile(r"/(?:models|model|deployments)/([^/:]+)(?=[:/])")
"""Gemini's ``/models/NAME:generateContent``, Bedrock's ``/model/NAME/converse``, Azure's ``/deployments/NAME/chat/completions``."""
_STREAM = re.compile(r":streamGenerateContent$|/(converse-stream|invoke-with-response-stream)$")


def model_in(path: str) -> str:
    """The model that *path* names; empty where it names none, as in most APIs, whose requests name it in their body."""
    found = _MODEL.search(path)
    return unquote(found[1]) if found else ""


def streams_at(path: str) -> bool:
    """Whether what is asked for at *path* comes piece by piece, whatever the body says."""
    return _STREAM.search(path) is not None
