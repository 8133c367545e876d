"""A real headless Chromium, driven over the DevTools protocol on loopback.

async with browser() as page:
    await page.open("file:///tmp/take.html")
    assert await page.evaluate("1 + 1") == 2
    assert page.errors == [] and page.requests == []
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

LIMIT = 20.0  # seconds for one command; a browser that starts on a busy machine takes several
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --no-default-browser-check --mute-audio"
    " --disable-background-networking --disable-component-update --disable-sync --disable-extensions"
    " --autoplay-policy=no-user-gesture-required --force-color-profile=srgb --remote-debugging-port=0"
).split()
OWN_SCHEMES = ("file:", "data:", "blob:", "about:")  # what stays on this machine
MAX_MESSAGE = 1 << 26  # bytes; a screenshot has about one million


class Page:
    """One tab; it keeps what went wrong in it and what it fetched."""

    def __init__(self, socket: ClientConnection) -> None:
        """Speak on `socket`; `attach` comes first."""
        self.errors: list[str] = []
        """Uncaught exceptions, console errors and refusals, in the order they came."""
        self.requests: list[str] = []
        """Addresses of everything that was fetched from beyond the page itself."""
        self._socket = socket
        self._session: str | None = None
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()

    async def attach(self) -> None:
        """Open the tab and listen to it."""
        target = await self.send("Target.createTarget", url="about:blank")
        self._session = (await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True))[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")

    async def open(self, url: str) -> None:
        """Go to `url` and wait for its load event."""
        self._loaded.clear()
        reply = await self.send("Page.navigate", url=url)
        assert "errorText" not in reply, reply
        async with asyncio.timeout(LIMIT):
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; a promise is awaited."""
        reply = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in reply:
            raise AssertionError(_described(reply["exceptionDetails"]))
        return reply["result"].get("value")

    async def press(self, key: str, code: str = "", text: str = "") -> None:
        """Press and release a key, such as "ArrowRight"; `text` is what it types."""
        shared = {"key": key, "code": code or key}
        await self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **shared)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    async def click(self, selector: str) -> None:
        """Click the middle of the first element that `selector` finds."""
        box = await self.evaluate(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
            f" return [b.x + b.width / 2, b.y + b.height / 2]; }})(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", buttons=1, clickCount=1
            )

    async def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Give the page a size in CSS pixels, and a light or dark system."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self) -> bytes:
        """Return what is seen as PNG."""
        reply = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(reply["data"])

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        answer = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps(message))
        async with asyncio.timeout(LIMIT):
            reply = await answer
        assert "error" not in reply, f"{method}: {reply['error']}"
        return dict(reply["result"])

    async def listen(self) -> None:
        """Take in what the browser says, until the connection ends."""
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                reply = self._replies.pop(message["id"], None)
                if reply is not None and not reply.done():
                    reply.set_result(message)
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Runtime.exceptionThrown":
            self.errors.append(_described(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "assert", "warning"):
            self.errors.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.errors.append(event["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not event["request"]["url"].startswith(OWN_SCHEMES):
            self.requests.append(event["request"]["url"])


def _described(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details["text"])


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Start Chromium with a fresh profile and yield a tab; skip the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="neurosync-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TMPDIR": profile},  # what it leaves behind when it is killed goes with its profile
            start_new_session=True,  # a group of its own, so that its helpers end with it
        )
        try:
            address = await _devtools_address(process)
            async with connect(address, max_size=MAX_MESSAGE, proxy=None) as socket:
                page = Page(socket)
                listener = asyncio.create_task(page.listen(), name="listen to the browser")
                drain = asyncio.create_task(_drain(process), name="drain the browser's log")
                try:
                    await page.attach()
                    yield page
                finally:
                    listener.cancel()
                    drain.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _devtools_address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(LIMIT):
        async for line in process.stderr:
            if found := re.search(rb"DevTools listening on (ws://\S+)", line):
                return found[1].decode()
    raise AssertionError(f"Chromium ended with {process.returncode} before it listened")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(1 << 16):
        pass
