"""Chromium, driven by its own protocol (CDP) over the WebSocket that it opens: real keys, real clicks, and what it complains of."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

INSTALL = "Chromium is missing; install it with: sudo apt-get install --yes chromium"
HANGS_S = 120
"""After so long nothing comes any more, however busy a machine is."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions")


def chromium() -> str:
    """Where it is; where it is missing, a skip that says what installs it, and in CI a failure."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(INSTALL)
    return browser


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


@dataclass
class Browser:
    """A browser; each of its windows is a person's own, with cookies and storage of its own."""

    socket: aiohttp.ClientWebSocketResponse
    _numbers: Any = field(default_factory=lambda: count(1))
    _asked: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _windows: dict[str, Window] = field(default_factory=dict)

    async def read(self) -> None:
        async for message in self.socket:
            said = message.json()
            if "id" in said:
                asked = self._asked.pop(said["id"])
                if not asked.done():
                    asked.set_result(said)
            elif window := self._windows.get(said.get("sessionId", "")):
                window.hear(said["method"], said["params"])

    async def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json(
            {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        )
        async with asyncio.timeout(HANGS_S):
            answer = await self._asked[number]
        assert "error" not in answer, f"{method}: {answer}"
        result: dict[str, Any] = answer["result"]
        return result

    async def window(self, *, width: int = 1200, height: int = 900, dark: bool = False) -> Window:
        """A window of somebody who was never here."""
        own = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        target = await self.ask("Target.createTarget", url="about:blank", browserContextId=own)
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        window = self._windows[attached["sessionId"]] = Window(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await window.ask(f"{domain}.enable")
        await window.looks(width=width, height=height, dark=dark)
        return window


@dataclass
class Window:
    """One window, and what the browser *complaints* of in it; a refused request is none."""

    browser: Browser
    session: str
    complaints: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Requests that it made, as CDP has them."""

    def hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.consoleAPICalled":
            self.complaints += [str(one.get("value")) for one in params["args"]]
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["source"] != "network":
            self.complaints.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"])

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return await self.browser.ask(method, self.session, **params)

    async def looks(self, *, width: int, height: int, dark: bool = False) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.ask("Emulation.setEmulatedMedia", features=scheme)

    async def open(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)

    async def tell(self, script: str) -> Any:
        """What *script*, an expression, comes to; a promise is waited for."""
        told = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, f"{script}: {told['exceptionDetails']}"
        return told["result"].get("value")

    async def until(self, script: str) -> None:
        """Waits until *script* is true, which the page itself looks at again and again; another may be loaded meanwhile."""
        look = f"""new Promise((so) => {{
            const right = () => {{ try {{ return {script}; }} catch {{ return false; }} }};
            const look = () => right() ? so(true) : setTimeout(look, 5);
            look();
        }})"""
        async with asyncio.timeout(HANGS_S):
            while True:
                with suppress(AssertionError):
                    return await self.tell(look)

    async def click(self, selector: str) -> None:
        """With the mouse, where it is."""
        where = f"""(() => {{ const one = document.querySelector({selector!r}); one.scrollIntoView({{ block: "center" }});
            const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"""
        x, y = await self.tell(where)
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def key(self, name: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )  # fmt: skip

    async def write(self, text: str) -> None:
        await self.ask("Input.insertText", text=text)

    async def picture(self, file: Path, *, whole: bool = True) -> None:
        """A screenshot, for people to look at."""
        taken = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(b64decode(taken["data"]))


@contextmanager
def driven(home: Path) -> Iterator[tuple[asyncio.Runner, Browser]]:
    """A browser for tests that are no coroutines, and what runs those that drive it."""
    with asyncio.Runner() as runner:
        opened = browsing(home)
        yield runner, runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def browsing(home: Path) -> AsyncIterator[Browser]:
    """A browser of its own whose profile is in *home*, ended with the block."""
    command = [chromium(), *FLAGS, f"--user-data-dir={home / 'profile'}", "--remote-debugging-port=0", "about:blank"]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, env=environment(home))
    try:
        assert process.stderr is not None
        async with asyncio.timeout(HANGS_S):
            while not (
                found := re.search(rb"DevTools listening on (ws://\S+)", line := await process.stderr.readline())
            ):
                assert line, "Chromium ended before it could be driven"
        rest = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session, session.ws_connect(found[1].decode(), max_msg_size=0) as socket:
            browser = Browser(socket)
            reading = asyncio.create_task(browser.read())
            yield browser
            await browser.ask("Browser.close")
            await reading
        await rest
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
