"""What is wrong with files, as programs read it: the same as a person is told, at the same lines, with the same status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import validate as fits

from harness.interfaces.cli import main
from harness.interfaces.schemas import schema
from harness.interfaces.validation import Validation

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = (ROOT / "scenarios" / "region-loss.yaml").read_text()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "validate", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    for name in ("targets", "questions"):
        (tmp_path / name).symlink_to(ROOT / "scenarios" / name)
    path = tmp_path / "a,b.yaml"
    path.write_text(
        SCENARIO.replace("rate_per_s: 20", "rate_per_s: 20%").replace("name: region-loss", "nmae: region-loss")
    )
    return path


def test_all_outputs_tell_the_same_problems_and_end_with_the_same_status(told, spoilt: Path) -> None:
    status, _, err = told(spoilt)
    document = json.loads((in_json := told(spoilt, "--output", "json"))[1])
    marks = told(spoilt, "--output", "github")
    assert status == in_json[0] == marks[0] == 2
    assert len(document["problems"]) == len(marks[1].splitlines()) == len(err.splitlines()) >= 2
    for said, line in zip(document["problems"], marks[1].splitlines(), strict=True):
        assert f"{spoilt}:{said['line']} " in err
        assert line.startswith(f"::error file={str(spoilt).replace(',', '%2C')},line={said['line']},title=")


def test_a_sound_file_is_told_as_sound_with_status_0(told) -> None:
    path = ROOT / "scenarios" / "region-loss.yaml"
    status, out, _ = told(path, "--output", "json")
    document = json.loads(out)
    assert (status, document["ok"], document["problems"]) == (0, True, [])
    assert document["files"] == [{"file": str(path), "ok": True, "without_target": False}]
    assert told(path, "--output", "github")[:2] == (0, "")


def test_the_document_is_of_its_schema(told, spoilt: Path) -> None:
    fits(json.loads(told(spoilt, "--output", "json")[1]), schema(Validation))


def test_an_output_that_there_is_not_is_told_with_those_that_there_are(told, spoilt: Path) -> None:
    status, _, err = told(spoilt, "--output", "jsn")
    assert (status, err) == (2, "--output: there is no output 'jsn'; did you mean 'json'?\n")
