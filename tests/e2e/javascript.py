"""The JavaScript client in a Node process, for tests."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local_cloud.client import WAIT_SECONDS
from tests.documented_frames import find_problems, find_request_problems

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "clients" / "javascript"
SCRIPT = Path(__file__).with_name("javascript_client.mjs")


def check_built() -> None:
    """Raises RuntimeError where the client was not built."""
    if shutil.which("node") is None or not (PACKAGE / "dist" / "index.js").exists():
        raise RuntimeError("the JavaScript client is not built: run `make clients/javascript/dist/index.js`")


class JavascriptClient:
    """One client; `told` is what it has told so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, url: str) -> Self:
        """Start a client for the service at a URL; it opens nothing yet."""
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec("node", SCRIPT, url, stdin=pipe, stdout=pipe))

    async def do(self, command: str, **fields: Any) -> Any:
        """Perform a command and return its result. Raises AssertionError if it fails."""
        done = await self.answer(self.begin(command, **fields))
        assert "error" not in done, done
        return done["result"]

    def begin(self, command: str, **fields: Any) -> int:
        """Begin a command; returns its number for `answer`."""
        number = next(self._ids)
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": command, "id": number, **fields}).encode() + b"\n")
        return number

    async def answer(self, number: int) -> dict[str, Any]:
        """Wait for the answer to a command."""
        return await self.tells(lambda one: one["on"] == "done" and one["id"] == number, within=40)

    async def tells(
        self, wanted: Callable[[dict[str, Any]], bool], *, after: int = 0, within: float = WAIT_SECONDS
    ) -> dict[str, Any]:
        """Wait for something that the client tells. Raises AssertionError when it does not."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            self._news.clear()
            for one in self.told[after:]:
                if wanted(one):
                    return one
            left = deadline - asyncio.get_running_loop().time()
            assert left > 0, f"not told in {within} s: {self.told[after:]}"
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    async def state(self, state: str, after: int = 0) -> dict[str, Any]:
        """Wait until the client is in a state."""
        return await self.tells(
            lambda one: one["on"] == "state" and one["data"]["state"] == state, after=after
        )

    async def event(self, event_id: str) -> dict[str, Any]:
        """Wait for an event."""
        told = await self.tells(lambda one: one["on"] == "event" and one["data"]["eventId"] == event_id)
        return dict(told["data"])

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far."""
        return [one["data"] for one in self.told if one["on"] == "event"]

    def undocumented(self) -> list[str]:
        """Return what of the frames so far, in both directions, is not as documented."""
        frames = [one for one in self.told if one["on"] == "frame"]
        assert frames, "a client that connects sends frames"
        return [
            problem
            for one in frames
            for problem in (
                find_problems(one["frame"])
                if one["direction"] == "received"
                else find_request_problems(one["frame"])
            )
        ]

    async def stop(self) -> None:
        """End the process."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self.told.append(json.loads(line))
            self._news.set()
