from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.nonce import NonceSearch


def _found(*pieces: bytes) -> str:
    search = NonceSearch()
    for piece in pieces:
        search.piece(piece)
    return search.found


def test_the_last_of_several_nonces_counts() -> None:
    assert _found(b"first n-00000000aa, then n-00000000bb.") == "n-00000000bb"


def test_what_only_looks_like_a_nonce_is_none() -> None:
    assert _found(b"n-00000000a n-00000000AA m-00000000aa n_00000000aa") == ""


@given(cut=st.lists(st.integers(0, 40), max_size=6))
def test_a_nonce_is_found_however_the_body_is_cut(cut: list[int]) -> None:
    text = b"old n-1111111111 and new n-0123456789 end"
    ends = [0, *sorted(cut), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(ends)]

    assert _found(*pieces) == "n-0123456789"


def test_a_nonce_does_not_lie_across_two_headers() -> None:
    search = NonceSearch()
    search.whole(b"n-01234")
    search.whole(b"56789")
    assert search.found == ""
