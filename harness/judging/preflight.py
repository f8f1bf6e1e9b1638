"""What the question before the load shows: whether the target can be asked at all, and what a run would not see of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.judging.following import counting
from harness.planning.plan import Plan
from harness.reading.target import Target
from harness.record.history import LinkSeen, Preflight

_REPLY_CHARS = 200


def obstacles(plan: Plan, asked: Sequence[Preflight]) -> Iterator[str]:
    """Each reason for which a run of *plan* would come to nothing; none where it can begin."""
    yield from map(unanswered, filter(failed, asked))
    if counting(plan):
        for entry in asked:
            if not failed(entry) and (links := _unjoined(entry)):
                yield (
                    f"attempts were seen on {', '.join(links)}, and none carried the nonce of the question before the load, so "
                    "retries could not be counted: does the service pass it on where ask.nonce says?"
                )


def failed(asked: Preflight) -> bool:
    return asked.outcome != "complete"


def unanswered(asked: Preflight) -> str:
    """What was asked, what came back, and what each link that was asked answered."""
    came = f"status {asked.status}" if asked.status else "no status"
    said = asked.detail.partition(": ")[2] if asked.detail.startswith("http ") else asked.detail
    told = f"{asked.outcome}: {said}" if said and said not in asked.reply else asked.outcome
    reply = f"; the reply begins {asked.reply[:_REPLY_CHARS]!r}" if asked.reply else ""
    tries = f" in {len(asked.nonces)} tries" if len(asked.nonces) > 1 else ""
    return (
        f"the question before the load was not answered{tries}: {asked.request_line} came to {told} ({came}){reply}; "
        f"{'; '.join(answered(link) for link in asked.links if _tells(link)) or 'no attempt was seen on any link'}"
    )


def _tells(link: LinkSeen) -> bool:
    """Whether there is anything to say of what was seen on *link*."""
    return bool(link.attempts or link.refused or link.looked_up == 0)


def answered(link: LinkSeen) -> str:
    """What *link* answered: ``openai answered 401``."""
    if link.looked_up == 0 and not link.attempts:
        return f"nobody has looked up the name of {link.link} where {{resolver}} says: does the service ask there?"
    if link.refused and not link.attempts:
        return _refused(link)
    if not link.attempts:
        return f"nothing was asked on {link.link}"
    if not link.answers:
        return f"{link.link} has not answered"
    said = ", ".join(f"{what}{f' ({n} times)' if n > 1 else ''}" for what, n in link.answers.items())
    return f"{link.link} answered {said}" + (f" ({link.detail})" if link.detail else "")


def _refused(link: LinkSeen) -> str:
    """That who came to *link* would not speak TLS with it: ``the certificate of openai was refused (unknown_ca): ...``."""
    said = ", ".join(alert or "without a word" for alert in link.refused)
    if {*link.refused} <= {"http_request", "wrong_version_number"}:
        return f"no TLS was spoken on {link.link} ({said}), though its tls says so: is the service given {{url}}, which is https://?"
    return (
        f"no TLS came about on {link.link} ({said}): does the process that asks trust {{ca_file}}, as by SSL_CERT_FILE, "
        "REQUESTS_CA_BUNDLE or NODE_EXTRA_CA_CERTS?"
    )


def shortcomings(target: Target, asked: Preflight, *, alone: bool = True) -> Iterator[str]:
    """What is missing though the question was answered, so that a run would see less than it could.

    Where it was not asked *alone*, since the service has traffic of its own, what passed on links says nothing of it.
    """
    if failed(asked):
        return
    if target.ask.streams and not asked.streamed:
        yield "a stream was asked for (ask.stream), and the answer came in one piece: the first token is then the whole answer"
    if asked.streamed and not target.ask.streams:
        yield "no stream was asked for (ask.stream), and the answer was one"
    yield from _of_its_attempts(asked) if alone else ()
    if asked.health is not None and not 200 <= asked.health < 300:
        said = f"was answered {asked.health}" if asked.health else "gave no answer in time"
        yield f"the health URL {said} although the question was answered: is health.get the right one?"


def _of_its_attempts(asked: Preflight) -> Iterator[str]:
    """What the attempts that were made for the question show."""
    if links := _unjoined(asked):
        yield (
            f"no attempt on {', '.join(links)} carried the nonce, so retries cannot be counted: "
            "does the service pass it on where ask.nonce says?"
        )
    for link in filter(_refuses, asked.links):
        yield f"{answered(link)}, and the question was answered all the same: by a fallback? Then a run breaks what is broken already"
    if asked.links and not any(link.attempts for link in asked.links):
        yield "no attempt was seen on any HTTP link: does the service take its addresses from the links?"


_OF_ITS_LIMITS = {"408", "409", "425", "429"}
"""Refusals that say nothing of what was asked: the next try may be served."""


def _refuses(link: LinkSeen) -> bool:
    """Whether *link* refused whatever was asked there, as where a key or a path is wrong."""
    return bool(link.asked and link.answers) and all(
        said.startswith("4") and said not in _OF_ITS_LIMITS for said in link.answers
    )


def _unjoined(asked: Preflight) -> list[str]:
    """Links that were asked, where no link saw the nonce."""
    if any(link.joined for link in asked.links):
        return []
    return [link.link for link in asked.links if link.asked]
