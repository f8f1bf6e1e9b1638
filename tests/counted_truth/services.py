"""Services made of one SDK, sound but for the flaws that they are told to have, which say what they did; they need nothing but the SDK.

``python services.py API`` is one in an environment that has nothing else: it reads what it is as one line of JSON, and then a request a
line, and writes a reply a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

EAST, WEST = "east", "west"
KEYS = {EAST: "sk-east-0123456789abcdef", WEST: "sk-west-0123456789abcdef"}
CACHED, KEPT_S = ("q0", "q1"), 60.0
"""The questions whose answers are kept, and for how long."""
TRIED_AGAIN = 5
"""How often a loop of its own asks."""
FLAWS = (
    "hasty",  # asks in a loop of its own, and waits for nothing
    "insisting",  # asks again what was refused for good
    "asking",  # asks what is down for each request anew
    "again",  # asks once more for what it has
    "roaming",  # turns elsewhere with what has to stay in the east
    "indiscreet",  # shows everybody the key of the east
    "mislabelling",  # names the model that it was to be
    "ordering",  # orders before it asks, each time
    "forgetting",  # answers and orders nothing
    "outdated",  # answers from the snapshot before
    "uncached",  # asks for what it has kept
    "speechless",  # has nothing to say where nobody answers
)
STREAM_FLAWS = ("passing", "smoothing", "repeating", "joining")
"""Of who passes streams on: looks for no reason of the end; ends each of them well; begins anew in the same answer, on the same link, or on
another one."""

BROKEN = "broken"


class FailedError(Exception):
    """The SDK has raised; with the *status* of the answer, where there was one."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


class OpenAi:
    """Asks OpenAI's chats by its SDK, each link at its URL."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        import openai

        # No certificates are read, which takes longer than all that is asked here.
        http = openai.DefaultHttpxClient(verify=False)
        said: dict[str, Any] = {"api_key": "unused", "http_client": http, "timeout": 20}
        self._at = {link: openai.OpenAI(base_url=f"{url}/v1", **said) for link, url in urls.items()}
        self.close = http.close

    def ask(self, link: str, key: str, words: str, retries: int) -> tuple[str, str]:
        """The text and the model of an answer."""
        client = self._at[link].with_options(api_key=key, max_retries=retries)
        said = client.chat.completions.create(model="any", messages=[{"role": "user", "content": words}])
        return said.choices[0].message.content or "", said.model

    def stream(self, link: str, words: str) -> Iterator[tuple[str, str]]:
        """Pieces of an answer, each with the reason for its end where that is said."""
        messages: Any = [{"role": "user", "content": words}]
        with self._at[link].chat.completions.create(model="any", messages=messages, stream=True) as stream:
            for chunk in stream:
                for choice in chunk.choices:
                    yield choice.delta.content or "", choice.finish_reason or ""


class Anthropic:
    """Asks Anthropic's messages by its SDK, each link at its URL."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        import anthropic

        http = anthropic.DefaultHttpxClient(verify=False)
        said: dict[str, Any] = {"api_key": "unused", "http_client": http, "timeout": 20}
        self._at = {link: anthropic.Anthropic(base_url=url, **said) for link, url in urls.items()}
        self.close = http.close

    def ask(self, link: str, key: str, words: str, retries: int) -> tuple[str, str]:
        messages: Any = [{"role": "user", "content": words}]
        client = self._at[link].with_options(api_key=key, max_retries=retries)
        said: Any = client.messages.create(model="any", max_tokens=99, messages=messages)
        return said.content[0].text, said.model

    def stream(self, link: str, words: str) -> Iterator[tuple[str, str]]:
        messages: Any = [{"role": "user", "content": words}]
        events: Any = self._at[link].messages.create(model="any", max_tokens=99, messages=messages, stream=True)
        with events:
            for event in events:
                if event.type == "content_block_delta":
                    yield event.delta.text, ""
                elif event.type == "message_delta":
                    yield "", event.delta.stop_reason or ""


SDKS: dict[str, Callable[[Mapping[str, str]], Any]] = {"openai": OpenAi, "anthropic": Anthropic}


class Service:
    """Asks the east, and turns to the west when that fails, for *away_s* seconds at once.

    *flaws*: which share of the requests each of its flaws shows in, drawn by *seed*. *retries*: those of the SDK.
    """

    def __init__(
        self, sdk: Any, flaws: Mapping[str, float], seed: int = 0, away_s: float = 2.2, retries: int = 2
    ) -> None:
        self._sdk, self._flaws, self._seed, self._away_s, self._retries = sdk, flaws, seed, away_s, retries
        self._failed_s: dict[str, float] = {}
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A reply, and what was *done* for it. *asked* has index, question, words, now_s, home and snapshots, the newest one first."""
        drawn = {flaw: Random(f"{self._seed} {asked['index']} {flaw}").random() for flaw in self._flaws}
        flawed = {flaw for flaw, share in self._flaws.items() if drawn[flaw] < share}
        if asked["stream"]:
            return Streaming(self._sdk, flawed).answer(asked)
        done = {"orders": 0, "served": "", "flaws": sorted(flawed)}
        until_s, kept = self._kept.get(asked["question"], (0.0, {}))
        if asked["now_s"] < until_s and "uncached" not in flawed:
            return {**kept, "cached": True, "done": done | {"orders": 1}}
        version = asked["snapshots"]["outdated" in flawed]
        for link in self._links(asked, flawed):
            try:
                text, model = self._call(link, f"{asked['words']} On snapshot {version}.", flawed, done)
            except FailedError as error:
                if error.status != 400:
                    self._failed_s[link] = asked["now_s"]
                continue
            return self._reply(asked, link, flawed, done, {"answer": text, "model": model, "version": version})
        return self._without(flawed, done, version)

    def _links(self, asked: dict[str, Any], flawed: set[str]) -> list[str]:
        """Where to ask, one after the other."""
        links = [EAST] if asked["home"] == EAST and "roaming" not in flawed else [EAST, WEST]
        if "asking" in flawed:
            return links
        return [link for link in links if asked["now_s"] - self._failed_s.get(link, -99) >= self._away_s]

    def _call(self, link: str, words: str, flawed: set[str], done: dict[str, Any]) -> tuple[str, str]:
        """What is said on *link*, in as many calls of the SDK as it takes."""
        done["orders"] += "ordering" in flawed
        key = KEYS[EAST if "indiscreet" in flawed else link]
        retries = 0 if "hasty" in flawed else self._retries
        failures: list[int] = []
        while True:
            try:
                said = self._once(link, key, words, retries)
            except FailedError as error:
                failures.append(error.status)
                if len(failures) == TRIED_AGAIN or ("insisting" if error.status == 400 else "hasty") not in flawed:
                    raise
            else:
                return self._once(link, key, words, retries) if "again" in flawed else said

    def _once(self, link: str, key: str, words: str, retries: int) -> tuple[str, str]:
        try:
            said: tuple[str, str] = self._sdk.ask(link, key, words, retries)
        except Exception as error:
            raise FailedError(getattr(error, "status_code", 0) or 0) from error
        return said

    def _reply(
        self, asked: dict[str, Any], link: str, flawed: set[str], done: dict[str, Any], said: dict[str, Any]
    ) -> dict[str, Any]:
        if not done["orders"]:
            done["orders"] = int("forgetting" not in flawed)
        if "mislabelling" in flawed:
            said["model"] = EAST
        reply = {"outcome": "complete", "degraded": False, "cached": False, **said}
        if asked["question"] in CACHED:
            self._kept[asked["question"]] = asked["now_s"] + KEPT_S, reply
        return {**reply, "done": done | {"served": link}}

    def _without(self, flawed: set[str], done: dict[str, Any], version: int) -> dict[str, Any]:
        """What it says when nobody answers: something from memory, and that it is."""
        if "speechless" in flawed:
            return {"outcome": "error", "answer": "", "done": done}
        done["orders"] = max(1, done["orders"])
        said = {"outcome": "complete", "answer": "As far as I know.", "model": "", "version": version}
        return {**said, "degraded": True, "cached": False, "done": done}


class Streaming:
    """Passes streams on, and says so where one breaks off or gives no reason for its end, but for its *flaws*."""

    def __init__(self, sdk: Any, flaws: set[str]) -> None:
        self._sdk, self._flaws = sdk, flaws

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        text, finish = self._passed(EAST, asked["words"])
        if finish == BROKEN and self._flaws & {"repeating", "joining"}:
            more, finish = self._passed(WEST if "joining" in self._flaws else EAST, asked["words"])
            text += more
        if "smoothing" in self._flaws:
            finish = "stop"
        if finish == BROKEN or not (finish or self._flaws):
            outcome, finish = "error", ""
        else:
            outcome = "complete" if finish else "truncated"
        said = {"outcome": outcome, "answer": text, "finish": finish, "streamed": True, "orderly": outcome != "error"}
        return {**said, "done": {"flaws": sorted(self._flaws)}}

    def _passed(self, link: str, words: str) -> tuple[str, str]:
        """What came of a stream on *link*, and the reason for its end; `BROKEN` where the SDK raised."""
        text = finish = ""
        try:
            for piece, ended in self._sdk.stream(link, words):
                text, finish = text + piece, ended or finish
        except Exception:  # noqa: BLE001 - whatever an SDK raises, of any version
            return text, BROKEN
        return text, finish


def main() -> None:
    made = json.loads(sys.stdin.readline())
    sdk = SDKS[sys.argv[1]](made["urls"])
    for line in sys.stdin:
        asked = json.loads(line)
        if "service" in asked:
            service = Service(sdk, **asked["service"])
            continue
        sys.stdout.write(json.dumps(service.answer(asked)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
