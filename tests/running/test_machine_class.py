"""What kind of machine this is."""

from __future__ import annotations

import os
from pathlib import Path

from harness.running.machine_class import machine_class


def test_the_model_is_that_of_the_first_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Abacus 9 @ 3 GHz\n\nmodel name\t: Another\n")
    found = machine_class(cpuinfo)
    assert found["cpu model"] == "Abacus 9 @ 3 GHz"
    assert found["cpu count"] == str(os.cpu_count())
    assert found["system"]


def test_what_a_machine_does_not_tell_is_empty_or_what_python_knows(tmp_path: Path) -> None:
    assert isinstance(machine_class(tmp_path / "none")["cpu model"], str)
    (tmp_path / "of-arm").write_text("processor\t: 0\nBogoMIPS\t: 243.75\n")
    assert machine_class(tmp_path / "of-arm") == machine_class(tmp_path / "none")
