"""Where runs lie that are judged together is nobody's but their owner's, and is gone on with where the same was begun."""

from __future__ import annotations

from pathlib import Path

from harness.suites.folder import folder


def _begun(below: Path, inputs: str, *, resume: bool = True) -> Path:
    made = folder(below, "gate.json", inputs, lambda path: (path / "gate.json").read_text(), "gate", resume=resume)
    (made / "gate.json").write_text(inputs)
    return made


def test_a_new_folder_is_for_its_owner_alone_and_what_it_lies_in_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports").chmod(0o755)  # whatever the umask
    made = _begun(tmp_path / "reports" / "gate", "a")
    assert made.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o755


def test_what_was_begun_with_the_same_is_gone_on_with_and_nothing_else(tmp_path: Path) -> None:
    first = _begun(tmp_path, "a")
    assert _begun(tmp_path, "a") == first
    assert _begun(tmp_path, "b") != first
