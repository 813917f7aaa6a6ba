"""A chaos run: clients, publishers and senders work while everything fails; then a look at what arrived."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.chaos.client import Client, text_of
from tests.chaos.publishers import WAYS, Publishers
from tests.chaos.report import Report
from tests.chaos.session import Unanswered
from tests.chaos.subscription import Refused, Subscription
from tests.chaos.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.chaos.publishers import Accepted
    from tests.e2e.service import Service

ARRIVES_WITHIN_SECONDS = 90
"""The promise: this long after the last fault everything that was accepted has arrived."""
LATE_SECONDS = 90
"""How long a broken promise is waited for, to tell a late event from a lost one."""
READY_WITHIN_SECONDS = 150
SUBSCRIBERS = 14
"""More than are posted to without the queue, which are 10 in the local environment."""
SUBSCRIBERS_OF_SMALL_TOPIC = 4
SENDERS = 3
RECIPIENTS = 3
"""Of each notification."""
LOOK_EVERY_SECONDS = 0.25


class Sent(NamedTuple):
    """A message that `messageSent` confirmed, or a notification that was accepted; `text` is in it alone."""

    text: str
    recipient_id: str
    what: str


class ChaosRun:
    """One run against an applied service, from one seed.

    The seed decides the load and the trouble; how they interleave is up to the machine.
    """

    def __init__(self, service: Service, seed: int) -> None:
        self._service, self._dice = service, random.Random(seed)
        self._counts: Counter[str] = Counter()
        self.report = Report(seed, self._counts)
        self._sent: list[Sent] = []
        self._publishers = Publishers(service, self._new_dice(), self._counts)
        self._trouble = Trouble(service, self._new_dice(), self._counts)
        name = f"chaos{seed}"
        self._large, self._small = f"{name}.large", f"{name}.small"
        self._subscribers = [self._new_subscriber(f"{name}-{n}", n) for n in range(SUBSCRIBERS)]
        self._senders = [self._new_client(f"{name}-sender-{n}", []) for n in range(SENDERS)]

    async def run(self, seconds: float) -> Report:
        """Run for so many seconds of trouble, and until all has arrived, at most as long as promised."""
        async with self._connected():
            await self._publish_first()
            ended = await self._work_under_trouble(seconds)
            await self._wait_for_the_rest(ended)
            self._judge_pushes(ended)
            await self._judge_inboxes()
            await self._tell_late_from_lost()
        self._publishers.close()
        return self.report

    def _new_dice(self) -> random.Random:
        return random.Random(self._dice.getrandbits(64))

    def _new_client(self, user_id: str, subscriptions: list[Subscription]) -> Client:
        return Client(self._service, user_id, subscriptions, self._new_dice(), self._counts)

    def _new_subscriber(self, user_id: str, number: int) -> Client:
        """Each subscriber has a filter of its own, which every event of the run matches."""
        topics = [self._large, *([self._small] if number < SUBSCRIBERS_OF_SMALL_TOPIC else [])]
        return self._new_client(user_id, [Subscription(topic, {"minPrice": number}) for topic in topics])

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        """Connect all clients and wait until they are ready; they stay connected until the end."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = []
            async with asyncio.timeout(READY_WITHIN_SECONDS):
                # One after the other: all at once would start a process of each function for each client.
                for client in [*self._subscribers, *self._senders]:
                    tasks.append(group.create_task(client.run()))
                    await client.is_ready.wait()
            self.report.note("until all clients were ready", time.monotonic() - started)
            yield
            for task in tasks:
                task.cancel()

    async def _publish_first(self) -> None:
        """Publish to all in peace, so that each function that is killed first has a process by then."""
        await self._publish(self._large, "invoke")
        await self._wait_for_the_rest(time.monotonic())

    async def _work_under_trouble(self, seconds: float) -> float:
        """Publish and send while there is trouble; return the monotonic time of its end.

        What is not accepted by then is tried again for as long as the promise lasts.
        """
        deadline = time.monotonic() + seconds
        kinds = [partial(self._publish, topic, way) for topic in (self._large, self._small) for way in WAYS]
        kinds += [self._notify, *(partial(self._send, sender) for sender in self._senders)]
        work = {asyncio.create_task(self._repeat(kind, deadline)) for kind in kinds}
        try:
            ended = await self._trouble.make(seconds)
            done, late = await asyncio.wait(work, timeout=ARRIVES_WITHIN_SECONDS)
        finally:
            for task in work:
                task.cancel()
        for task in done:
            task.result()
        self.report.failures += [f"not accepted within {ARRIVES_WITHIN_SECONDS} s" for _ in late]
        return ended

    async def _repeat(self, work: Callable[[], Awaitable[None]], deadline: float) -> None:
        while time.monotonic() < deadline:
            await work()
            await asyncio.sleep(self._dice.uniform(0.2, 0.8))

    async def _publish(self, topic: str, way: str) -> None:
        await self._publishers.publish(topic, way)
        self._counts[f"events accepted by {way}"] += 1

    async def _notify(self) -> None:
        recipients = self._dice.sample([client.user_id for client in self._subscribers], RECIPIENTS)
        text = await self._publishers.notify(recipients)
        self._sent += [Sent(text, recipient, "notification") for recipient in recipients]
        self._counts["notifications accepted"] += RECIPIENTS

    async def _send(self, sender: Client) -> None:
        recipient, text = self._dice.choice(self._subscribers).user_id, f"m-{uuid.uuid4()}"
        await sender.send(recipient, text)
        self._sent.append(Sent(text, recipient, "message"))
        self._counts["messages confirmed"] += 1

    async def _wait_for_the_rest(self, ended: float) -> None:
        """Return when all has arrived, or the time of the promise is over."""
        while time.monotonic() < ended + ARRIVES_WITHIN_SECONDS:
            missing = next(self._missing_events(), None) or next(self._missing_messages(), None)
            if missing is None:
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _missing_events(self) -> Iterator[str]:
        for client in self._subscribers:
            for event in self._publishers.accepted:
                subscription = client.subscriptions.get(event.topic)
                if subscription is not None and event.event_id not in subscription.handled:
                    yield f"event {event.event_id}, accepted by {event.way}, did not reach {client.user_id}"

    def _missing_messages(self) -> Iterator[str]:
        clients = {client.user_id: client for client in self._subscribers}
        for sent in self._sent:
            client = clients[sent.recipient_id]
            if sent.text not in client.pushed and sent.text not in client.read:
                yield f"{sent.what} {sent.text} was neither pushed to {client.user_id} nor read at a connect"

    def _judge_pushes(self, ended: float) -> None:
        """Note what did not arrive, gaps in the history, and delays."""
        self.report.failures += [*self._missing_events(), *self._missing_messages()]
        self.report.missing += [
            event.event_id
            for event in self._publishers.accepted
            if any(event.event_id in failure for failure in self.report.failures)
        ]
        for client in self._subscribers:
            for subscription in client.subscriptions.values():
                self.report.failures += [
                    f"{client.user_id} was told of a gap: {gap}" for gap in subscription.gaps
                ]
                self._counts["events repeated"] += subscription.repeats
                self._counts["events by replay"] += subscription.replayed
                for event in self._publishers.accepted:
                    if event.topic == subscription.topic and event.event_id in subscription.handled:
                        self._note_delay(event, subscription.handled[event.event_id], ended)

        clients = {client.user_id: client for client in self._subscribers}
        for sent in self._sent:
            how = "pushed" if sent.text in clients[sent.recipient_id].pushed else "read at a connect alone"
            self._counts[f"{sent.what}s {how}"] += 1

    def _note_delay(self, event: Accepted, arrived: float, ended: float) -> None:
        name = f"until an event accepted by {event.way} reached the last subscriber"
        self.report.note(name, arrived - event.at)
        self.report.note("from the last fault until the last event", arrived - ended)

    async def _tell_late_from_lost(self) -> None:
        """Wait once more for the events that broke the promise, and count those that come after all."""
        broken = set(self._missing_events())
        deadline = time.monotonic() + LATE_SECONDS
        while broken and (lost := set(self._missing_events())):
            if time.monotonic() > deadline:
                self._counts["of the broken promises, events that did not come later either"] = len(lost)
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _judge_inboxes(self) -> None:
        """Compare each inbox with what was sent: everything once."""
        for client in self._subscribers:
            stored = Counter([text_of(entry) for entry in await self._read_inbox(client)])
            for sent in self._sent:
                if sent.recipient_id == client.user_id and (times := stored[sent.text]) != 1:
                    what = f"{sent.what} {sent.text}"
                    self.report.failures.append(f"{what} is {times} times in the inbox of {client.user_id}")

    async def _read_inbox(self, client: Client) -> list[dict[str, Any]]:
        async with asyncio.timeout(READY_WITHIN_SECONDS):
            while True:
                await client.is_ready.wait()
                try:
                    return await client.read_inbox()
                except (Unanswered, Refused):
                    await asyncio.sleep(1)
