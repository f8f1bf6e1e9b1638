from __future__ import annotations

from pathlib import Path

import pytest

from harness.running.free_port import free_port
from harness.running.wire import Config, LinkConfig, ready, write
from harness.running.wire.config import load
from harness.running.wire.edge.upstream import Upstream
from harness.running.wire.sockets import bound


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    links = [
        LinkConfig("east", "http://127.0.0.1:1/v9"),
        LinkConfig("west", "https://api.example.com", 7, api="none"),
        LinkConfig("store", carries="redis", gated=True),
    ]
    written = Config(links, str(tmp_path), 3, str(tmp_path / "r"))
    write(written, path)
    assert load(path) == written


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
        ('{"links":[{"name":"a","upstream":"http://%s.x"}],"rows":"r","seed":1,"ready":"y"}' % ("a" * 64), "aaa.x"),
        ('{"links":[{"name":"a","upstream":"http://a..b"}],"rows":"r","seed":1,"ready":"y"}', "a..b"),
        ('{"links":[{"name":"a","carries":"tcp","gated":true}],"rows":"r","seed":1,"ready":"y"}', "carries tcp"),
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


def test_a_port_that_somebody_listens_on_is_told_and_one_that_is_free_is_held(tmp_path: Path) -> None:
    held = bound(port := free_port())
    held.listen()
    with pytest.raises(OSError, match=f"^port {port} of 127.0.0.1 cannot be listened on: "):
        bound(port)
    bound(port, again=True).close()
    held.close()
    bound(port).close()


def test_what_is_asked_of_a_whole_server_is_asked_so_below_a_path_too() -> None:
    upstream = Upstream("http://127.0.0.1:1/v1/")
    assert upstream.head(b"OPTIONS", b"*", []) == b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"
    assert upstream.head(b"GET", b"/a", []) == b"GET /v1/a HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"
