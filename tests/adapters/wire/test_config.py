from __future__ import annotations

from pathlib import Path

import pytest

from harness.adapters.wire import config, ready
from harness.adapters.wire.config import LinkConfig, load


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    upstreams = {"east": "http://127.0.0.1:1/v9", "west": "https://api.example.com"}
    path.write_bytes(config(upstreams, rows=tmp_path, seed=3, ready=tmp_path / "r", ca={"west": tmp_path / "ca.pem"}))

    read = load(path)

    assert read.links == [
        LinkConfig("east", "http://127.0.0.1:1/v9"),
        LinkConfig("west", "https://api.example.com", str(tmp_path / "ca.pem")),
    ]
    assert (read.rows, read.seed, read.ready) == (str(tmp_path), 3, str(tmp_path / "r"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"links":[{"name":"a","upstream":"redis://x"}],"rows":"r","seed":1,"ready":"y"}', "redis://x"),
        ('{"links":[{"name":"a","upstream":"http://"}],"rows":"r","seed":1,"ready":"y"}', "http"),
        ('{"links":[{"name":"a/b","upstream":"http://x"}],"rows":"r","seed":1,"ready":"y"}', "a/b"),
        ('{"links":[{"name":"a","upstream":"http://x","key":1}],"rows":"r","seed":1,"ready":"y"}', "key"),
        (
            '{"links":[{"name":"a","upstream":"http://x"},{"name":"a","upstream":"http://y"}],"rows":"r","seed":1,"ready":"y"}',
            "same name: a",
        ),
        ('{"links":[],"rows":"r","seed":1}', "ready"),
        ("{", "truncated"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=what):
        load(path)


def test_a_wire_that_is_not_ready_yet_is_no_error(tmp_path: Path) -> None:
    assert ready(tmp_path / "ready.json") is None
