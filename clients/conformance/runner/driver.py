"""A client's driver: a process that reads commands and writes notices, one JSON object per line."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeAlias

Notice: TypeAlias = dict[str, Any]

WAIT_SECONDS = 20.0
"""How long a notice may take on a busy machine. The client's own clock stands still meanwhile."""
LINE_BYTES_MAX = 4 * 1024 * 1024


class Unfulfilled(AssertionError):
    """The client did not do what the scenario expects."""


class DriverError(Exception):
    """A command was answered with an error: that of the client."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(error))
        self.error = error


class Driver:
    """The driver's process. `on_token` answers the notices that ask for a token."""

    def __init__(self, process: asyncio.subprocess.Process, on_token: Callable[[Notice], Notice]) -> None:
        self._process, self._on_token = process, on_token
        self.notices: list[Notice] = []
        self._news = asyncio.Event()
        self._expected: Counter[tuple[str, str]] = Counter()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._ids = 0
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: str, on_token: Callable[[Notice], Notice]) -> Self:
        """Start a driver by its command line."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command), stdin=pipe, stdout=pipe, limit=LINE_BYTES_MAX
        )
        return cls(process, on_token)

    async def stop(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()

    def send(self, command: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Send a command; the future has its result, or DriverError."""
        self._ids += 1
        answer = self._answers[self._ids] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda one: one.cancelled() or one.exception())
        self._write({**command, "id": self._ids})
        return answer

    async def perform(self, command: Mapping[str, Any]) -> Any:
        """Send a command and return its result. Raises DriverError, Unfulfilled."""
        try:
            return await asyncio.wait_for(self.send(command), WAIT_SECONDS)
        except TimeoutError:
            raise Unfulfilled(f"no answer to {json.dumps(command)}") from None

    async def expect(self, wanted: Mapping[str, Any]) -> Notice:
        """Wait for the next notice with these fields, after the last of its kind. Raises Unfulfilled."""
        kind = (str(wanted["on"]), str(wanted.get("name", "")))
        await self.wait_until(lambda: self._find(wanted, self._expected[kind]) is not None)
        found = self._find(wanted, self._expected[kind])
        if found is None:
            recent = [one for one in self.notices if one["on"] == wanted["on"]][-5:]
            raise Unfulfilled(f"{json.dumps(wanted)} did not come; the last are {json.dumps(recent)}")
        self._expected[kind] = found + 1
        return self.notices[found]

    def has(self, wanted: Mapping[str, Any], *, is_new: bool = False) -> bool:
        """Whether there is such a notice; with `is_new` only after the last that was expected."""
        kind = (str(wanted["on"]), str(wanted.get("name", "")))
        return self._find(wanted, self._expected[kind] if is_new else 0) is not None

    def events(self, name: str) -> list[Notice]:
        """Return the events that a subscription has handed out."""
        return [one["event"] for one in self.notices if one["on"] == "event" and one["name"] == name]

    async def wait_until(self, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Wait until something holds, or give up without a word: the caller compares."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds() and asyncio.get_running_loop().time() < deadline:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), 0.5)
            except TimeoutError:
                continue

    def _find(self, wanted: Mapping[str, Any], start: int) -> int | None:
        for index in range(start, len(self.notices)):
            if includes(self.notices[index], wanted):
                return index
        return None

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        async for line in self._process.stdout:
            notice = json.loads(line)
            if notice["on"] == "done":
                self._take_answer(notice)
            elif notice["on"] == "token":
                self.notices.append(notice)
                self._write({"do": "token", "number": notice["number"], **self._on_token(notice)})
            else:
                self.notices.append(notice)
            self._news.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Unfulfilled("the driver has ended"))

    def _take_answer(self, notice: Notice) -> None:
        answer = self._answers.pop(notice["id"])
        if answer.done():
            return
        if "error" in notice:
            answer.set_exception(DriverError(notice["error"]))
        else:
            answer.set_result(notice.get("result"))

    def _write(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps(command).encode() + b"\n")


def includes(value: Any, wanted: Any) -> bool:
    """Whether a value has the wanted fields, at every level."""
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(
            name in value and includes(value[name], part) for name, part in wanted.items()
        )
    if isinstance(wanted, float) and isinstance(value, int | float):
        return abs(value - wanted) < 1e-6
    return bool(value == wanted)
