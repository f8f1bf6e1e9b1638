"""The wait that an answer states is in the row of its attempt, whoever stated it; who obeys it is told in `test_metric_truth`."""

from __future__ import annotations

import gzip

import pytest


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        (b"Retry-After: 3\r\n", 3000),
        (b"retry-after-ms: 40\r\nretry-after: 1\r\n", 40),
        (b"retry-after: 1\r\nretry-after-ms: soon\r\n", 1000),
        (b"Retry-After: Fri, 01 Jan 2027 00:01:30 GMT\r\nDate: Fri, 01 Jan 2027 00:00:00 GMT\r\n", 90_000),
        (b"Date: Sat, 02 Jan 2100 00:00:00 GMT\r\nRetry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n", None),
        (b"X-Retry-After: 3\r\n", None),
        (b"", None),
    ],
)
def test_the_wait_is_in_the_row_of_the_attempt(wire, provider, clients, kit, headers, wait_ms) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(b"{}", status=b"429 Too Many Requests", headers=headers))

    provider.script = script
    client = clients(wire.tap())
    for times in (1, 2):
        client.say(kit.post())
        client.hear(b"{}", times=times)
    kit.eventually(lambda: [row.retry_after_ms for row in wire.attempts()] == [wait_ms, wait_ms])


def test_the_code_of_an_error_is_in_the_row_of_its_attempt_however_it_is_packed(wire, provider, clients, kit) -> None:
    spent = b'{"error": {"type": "insufficient_quota", "code": null}}'
    answers = [
        (spent, b"", b"429 Too Many Requests"),
        (gzip.compress(spent), b"Content-Encoding: gzip\r\nX-Should-Retry: False\r\n", b"429 Too Many Requests"),
        (b"<html>", b"x-should-retry: maybe\r\n", b"502 Bad Gateway"),
        (spent, b"", b"200 OK"),
        (b"no gzip", b"Content-Encoding: gzip\r\n", b"500 Broken"),
    ]

    async def script(request, line) -> None:
        body, headers, status = answers[len(provider.accepted) - 1]
        line.write(kit.answer(body, status=status, headers=b"Connection: close\r\n" + headers))

    provider.script = script
    port = wire.tap()
    for count, (body, _, _) in enumerate(answers, start=1):
        client = clients(port)
        client.say(kit.post())
        client.hear(body)
        kit.eventually(lambda count=count: len(wire.attempts()) == count)
    found = [(row.error, row.should_retry) for row in wire.attempts()]
    assert found == [("insufficient_quota", ""), ("insufficient_quota", "false"), ("", ""), ("", ""), ("", "")]


def test_one_wait_is_not_the_next_answers(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        waits = b"retry-after: 3\r\n" if request.nth == 1 else b""
        line.write(kit.answer(b"{}", status=b"429 Too Many Requests", headers=waits))

    provider.script = script
    client = clients(wire.tap())
    for times in (1, 2):
        client.say(kit.post())
        client.hear(b"{}", times=times)
    kit.eventually(lambda: [row.retry_after_ms for row in wire.attempts()] == [3000, None])


def test_a_wait_in_an_interim_answer_is_none(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 103 Early Hints\r\nretry-after: 3\r\n\r\n" + kit.answer())

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post(headers=b"Connection: close\r\n"))
    client.hear_all()
    kit.eventually(lambda: [row.retry_after_ms for row in wire.attempts()] == [None])
