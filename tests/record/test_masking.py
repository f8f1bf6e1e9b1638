"""No secret is told, whatever form its value takes; and nothing else is hidden."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from random import Random
from shlex import quote as shell_quote
from urllib.parse import quote, quote_plus

import pytest

from harness.record.masking import NOTHING, Mask, MaskedStream

CANARY = "ca/na+ry=`'\"<&>\\é!(*)~ 7f3a"


def _by_number(value: str, letters: str, *, capitals: bool, ascii_only: bool) -> str:
    """JSON in which *letters* are written by their numbers."""

    def written(letter: str) -> str:
        number = f"{ord(letter):04x}"
        escaped = letter in letters or (ascii_only and not letter.isascii())
        return (
            f"\\u{number.upper() if capitals else number}" if escaped else json.dumps(letter, ensure_ascii=False)[1:-1]
        )

    return "".join(map(written, value))


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON that keeps its letters": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON as PHP writes it": lambda value: json.dumps(value).replace("/", "\\/"),
    "JSON as Go writes it": lambda value: json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    "JSON as .NET writes it": lambda value: _by_number(value, "<>&'\"+`", capitals=True, ascii_only=True),
    "JSON as Newtonsoft's writes it for HTML": lambda value: _by_number(value, "<>&'\"", capitals=False, ascii_only=False),
    "JSON as Gson writes it": lambda value: _by_number(value, "<>&='", capitals=False, ascii_only=False),
    "JSON as Rails writes it": lambda value: _by_number(value, "<>&", capitals=False, ascii_only=False),
    "JSON as Django writes it": lambda value: _by_number(value, "<>&", capitals=True, ascii_only=True),
    "JSON as PHP writes it for HTML": lambda value: _by_number(value, "<>", capitals=True, ascii_only=False).replace("/", "\\/"),
    "Python": repr,
    "Python, of bytes": lambda value: repr(value.encode()),
    "a URL's path": quote,
    "a URL's parameter": lambda value: quote(value, safe=""),
    "a form": quote_plus,
    "a URL's parameter as JavaScript writes it": lambda value: quote(value, safe="!'()*"),
    "a URL as JavaScript writes it": lambda value: quote(value, safe="!'()*;/?:@&=+$,#"),
    "a form as browsers write it": lambda value: quote_plus(value, safe="*").replace("~", "%7E"),
    "a URL in small letters": lambda value: re.sub("%..", lambda one: one[0].lower(), quote(value, safe="")),
    "HTML": escape,
    "XML": lambda value: escape(value, quote=False),
    "a shell": shell_quote,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_value_is_hidden_in_every_form_that_others_give_it(form: str) -> None:
    written = FORMS[form](CANARY)
    masked = Mask({"API_KEY": CANARY}).text(f"rejected: {written}; try again")
    assert masked.startswith("rejected: ")
    assert masked.endswith("; try again")
    assert "${API_KEY}" in masked
    assert "7f3a" not in masked


@pytest.mark.parametrize("value", ["hunter2-and-more", "pa#ss", "sk-" + "a1B2" * 20])
@pytest.mark.parametrize("user", ["", "u", "us", "user", "somebody"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_what_a_header_of_basic_authentication_says_of_a_password_is_hidden_whoever_the_user_is(
    value: str, user: str, encode: Callable[[bytes], bytes]
) -> None:
    written = encode(f"{user}:{value}".encode()).decode()
    masked = Mask({"PASSWORD": value}).text(f"Authorization: Basic {written}")
    assert "${PASSWORD}" in masked
    # A character at each end is shared with what stands around it.
    left = masked.removeprefix("Authorization: Basic ").replace("${PASSWORD}", "")
    assert len(left) <= len(written) - 8 * len(value) // 6 + 3


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.replace("/", "\\/"),
        lambda text: quote(text, safe=""),
        lambda text: quote(text, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    ],
)
def test_what_is_in_base64_is_hidden_in_json_and_in_a_url_too(written: Callable[[str], str]) -> None:
    value = "a?b>c~d" * 4
    plain = b64encode(value.encode()).decode()
    assert {"/", "+"} <= set(plain)
    assert "${KEY}" in Mask({"KEY": value}).text(f"Basic {written(plain)}")


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("Bearer sk-0123456789", "the key sk-0123456789 was rejected"),
        ("postgres://app:pa%40ss-word@db/x", "password pa@ss-word is wrong"),
        ("-----BEGIN KEY-----\nMIIEvgIBADANBg\nkqhkiG9w0BAQ\n-----END KEY-----\n", "line 3: kqhkiG9w0BAQ"),
        ("  padded-value \n", "got 'padded-value'"),
        ("key-of-the-east,key-of-the-west", "key-of-the-west was rejected"),
        ("https://a-token-alone@api.example", "the user a-token-alone is not known"),
        ("AccountName=x;AccountKey=abcd/efgh+ijk==;EndpointSuffix=y", "key abcd/efgh+ijk== is wrong"),
        ("https://x.example/c?sv=1&sig=abcdefgh%2F&se=2", "signature abcdefgh%2F is wrong"),
        ('{"type": "t", "private_key": "-----BEGIN-----\\nMIIEvgIBADANBg\\n--"}', "line 2: MIIEvgIBADANBg"),
        ('{"client_secret":"abcd-efgh"}', "got abcd-efgh"),
    ],
)
def test_a_part_of_a_value_that_is_a_secret_by_itself_is_hidden(value: str, printed: str) -> None:
    assert "${X}" in Mask({"X": value}).text(printed)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("AccountName=account-of-ours;AccountKey=abcd/efgh+ijk==", "core.windows.net account-of-others"),
        ('{"type": "service_account", "private_key": "abcdefghij"}', "a service_account at 12:30"),
        ("postgres://app:pa%40ss-word@db.example/x", "db.example has no app"),
    ],
)
def test_what_stands_beside_a_secret_in_a_value_is_not_hidden(value: str, printed: str) -> None:
    assert Mask({"X": value}).text(printed) == printed


def test_a_short_value_is_hidden_as_a_word_and_not_inside_one_and_a_very_short_one_not_at_all() -> None:
    mask = Mask({"STAGE": "test", "N": "1"})
    assert mask.text("the latest test of 1") == "the latest ${STAGE} of 1"


def test_what_holds_no_secret_stays_as_it_is() -> None:
    text = "x" * 500 + " an answer of 42 %, née Ω \ud800"
    assert Mask({"KEY": "sk-0123456789"}).text(text) is text
    assert NOTHING.text(text) is text
    assert not NOTHING


def test_a_value_inside_another_is_told_as_the_longer_one() -> None:
    mask = Mask({"SHORT": "0123456789", "LONG": "sk-0123456789-x"})
    assert mask.text("sk-0123456789-x 0123456789") == "${LONG} ${SHORT}"


@pytest.mark.parametrize("left", [4, 7, 12])
def test_what_a_cut_left_of_a_value_at_the_end_of_a_long_text_is_hidden(left: int) -> None:
    mask = Mask({"KEY": "sk-0123456789"})
    text = f"{'x' * 150} sk-0123456789"[: 151 + left]
    assert mask.text(text) == f"{'x' * 150} ${{KEY}}"


@pytest.mark.parametrize("cut", [40, 60, 100])
def test_so_it_is_where_what_a_provider_says_of_an_error_or_an_end_is_kept_in_part(cut: int) -> None:
    said = f"Incorrect API key provided: {'x' * (cut - 40)} sk-0123456789"[:cut]
    assert said.endswith(" sk-01234567")
    assert Mask({"KEY": "sk-0123456789"}).text(said).endswith(" ${KEY}")


def test_an_answer_that_ends_as_a_value_begins_is_left_alone_where_nobody_cut_it() -> None:
    assert Mask({"KEY": "passphrase"}).text("you shall not pass") == "you shall not pass"


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_that_is_cut_anywhere_says_what_the_whole_says(seed: int) -> None:
    random = Random(seed)
    # One goes on where another one ends.
    mask = Mask({"KEY": "sk-01230123012", "OTHER": "aabaab-aabaac", "LONGER": "sk-01230123012-aabaab"})
    said = "".join(
        random.choice(["sk-0123", "0123012", "aabaab-", "aabaac", "\n", "s", "a", CANARY]) for _ in range(200)
    ).encode()
    stream, written, at = MaskedStream(mask), b"", 0
    while at < len(said):
        size = random.randint(1, 9)
        written += stream.feed(said[at : at + size])
        at += size
    assert written + stream.finish() == mask.raw(said)


def test_a_line_that_cannot_be_the_beginning_of_a_secret_is_not_held_back() -> None:
    assert MaskedStream(Mask({"KEY": "sk-0123456789"})).feed(b"serving\n") == b"serving\n"
