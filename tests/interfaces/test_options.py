"""What no command takes for granted: a value that is empty, and the name of a target that nobody knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command

from harness import api
from harness.interfaces import others_say
from harness.interfaces.cli import app
from harness.problems import UsageProblems
from harness.running.state.folder import FolderStore
from harness.running.state.store import StateError
from harness.running.state.target_state import TargetState
from harness.settings import Settings, settings

COMMAND = get_command(app)
EMPTY = "is empty, as where a variable of the shell is not set; give it a value, or leave it out"


def refused(*words: str) -> str:
    with pytest.raises(UsageProblems) as error:
        COMMAND.main(list(words), standalone_mode=False)
    return str(error.value)


@pytest.mark.parametrize(
    ("words", "which"),
    [
        (("run", "a.yaml", "--out", ""), "--out"),
        (("run", "a.yaml", "--out="), "--out"),
        (("run", "a.yaml", "--target", " "), "--target"),
        (("run", "a.yaml", "--baseline", ""), "--baseline"),
        (("plan", "a.yaml", "--expect", ""), "--expect"),
        (("freeze", "--why", "x", "--target", ""), "--target"),
        (("ask", "a.yaml", "--question", ""), "--question"),
        (("gameday", "run", "a.yaml", "--page", ""), "--page"),
        (("validate", ""), "the word behind 'validate'"),
    ],
)
def test_an_empty_value_is_refused_and_never_means_the_folder_that_one_is_in(
    words: tuple[str, ...], which: str
) -> None:
    assert refused(*words) == f"{which}: {EMPTY}"


def test_all_that_is_empty_is_told_at_once() -> None:
    assert refused("run", "a.yaml", "--out", "", "--target=").splitlines() == [f"--out: {EMPTY}", f"--target: {EMPTY}"]


def test_an_empty_reason_has_a_sentence_of_its_own() -> None:
    assert "says nothing" in refused("freeze", "--why", "")


def test_from_python_no_folder_is_named_by_an_empty_text() -> None:
    with pytest.raises(UsageProblems, match="out: is empty; name a folder, such as reports"):
        api.run("scenarios/region-loss.yaml", out="")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A folder with the target checkout, of which nothing has run yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "checkout.yaml").write_text("schema: harness.target/1\nname: checkout\n")
    return replace(settings(), state=str(tmp_path / "state"))


@pytest.mark.parametrize("say", ["freeze", "unfreeze", "stop"])
def test_who_mistypes_a_target_is_told_which_was_meant(say: str, here: Settings) -> None:
    says = {
        "freeze": lambda name: others_say.freeze("incident", name, here),
        "unfreeze": lambda name: others_say.unfreeze(name, here),
        "stop": lambda name: others_say.stop(name, "", here),
    }[say]
    with pytest.raises(UsageProblems, match=r"there is no target 'chekout' in .*; did you mean 'checkout'\?"):
        says("chekout")
    says("checkout")


def test_a_target_of_which_only_the_state_knows_is_known(here: Settings, tmp_path: Path) -> None:
    others_say.freeze("incident", "checkout", here)
    (tmp_path / "targets" / "checkout.yaml").unlink()
    assert others_say.unfreeze("checkout", here) is not None


def test_where_nobody_can_list_the_targets_a_name_is_taken_that_is_no_slip(here: Settings) -> None:
    at_url = replace(here, state="http://127.0.0.1:1/state")
    with pytest.raises(UsageProblems, match="did you mean 'checkout'"):
        others_say.stop("chekout", "", at_url)
    with pytest.raises(Exception, match="gave no answer"):
        others_say.stop("payments", "", at_url)


def test_who_stops_all_runs_stops_those_too_of_whose_neighbour_nobody_can_read_the_lease(
    here: Settings,
) -> None:
    kept = Path(here.state)
    states = [TargetState(FolderStore(kept), name) for name in ("bank", "shop")]
    for state in states:
        state.take("one", kept)
    (kept / "bank" / "lease.json").write_text("{")
    with pytest.raises(StateError, match=r"bank/lease.json is no lease.*; run one on target 'shop' was told to stop$"):
        others_say.stop(None, "enough", here)
    assert all("enough" in state.stopped("one") for state in states)
