"""Files, and the places in them that later checks speak of."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.problems import Problem, UsageProblems
from harness.reading.scenario import Scenario
from harness.reading.yaml import Document, load, read


def refused(path: Path) -> list[str]:
    with pytest.raises(UsageProblems) as told:
        load(path, Scenario)
    return [str(problem) for problem in told.value.problems]


def test_a_file_is_read_with_its_text_and_its_hash(tmp_path: Path, scenario_text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(scenario_text.replace("\n", "\r\n").encode())
    document = load(path, Scenario)
    assert document.value.name == "region-loss"
    assert document.file == str(path)
    assert document.text.encode() == path.read_bytes()
    assert document.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_equal_texts_give_equal_documents(scenario_text: str) -> None:
    assert read(scenario_text, Scenario, "f.yaml") == read(scenario_text, Scenario, "f.yaml")
    assert read(scenario_text, Scenario, "f.yaml") != read(scenario_text + "# more\n", Scenario, "f.yaml")


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.yaml") == [f"{tmp_path / 'a.yaml'}: there is no such file"]


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("resilient.yaml", "resilent.yaml"),
        ("resilient.yaml", "resilient"),
        ("targets/resilient.yaml", "resilient"),
        ("scenarios/targets/resilient.yaml", "resilient.yaml"),
        ("scenarios/targets/a[1]*.yaml", "a[1]*"),
    ],
)
def test_a_file_that_may_have_been_meant_is_named(tmp_path: Path, there: str, asked: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).touch()
    assert refused(tmp_path / asked) == [f"{tmp_path / asked}: there is no such file; did you mean {tmp_path / there}?"]


def test_of_several_files_that_may_have_been_meant_each_is_named(tmp_path: Path) -> None:
    for folder in ("systems", "targets"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "resilient.yaml").touch()
    both = " or ".join(str(tmp_path / folder / "resilient.yaml") for folder in ("systems", "targets"))
    assert refused(tmp_path / "resilient") == [f"{tmp_path / 'resilient'}: there is no such file; did you mean {both}?"]


@pytest.mark.parametrize("there", ["a/b/c/resilient.yaml", "fragile.yaml", "targets/resilient.txt"])
def test_a_file_far_away_or_of_another_name_is_not(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).touch()
    assert refused(tmp_path / "resilient") == [f"{tmp_path / 'resilient'}: there is no such file"]


def test_a_directory_is_one_problem(tmp_path: Path) -> None:
    assert refused(tmp_path) == [f"{tmp_path}: is a directory, not a file"]


def test_a_file_below_a_file_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert refused(tmp_path / "a" / "b") == [f"{tmp_path / 'a' / 'b'}: cannot be read: Not a directory"]


def test_a_name_that_no_file_can_have_is_one_problem() -> None:
    assert refused(Path("a\0b")) == ["a\0b: cannot be read: embedded null byte"]


def test_bytes_that_are_not_utf_8_are_one_problem_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"schema: x\nabout: caf\xe9\n")
    assert refused(path) == [f"{path}:2: byte 0xe9 is not UTF-8; save the file as UTF-8"]


@pytest.mark.parametrize(("more", "in_order"), [(0, True), (1, False)])
def test_a_file_may_be_1_mib_and_no_more(tmp_path: Path, scenario_text: str, more: int, in_order: bool) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(scenario_text + "#" * ((1 << 20) - len(scenario_text) + more))
    if in_order:
        assert load(path, Scenario).value.name == "region-loss"
    else:
        assert refused(path) == [f"{path}: is larger than 1 MiB; no file of this kind is"]


def test_a_text_of_more_than_1_mib_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(UsageProblems, match="a: is larger than 1 MiB"):
        read("ä" * (1 << 19) + "[", Scenario, "a")


@pytest.fixture
def document(scenario_text: str) -> Document[Scenario]:
    return read(scenario_text, Scenario, "f.yaml")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("seed", 4),
        ("load", 5),
        ("load.jitter", 8),
        ("faults", 18),
        ("faults[0]", 19),
        ("faults[0].at", 22),
        ("faults[1].on", 25),
        ("faults[2].on", 29),
        ("faults[2].on.link", 30),
        ("expect[1]", 43),
        ("", 1),
    ],
)
def test_a_later_problem_has_the_line_of_what_it_is_about(document: Document[Scenario], path: str, line: int) -> None:
    assert document.problem(path, "is odd") == Problem("is odd", "f.yaml", line, path)


@pytest.mark.parametrize(
    ("path", "line"), [("faults[1].at", 24), ("faults[9].kind", 18), ("good.zzz.y", 38), ("zzz", 1)]
)
def test_what_was_left_out_has_the_line_of_what_is_around_it(
    document: Document[Scenario], path: str, line: int
) -> None:
    assert document.problem(path, "is odd").line == line


def test_a_value_below_its_key_has_its_own_line() -> None:
    text = (
        "schema:\n  harness.scenario/1\nname:\n\n  A B\nload:\n  {questions: x}\n"
        "phases: {baseline: 1s,\n  fault: 2s,\n  recovery: 3}\nexpect: [a]\n"
    )
    with pytest.raises(UsageProblems) as told:
        read(text, Scenario, "f.yaml")
    assert [problem.line for problem in told.value.problems] == [5, 10]
