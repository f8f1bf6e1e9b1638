from __future__ import annotations

import pytest

from harness.judging.scoring.wording import facts, normalised


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Refunds within 30 days.", "refunds  within\n30 days"),
        ("It's “open”.", "It's open"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("straße", "STRASSE"),
    ],
)
def test_the_same_wording_is_normalised_to_the_same(left: str, right: str) -> None:
    assert normalised(left) == normalised(right)


def test_another_word_is_another_wording() -> None:
    assert normalised("within 30 days") != normalised("within 14 days")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Refunds are accepted within 30 days of purchase.", {"30 day"}),
        ("A 30-day limit; thirty days, 30 Days", {"30 day"}),
        ("It costs $1,200.50, or 3.5 million euros.", {"1200.5 usd", "3.5 million eur"}),
        ("Uptime is 99.90 % (99.9%).", {"99.9 %"}),
        ("By March 3rd, 2026, 3 march 2026 or 2026-03-03.", {"2026-03-03"}),
        ("At 12:30, version v1.2.3 of gpt-4o, ticket INC-1234.", {"12:30", "v1.2.3", "gpt-4o", "inc-1234"}),
        ("See https://a.example/b?c=1.", {"https://a.example/b?c=1"}),
        ("30ms, 5GB and −5 °C", {"30 ms", "5 gb", "-5 °c"}),
        ("between 10-20 hours", {"10", "20 h"}),
        ("No. 5 is one of them", {"5"}),
        ("Nothing to see.", set()),
        ("", set()),
    ],
)
def test_facts_are_numbers_with_units_dates_identifiers_and_addresses(text: str, held: set[str]) -> None:
    assert facts(text) == held


@pytest.mark.parametrize("text", ["It is not so.", "It isn't so", "It isn’t so", "Never.", "without it", "We cannot."])
def test_a_denial_is_a_fact(text: str) -> None:
    assert facts(text) == {"not"}


@pytest.mark.parametrize("text", ["It is so.", "a note on notation", "north of it"])
def test_what_only_looks_like_a_denial_is_none(text: str) -> None:
    assert facts(text) == set()


def test_facts_tell_a_contradiction_from_a_paraphrase() -> None:
    reference = facts("Refunds are accepted within 30 days of purchase.")
    assert facts("You can return items for a refund up to 30 days after buying.") == reference
    assert facts("Refunds are accepted within 14 days of purchase.") != reference
    assert facts("Refunds are not accepted within 30 days of purchase.") != reference
