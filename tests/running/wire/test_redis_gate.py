"""Redis clients are answered errors in the server's place, never, or told no messages; what is not hit is theirs, whole and in order."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from harness.faults.effects import TapAnswers
from harness.faults.redis_commands import FILL, WRITE
from harness.running.free_port import free_port
from harness.running.redis_server import arguments, find
from harness.running.wire import WireError
from harness.running.wire.tap.redis_gate import RedisGate
from harness.running.wire.tap.resp import Frames, Piece, message_on, name_of, word_of

LOADING = TapAnswers("east", "LOADING Redis is loading the dataset in memory")
READ_ONLY = TapAnswers("east", "READONLY You can't write against a read only replica.", ("SET", "HSET"))
NEVER = TapAnswers("east", "", ("GET",))
UNHEARD = TapAnswers("east", messages=True)
ERROR = b"-" + LOADING.error.encode() + b"\r\n"


def command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


REPLIES = [
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":12\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$4\r\n+\r\n*\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*2\r\n*1\r\n:1\r\n$3\r\nfoo\r\n",
    b"%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n",
    b"|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n",
    b"~1\r\n#t\r\n",
    b"=7\r\ntxt:abc\r\n",
    b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n",
    b"_\r\n",
    b"*2\r\n$100000\r\n" + b"x" * 100_000 + b"\r\n:1\r\n",
]


def _whole(pieces: list[Piece]) -> list[bytes]:
    """The frames of which *pieces* are parts."""
    frames: list[bytes] = []
    for piece in pieces:
        frames += [b""] if piece.first else []
        frames[-1] += piece.data
    assert all(one.last == other.first for one, other in pairwise(pieces))
    return frames


@given(st.lists(st.sampled_from(REPLIES), max_size=8), st.lists(st.integers(0, 1 << 20), max_size=8), st.booleans())
def test_replies_are_told_apart_however_their_bytes_are_cut(
    replies: list[bytes], cuts: list[int], at_once: bool
) -> None:
    said, frames = b"".join(replies), Frames(commands=False)
    edges = sorted({0, len(said), *(cut % (len(said) + 1) for cut in cuts)})
    pieces = [piece for start, end in pairwise(edges) for piece in frames.feed(said[start:end], at_once=at_once)]
    assert _whole(pieces) == replies
    assert frames.rest() == b""
    assert not frames.lost


def test_commands_are_told_apart_inline_ones_too() -> None:
    said = [command(b"get", b"*1\r\n$4\r\nPING\r\n"), b"PING\r\n", b"\r\n", command(b"SET", b"k", b"v" * 9000)]
    assert [piece.data for piece in Frames(commands=True).feed(b"".join(said))] == said
    assert [name_of(one) for one in said] == ["GET", "PING", "", "SET"]


@pytest.mark.parametrize("said", [b"$x\r\n", b"*many\r\n", b"$\r\n", b"x" * 70_000])
def test_what_is_no_resp_is_not_kept_and_what_came_before_it_is_told(said: bytes) -> None:
    frames = Frames(commands=False)
    assert frames.feed(b"+OK\r\n" + said) == [Piece(b"+OK\r\n")]
    assert frames.lost
    assert frames.rest() == said


def test_of_what_is_long_no_more_than_a_part_is_kept() -> None:
    frames, head = Frames(commands=True), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$99999999999\r\n"
    assert frames.feed(head) == []
    assert frames.feed(b"v" * 70_000) == [Piece(head + b"v" * 70_000, last=False)]
    assert frames.feed(b"v" * 70_000) == [Piece(b"v" * 70_000, first=False, last=False)]
    assert frames.rest() == b""


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n", "message"),
        (b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", "invalidate"),
        (b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", None),
        (b"$7\r\nmessage\r\n", None),
    ],
)
def test_a_message_is_told_from_an_answer(reply: bytes, kind: str | None) -> None:
    assert message_on(reply) == kind


class Told:
    """A gate, what the client was told, and which faults hit how often."""

    def __init__(self, *effects: TapAnswers, seed: str = "7") -> None:
        self.heard, self.hit, self.drawn, self.lost = b"", 0, list[bool](), False
        self.gate = RedisGate(self._hear, self._count, self._draw, self._lose, seed)
        self.begin(*effects)

    def begin(self, *effects: TapAnswers) -> None:
        self.gate.effects = {str(number): effect for number, effect in enumerate(effects)}

    def _lose(self) -> None:
        self.lost = True

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def _count(self, fault: str) -> None:
        self.hit += 1

    def _draw(self, fault: str, *, picked: bool) -> None:
        self.drawn.append(picked)

    def ask(self, *commands: bytes) -> bytes:
        return self.gate.asked(b"".join(commands))

    def answer(self, *replies: bytes) -> bytes:
        """What the client was told since it was last looked at."""
        self.gate.answered(b"".join(replies))
        heard, self.heard = self.heard, b""
        return heard


GET, SET = command(b"GET", b"a"), command(b"SET", b"a", b"1")


def test_an_error_stands_where_its_answer_would_have_in_a_pipeline() -> None:
    told = Told(READ_ONLY)
    assert told.ask(GET, SET, GET, SET) == GET + GET
    assert told.answer() == b""
    no = b"-" + READ_ONLY.error.encode() + b"\r\n"
    assert told.answer(b"$1\r\n1\r\n") == b"$1\r\n1\r\n" + no
    assert told.answer(b"$1\r\n2\r\n") == b"$1\r\n2\r\n" + no
    assert told.hit == 2


def test_a_transaction_with_an_error_is_discarded_as_the_server_would() -> None:
    told, multi, execute = Told(READ_ONLY), command(b"MULTI"), command(b"EXEC")
    assert told.ask(multi, GET, SET, execute) == multi + GET + command(b"DISCARD")
    heard = told.answer(b"+OK\r\n+QUEUED\r\n+OK\r\n")
    assert heard.startswith(b"+OK\r\n+QUEUED\r\n-READONLY")
    assert heard.endswith(b"-EXECABORT Transaction discarded because of previous errors.\r\n")
    assert told.ask(multi, GET, execute) == multi + GET + execute
    assert told.answer(b"+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n") == b"+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n"


def test_how_a_connection_is_opened_is_left_alone() -> None:
    told, hello = Told(LOADING), command(b"HELLO", b"3")
    assert told.ask(hello, command(b"SELECT", b"1")) == hello + command(b"SELECT", b"1")
    assert told.ask(GET) == b""
    assert told.answer(b"%0\r\n", b"+OK\r\n") == b"%0\r\n+OK\r\n" + ERROR


def test_a_fault_that_begins_while_answers_are_owed_gives_none_of_them_to_another_command() -> None:
    told = Told()
    assert told.ask(GET, SET, GET) == GET + SET + GET
    assert told.answer(b"$1\r\n1\r\n") == b"$1\r\n1\r\n"
    told.begin(LOADING)
    assert told.ask(GET) == b""
    assert told.answer(b"+OK\r\n$1") == b"+OK\r\n"
    assert told.answer(b"\r\n2\r\n") == b"$1\r\n2\r\n" + ERROR


def test_a_command_that_is_never_answered_silences_what_comes_behind_it_however_that_is_cut() -> None:
    for said in ([SET + GET + SET, SET], [SET, GET, SET + SET]):
        told = Told(NEVER)
        assert b"".join(map(told.ask, said)) == SET
        assert told.gate.muted_by == "0"
        assert told.answer(b"+OK\r\n") == b"+OK\r\n"
        assert told.answer(b"+OK\r\n") == b""


def test_what_is_said_behind_a_command_that_is_never_answered_came_to_no_fault_however_it_is_cut() -> None:
    for said in ([GET + GET, SET], [GET, GET, SET]):
        told = Told(NEVER, READ_ONLY)
        assert [told.ask(one) for one in said] == [b""] * len(said)
        assert told.hit == 1


@pytest.mark.parametrize("said", [command(b"CLIENT", b"SETNAME", b"autoreply"), b"client setname autoreply\r\n"])
def test_a_client_may_be_called_as_it_likes(said: bytes) -> None:
    told = Told(LOADING)
    assert told.ask(said, GET) == said
    assert told.answer(b"+OK\r\n") == b"+OK\r\n" + ERROR


@pytest.mark.parametrize("said", [command(b"client", b"Reply", b"off"), b"CLIENT  reply OFF\r\n"])
def test_the_words_of_a_command_are_told_apart_in_both_of_its_forms(said: bytes) -> None:
    assert [word_of(said, place) for place in range(4)] == ["CLIENT", "REPLY", "OFF", ""]


def test_an_error_waits_for_the_end_of_a_long_answer_before_it() -> None:
    told, long = Told(READ_ONLY), b"$1000000\r\n" + b"x" * 1_000_000 + b"\r\n"
    assert told.ask(GET) == GET
    assert told.answer(long[:100]) == long[:100]
    assert told.ask(SET) == b""
    assert told.answer(long[100:-1]) == long[100:-1]
    assert told.answer(long[-1:]) == long[-1:] + b"-" + READ_ONLY.error.encode() + b"\r\n"


def test_a_long_command_passes_or_is_refused_as_a_whole_in_the_place_of_its_pipeline() -> None:
    long = command(b"SET", b"k", b"v" * 1_000_000)
    told = Told(LOADING)
    told.begin()
    assert told.ask(GET + long[:70_000]) == GET + long[:70_000]
    told.begin(LOADING)
    assert told.ask(long[70_000:] + long[:70_000]) == long[70_000:]
    told.begin()
    assert told.ask(long[70_000:] + GET) == GET
    assert told.answer(b"$-1\r\n+OK\r\n$-1\r\n") == b"$-1\r\n+OK\r\n" + ERROR + b"$-1\r\n"
    assert told.hit == 1


def test_what_there_is_of_a_reply_is_told_when_the_server_says_no_more() -> None:
    told = Told(LOADING)
    told.begin()
    assert told.ask(GET) == GET
    assert told.answer(b"$1") == b""
    told.gate.ended()
    assert told.heard == b"$1"


def test_a_client_that_wants_no_replies_gets_no_words_of_ours() -> None:
    told, silent = Told(), command(b"CLIENT", b"REPLY", b"OFF")
    assert told.ask(silent, SET) == silent + SET
    told.begin(LOADING)
    assert told.ask(SET) == SET
    assert told.answer(b"+OK\r\n") == b"+OK\r\n"


def test_what_a_replica_is_sent_is_of_no_form_that_is_read() -> None:
    told, sync, snapshot = Told(LOADING), command(b"PSYNC", b"?", b"-1"), b"$9\r\n\0\xffREDIS*x\r\n*1\r\n$4\r\nPING\r\n"
    assert told.ask(sync) == sync
    assert told.answer(b"+FULLRESYNC a 0\r\n") + told.answer(snapshot) == b"+FULLRESYNC a 0\r\n" + snapshot
    assert told.ask(b"*x") == b"*x"


def test_a_share_of_commands_is_drawn_by_the_seed() -> None:
    half = TapAnswers("east", LOADING.error, (), 0.5)

    def hits(seed: str) -> list[bool]:
        told = Told(half, seed=seed)
        hit = [told.ask(GET) == b"" or (bool(told.answer(b"$1\r\n1\r\n")) and False) for _ in range(200)]
        assert told.drawn == hit
        return hit

    assert hits("7") == hits("7") != hits("8")
    assert 60 < sum(hits("7")) < 140


def test_messages_are_lost_and_what_was_asked_is_answered() -> None:
    told, subscribe = Told(), command(b"SUBSCRIBE", b"c")
    confirmed, message = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", REPLIES[13].replace(b">", b"*")
    assert told.ask(subscribe) == subscribe
    assert told.answer(confirmed, message) == confirmed + message
    told.begin(UNHEARD)
    assert (told.answer(message + confirmed + message), told.hit) == (confirmed, 2)
    told.begin()
    assert told.answer(message) == message


def test_what_cannot_be_read_is_passed_on_from_then_on() -> None:
    told = Told(LOADING)
    assert told.ask(b"*x\r\n") == b"*x\r\n"
    assert told.ask(GET) == GET
    assert told.answer(b"-ERR Protocol error\r\n") == b"-ERR Protocol error\r\n"


def test_what_was_read_before_that_is_passed_on_too_and_half_a_command_is_made_whole() -> None:
    told = Told(READ_ONLY)
    assert told.ask(GET, GET + b"*1\r\n$4") == GET + GET
    assert told.answer(b"$-1\r\n$x\r\n") == b"$-1\r\n$x\r\n"
    assert told.ask(b"\r\nPING\r\n") == b"*1\r\n$4\r\nPING\r\n"


def test_words_of_ours_still_stand_in_their_place_once_a_command_could_not_be_read() -> None:
    told, no = Told(READ_ONLY), b"-" + READ_ONLY.error.encode() + b"\r\n"
    assert told.ask(GET, SET + b"*x\r\n") == GET + b"*x\r\n"
    assert told.answer(b"$-1\r\n-ERR\r\n") == b"$-1\r\n" + no + b"-ERR\r\n"
    assert told.answer(b"$x") == b"$x"


def test_a_connection_ends_on_which_nobody_can_tell_where_words_of_ours_would_stand() -> None:
    told = Told(READ_ONLY)
    assert told.ask(GET, GET, SET) == GET + GET
    assert told.answer(b"$-1\r\n$x\r\n") == b"$-1\r\n"
    assert told.lost


# A real client of a real server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    binary, port = find(), free_port()
    assert binary is not None, "these tests need a redis-server"
    line = arguments(binary, port=port, folder=str(tmp_path_factory.mktemp("redis")))
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as process:
        late_s = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < late_s
        yield port
        process.terminate()


@pytest.fixture
def wire(new_wire: Any, server: int) -> Any:
    wire = new_wire({}, others={"east": "redis"})
    wire.stage.connect_link("east", server)
    return wire


def test_which_commands_write_and_take_memory_is_what_the_server_says(server: int) -> None:
    with Redis(port=server, decode_responses=True) as redis:
        flags = {name.upper(): set(about["flags"]) for name, about in redis.execute_command("COMMAND").items()}
    # No client says these: they are for those who work on the server, and for it to say to itself.
    ours = {name: said for name, said in flags.items() if name not in ("PFDEBUG", "RESTORE-ASKING")}
    assert {name for name, said in ours.items() if "write" in said} == set(WRITE) & set(ours)
    assert {name for name, said in ours.items() if "denyoom" in said} == set(FILL) & set(ours)


def client(wire: Any, **how: Any) -> Any:
    return Redis(port=wire.tap(), decode_responses=True, retry=Retry(NoBackoff(), 0), **how)


def _hit(wire: Any) -> int:
    return wire.stage.counts()["east"].by_fault.get("0", 0)


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_real_client_raises_what_each_error_is_and_all_is_well_when_it_is_over(wire: Any, protocol: int) -> None:
    with client(wire, protocol=protocol) as redis:
        redis.set("a", "1")
        for effect, raised in ((LOADING, BusyLoadingError), (READ_ONLY, ReadOnlyError)):
            before = _hit(wire)
            wire.stage.inject("0", effect)
            with pytest.raises(raised):
                redis.set("a", "2")
            with pytest.raises(raised):
                redis.pipeline(transaction=True).get("a").set("a", "3").execute()
            wire.stage.revert("0", effect)
            assert _hit(wire) >= before + 2
            assert redis.get("a") == "1"
        assert redis.pipeline(transaction=True).get("a").set("a", "1").execute() == ["1", True]


def test_whoever_asks_on_before_the_last_answer_has_come_is_answered_in_order(wire: Any, server: int) -> None:
    with Redis(port=server) as redis, socket.create_connection(("127.0.0.1", wire.tap()), 10) as many:
        redis.set("a", "1")
        replies = many.makefile("rb")
        many.sendall(GET + command(b"BLPOP", b"list", b"0"))
        assert (replies.readline(), replies.readline()) == (b"$1\r\n", b"1\r\n")
        wire.stage.inject("0", LOADING)
        many.sendall(GET)
        redis.lpush("list", "x")
        assert [replies.readline() for _ in range(6)] == [b"*2\r\n", b"$4\r\n", b"list\r\n", b"$1\r\n", b"x\r\n", ERROR]
        wire.stage.revert("0", LOADING)


def test_a_real_client_waits_for_what_is_never_answered_and_is_let_go_when_it_is_over(wire: Any, kit: Any) -> None:
    with client(wire, socket_timeout=0.2) as hasty, client(wire, socket_timeout=10) as patient:
        patient.set("a", "1")
        wire.stage.inject("0", NEVER)
        with pytest.raises(NoAnswer):
            hasty.get("a")
        assert patient.ping()  # on another connection
        waiting, before = patient.connection_pool.get_connection(), _hit(wire)
        waiting.send_command("GET", "a")
        kit.eventually(lambda: _hit(wire) == before + 1)
        wire.stage.inject("1", UNHEARD)  # another one, which goes on
        wire.stage.revert("0", NEVER)
        with pytest.raises(Broken):
            waiting.read_response()
        assert patient.get("a") == "1"
        wire.stage.revert("1", UNHEARD)


def test_a_real_subscriber_hears_nothing_while_messages_are_lost_and_the_next_one_after(
    wire: Any, server: int, kit: Any
) -> None:
    with client(wire) as redis, Redis(port=server) as publisher, redis.pubsub() as subscriber:
        subscriber.subscribe("news")
        assert subscriber.get_message(timeout=10)["type"] == "subscribe"
        wire.stage.inject("0", UNHEARD)
        assert publisher.publish("news", "lost") == 1
        kit.eventually(lambda: _hit(wire) == 1)
        wire.stage.revert("0", UNHEARD)
        assert publisher.publish("news", "heard") == 1
        assert subscriber.get_message(timeout=10)["data"] == "heard"


def test_only_a_link_that_carries_redis_can_be_answered_in_its_words(new_wire: Any) -> None:
    wire = new_wire({}, others={"east": "tcp"})
    with pytest.raises(WireError, match="carries tcp, and only commands of Redis are answered"):
        wire.stage.inject("0", LOADING)


def test_a_connection_that_outlives_many_faults_keeps_nothing_of_those_that_are_gone() -> None:
    told = Told()
    for number in range(50):
        told.gate.effects = {f"busy.{number}": replace(LOADING, share_ratio=0.5)}
        told.ask(command(b"GET", b"k"))
    assert len(told.drawn) == 50
    assert list(told.gate._chances) == ["busy.49"]
