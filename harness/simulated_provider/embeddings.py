"""OpenAI's embeddings: of each text a vector that depends on its words alone, so that texts which share words lie near one another."""

from __future__ import annotations

import math
import re
import struct
from base64 import b64encode
from hashlib import blake2b
from typing import Literal

import msgspec

from harness.protocols.nonce import unmarked
from harness.simulated_provider.asking import JsonObject, encode

PATH = "/v1/embeddings"
_DIMENSIONS = 256
_DIMENSIONS_MAX = 4096


class _Request(msgspec.Struct):
    input: str | list[str | int | list[int]]  # a text or its tokens, or several of either
    model: str = "simulated"
    dimensions: int = _DIMENSIONS
    encoding_format: Literal["float", "base64"] = "float"


def embedded(body: bytes) -> bytes:
    """The answer to *body*. Raises msgspec.DecodeError."""
    request = msgspec.json.decode(body, type=_Request)
    if not 1 <= request.dimensions <= _DIMENSIONS_MAX:
        raise msgspec.ValidationError(f"dimensions has to be from 1 to {_DIMENSIONS_MAX}")
    texts = _texts(request.input)
    data: list[JsonObject] = [
        {"object": "embedding", "index": index, "embedding": _written(vector(text, request.dimensions), request)}
        for index, text in enumerate(texts)
    ]
    tokens = sum(len(text) for text in texts) // 4
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode({"object": "list", "data": data, "model": request.model, "usage": usage})


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of *text*, of length 1: each of its words adds to a few places of it (feature hashing, Weinberger et al. 2009)."""
    sums = [0.0] * dimensions
    for word in re.findall(r"\w+", unmarked(text).lower()) or [""]:
        for place, sign in struct.iter_unpack("<Ib", blake2b(word.encode(), digest_size=20).digest()):
            sums[place % dimensions] += 1.0 if sign >= 0 else -1.0
    length = math.sqrt(sum(value * value for value in sums))
    if length == 0:
        return [1.0, *sums[1:]]
    return [value / length for value in sums]


def _texts(given: str | list[str | int | list[int]]) -> list[str]:
    if isinstance(given, str):
        return [given]
    if all(isinstance(one, int) for one in given):
        return [" ".join(map(str, given))]
    return [" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in given]


def _written(values: list[float], request: _Request) -> list[float] | str:
    if request.encoding_format == "float":
        return values
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
