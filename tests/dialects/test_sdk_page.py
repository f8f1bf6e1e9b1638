"""What the official SDKs were found to make of each error is of the words that are said today, and the page has it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from harness.faults import faults

FOUND_BY = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "sdk_contracts.py"), run_name="looked at")
ROWS: dict[tuple[str, str], dict[str, Any]] = FOUND_BY["kept"]()
SEVERAL = {sdk.name for sdk in FOUND_BY["SDKS"] if sdk.package in ("openai", "anthropic")}
"""Those that try three times by default."""
NAMES = [sdk.name for sdk in FOUND_BY["SDKS"]]


def test_the_page_is_what_its_command_writes() -> None:
    assert FOUND_BY["PAGE"].read_text() == FOUND_BY["written"](ROWS)


@pytest.mark.parametrize("sdk", FOUND_BY["SDKS"], ids=NAMES)
def test_everything_was_tried_as_it_is_worded_now_and_a_word_that_is_planted_is_missed(sdk: Any) -> None:
    assert FOUND_BY["missing"](sdk, ROWS) == []
    case = FOUND_BY["cases"](sdk.api)[1]
    planted = ROWS | {(sdk.name, case.name): ROWS[sdk.name, case.name] | {"worded": "otherwise"}}
    assert FOUND_BY["missing"](sdk, planted) == [case]


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_every_kind_of_fault_is_tried_on_the_clients_of_an_api_or_none_of_them_can_meet_it(api: str) -> None:
    tried = {case.kind for case in FOUND_BY["cases"](api)} - {""}
    assert tried | set(FOUND_BY["NO_CLIENTS"]) == set(faults)
    assert not tried & set(FOUND_BY["NO_CLIENTS"])
    assert "cut" not in {case.kind for case in FOUND_BY["cases"](api) if case.document is None}


def test_what_reached_the_provider_is_told_apart_from_what_was_tried() -> None:
    def of(case: str) -> set[tuple[int, int]]:
        return {
            (row["attempts"], row["arrived"]) for (sdk, name), row in ROWS.items() if name == case and sdk in SEVERAL
        }

    assert of("silent to what is asked") == of("refuses connections") == {(3, 0)}
    assert of("its answer is swallowed") == {(3, 3)}
    quiet = {row["raised"] for (_, name), row in ROWS.items() if name.startswith("bad answer: ")}
    assert quiet == {""}


@pytest.mark.parametrize("name", NAMES)
def test_every_sdk_tells_the_status_that_was_said_and_is_content_where_nothing_is_wrong(name: str) -> None:
    mine = {case: row for (sdk, case), row in ROWS.items() if sdk == name}
    well = mine["nothing"]
    assert (well["raised"], well["text"], well["attempts"]) == ("", "".join(FOUND_BY["WORDS"]), 1)
    for case, row in mine.items():
        if case.split(" ")[0].isdigit() or case.split(",")[0].isdigit():
            assert row["status"] == int(case[:3]), case
        if case.startswith("code "):
            assert (row["status"] >= 400, row["raised"] != "") == (True, True), case


def test_no_sdk_asks_again_for_a_stream_that_broke_and_none_sees_that_one_ended_early() -> None:
    broken = {key: row for key, row in ROWS.items() if key[1].endswith(("(stream)", "(responses)"))}
    assert {row["attempts"] for row in broken.values()} == {1}
    early = [row for (_, case), row in broken.items() if case.startswith("ended in good order")]
    assert len(early) == 16
    assert {row["raised"] for row in early} == {""}


def test_what_the_wire_reads_of_a_stream_of_googles_or_amazons_is_the_text_that_its_client_has() -> None:
    quiet = [row for row in ROWS.values() if "read" in row and not row["raised"]]
    assert [row["case"] for row in quiet if not row["read"]] == []
    assert len(quiet) == 23
    planted = ROWS | {(quiet[0]["sdk"], quiet[0]["case"]): quiet[0] | {"read": False}}
    assert "it did in 22 of the 23" in FOUND_BY["written"](planted)
