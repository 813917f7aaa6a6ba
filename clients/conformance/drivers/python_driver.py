"""The driver of the Python client: see the README for its protocol."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "clients" / "python")]

from clients.conformance.drivers.manual_clock import ManualClock  # noqa: E402
from deals_client import (  # noqa: E402
    DealsClient,
    DealsError,
    Event,
    MemoryStorage,
    NotAuthorized,
    Options,
    Subscription,
    SubscriptionChange,
)
from deals_client.frames import Frame  # noqa: E402

OPTIONS = {
    "openTimeout": "open_timeout",
    "attemptTimeout": "attempt_timeout",
    "requestTimeout": "request_timeout",
    "pingAfter": "ping_after",
    "pingTimeout": "ping_timeout",
    "keepAliveAfter": "keep_alive_after",
    "backoffBase": "backoff_base",
    "backoffCap": "backoff_cap",
    "backoffStable": "backoff_stable",
    "maxAge": "max_age",
    "queueRequests": "queue_requests",
    "queueBytes": "queue_bytes",
    "buffer": "buffer",
    "seen": "seen",
    "maxReplay": "max_replay",
}


def write(notice: Mapping[str, Any]) -> None:
    """Write a notice."""
    sys.stdout.write(json.dumps(notice) + "\n")
    sys.stdout.flush()


def write_value(name: str, value: Any) -> None:
    """Write a notice with a value's fields."""
    write({"on": name, "data": to_wire(value)})


class Driver:
    """The client of one scenario, and the commands on it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.client: DealsClient
        self.subscriptions: dict[str, Subscription] = {}
        self.storages: dict[str, MemoryStorage] = {}
        self.tokens: dict[int, asyncio.Future[str]] = {}
        self.random = 0.5

    async def get_token(self, reason: str) -> str:
        """Ask the runner for a token."""
        number = len(self.tokens) + 1
        self.tokens[number] = asyncio.get_running_loop().create_future()
        write({"on": "token", "number": number, "reason": reason})
        return await self.tokens[number]

    def take_token(self, command: Frame) -> None:
        """Take the runner's answer."""
        token = self.tokens[command["number"]]
        if token.done():
            return
        match command.get("error"):
            case None:
                token.set_result(command["token"])
            case "notAuthorized":
                token.set_exception(NotAuthorized("signed out"))
            case _:
                token.set_exception(OSError("the issuer cannot be reached"))

    async def do_create(self, command: Frame) -> None:
        """Make the client."""
        self.random = command.get("random", 0.5)
        options = {OPTIONS[name]: value for name, value in command.get("options", {}).items()}
        storage = command.get("storage")
        self.client = DealsClient(
            command["url"],
            self.get_token,
            storage=None if storage is None else self.storages.setdefault(storage, MemoryStorage()),
            options=Options(**options),
            clock=self.clock,
            random=lambda: self.random,
        )
        self.client.on("state", lambda one: write({"on": "state", **to_wire(one)}))
        self.client.on(
            "warning", lambda one: write({"on": "warning", "code": one.code, "message": one.message})
        )
        for name in command.get("listen", []):
            self.client.on(name, functools.partial(write_value, name))

    async def do_random(self, command: Frame) -> None:
        """Change what draws return."""
        self.random = command["value"]

    async def do_connect(self, _: Frame) -> None:
        """Connect."""
        await self.client.connect()

    async def do_disconnect(self, _: Frame) -> None:
        """Disconnect."""
        await self.client.disconnect()

    async def do_close(self, _: Frame) -> None:
        """Close."""
        await self.client.close()

    async def do_subscribe(self, command: Frame) -> None:
        """Subscribe."""
        name, throws = command["name"], command.get("throw", 0)

        def on_event(event: Event) -> None:
            nonlocal throws
            write({"on": "event", "name": name, "event": to_wire(event)})
            if throws:
                throws -= 1
                raise RuntimeError("a handler that throws")

        def on_state(change: SubscriptionChange) -> Awaitable[None] | None:
            write({"on": "subscription", "name": name, **to_wire(change)})
            return self.client.disconnect() if change.state == command.get("disconnectAt") else None

        self.subscriptions[name] = self.client.subscribe(
            command.get("topic", "all-deals"),
            filters=command.get("filters"),
            since=command.get("since"),
            recent=command.get("recent"),
            order=command.get("order"),
            on_event=None if command.get("mode") == "iterate" else on_event,
            on_gap=lambda gap: write(
                {"on": "gap", "name": name, "from": gap.since, "to": gap.until, "reason": gap.reason}
            ),
            on_state=on_state,
        )

    async def do_ready(self, command: Frame) -> Any:
        """Wait until a subscription is live."""
        return to_wire(await self.subscriptions[command["name"]].ready())

    async def do_take(self, command: Frame) -> None:
        """Take events from an iterator."""
        iterator = aiter(self.subscriptions[command["name"]])
        for _ in range(command["count"]):
            event = await anext(iterator)
            write({"on": "event", "name": command["name"], "event": to_wire(event)})

    async def do_update(self, command: Frame) -> None:
        """Change filters."""
        await self.subscriptions[command["name"]].update(command["filters"])

    async def do_unsubscribe(self, command: Frame) -> None:
        """End a subscription."""
        await self.subscriptions[command["name"]].unsubscribe()

    async def do_sendMessage(self, command: Frame) -> Any:  # noqa: N802 - the command's name
        """Send a message."""
        sent = await self.client.send_message(
            command["recipientId"],
            command["content"],
            type=command.get("type", "text"),
            request_id=command.get("requestId"),
            timeout=command.get("timeout"),
        )
        return to_wire(sent)

    async def do_inbox(self, command: Frame) -> Any:
        """Read the inbox."""
        return [to_wire(entry) async for entry in self.client.inbox(status=command.get("status"))]

    async def do_ack(self, command: Frame) -> Any:
        """Acknowledge an entry."""
        return to_wire(await self.client.ack(command["messageId"], command.get("type", "read")))

    async def do_presence(self, command: Frame) -> Any:
        """Ask who is there."""
        return await self.client.presence(command["users"])

    async def do_status(self, _: Frame) -> Any:
        """Ask for the status."""
        status = await self.client.status()
        return {"userId": status.user_id, "connectionId": status.connection_id, "unread": status.unread}

    async def do_advance(self, command: Frame) -> None:
        """Move the clock."""
        await self.clock.advance(command["seconds"])

    async def do_sleep(self, command: Frame) -> None:
        """Let the machine sleep."""
        await self.clock.sleep(command["seconds"])

    async def do_stats(self, _: Frame) -> Any:
        """Count what the client holds."""
        core = self.client._core
        feeds = [feed for channel in core.channels for feed in channel.feeds]
        return {
            "timers": self.clock.timers,
            "tasks": len(core.emitter.tasks),
            "seen": sum(len(feed.progress.seen) for feed in feeds),
            "buffered": sum(len(feed.delivery) + feed.progress.held for feed in feeds),
            "queued": len(core.requests),
        }


def to_wire(value: Any) -> dict[str, Any]:
    """Return a value's fields under the names of the protocol."""
    return {_camel(name): part for name, part in dataclasses.asdict(value).items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


async def answer(number: int, work: Coroutine[Any, Any, Any]) -> None:
    """Perform a command and write its answer."""
    try:
        result = await work
    except DealsError as error:
        problem = {
            "name": type(error).__name__,
            "code": error.code,
            "requestId": error.request_id,
            "retryable": error.retryable,
            "message": str(error),
        }
        write({"on": "done", "id": number, "error": problem})
    else:
        write({"on": "done", "id": number, "result": result})


async def main() -> None:
    """Read commands until the input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=4 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    driver, tasks = Driver(), set()
    can = ["status", "iterate", "storage", "order"]
    write({"on": "hello", "protocol": 1, "client": "deals-client (Python)", "can": can})
    async for line in reader:
        command = json.loads(line)
        if command["do"] == "token":
            driver.take_token(command)
            continue
        perform: Callable[[Frame], Coroutine[Any, Any, Any]] = getattr(driver, f"do_{command['do']}")
        task = asyncio.create_task(answer(command["id"], perform(command)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
