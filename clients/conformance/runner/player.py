"""Plays a scenario against a driver: each step is a method named for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from clients.conformance.runner.checks import compare, compare_deliveries
from clients.conformance.runner.driver import WAIT_SECONDS, Driver, DriverError, Notice, Unfulfilled, includes
from clients.conformance.runner.faults import change_server
from clients.conformance.runner.scenario import Scenario, Step
from clients.conformance.runner.server import ScenarioServer
from clients.conformance.runner.service import Frame, Service, frame
from realtime_core.filters.filters import parse_filter

Fields: TypeAlias = Mapping[str, Any]

HANDSHAKE_SECONDS = 5.0
"""Of real time: how long a handshake on this machine may take, however busy that is."""


class LeftOut(Exception):
    """The client cannot do what a scenario needs."""


@dataclass
class Wanted:
    """A subscription of the scenario: what it should receive."""

    topic: str
    filters: Fields
    after: int
    """The position after which its events begin."""


@dataclass
class Player:
    """Plays one scenario."""

    scenario: Scenario
    driver: Driver
    server: ScenarioServer
    tokens: list[Fields]
    """How the next calls of `getToken` are answered, where not with a good token."""
    wanted: dict[str, Wanted] = field(default_factory=dict)
    calls: dict[str, asyncio.Future[Any]] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        """The service behind the server."""
        return self.server.service

    async def play(self) -> None:
        """Play all steps. Raises Unfulfilled at the one that fails."""
        await self.driver.expect({"on": "hello"})
        hello = self.driver.notices[0]
        if lacking := self.scenario.needs - set(hello["can"]):
            raise LeftOut(f"{hello['client']} has no {', '.join(sorted(lacking))}")
        await self.create({})
        await self.play_steps(self.scenario.steps)

    async def play_steps(self, steps: Sequence[Step]) -> None:
        """Play steps in their order."""
        for number, step in enumerate(steps, 1):
            [(name, fields)] = step.items()
            method = getattr(self, f"step_{name}", None)
            if method is None:
                raise ValueError(f"{self.scenario.name}: step {number}: {name}: unknown")
            try:
                await self.server.settle()
                await method(fields)
            except (Unfulfilled, DriverError) as error:
                raise Unfulfilled(f"step {number}, {name} {json.dumps(fields)}: {error}") from error

    async def create(self, fields: Fields) -> None:
        """Make the client."""
        await self.driver.perform({"do": "create", "url": self.server.url, **self.scenario.create, **fields})

    async def step_create(self, fields: Fields) -> None:
        """Make another client in the place of the one that was closed, as a page that is loaded again."""
        await self.create(fields)

    async def step_do(self, fields: Fields) -> None:
        """Perform a command."""
        self._note_subscription(fields)
        await self.driver.perform(fields)

    async def step_call(self, fields: Fields) -> None:
        """Begin a command."""
        self._note_subscription(fields)
        command = {name: value for name, value in fields.items() if name != "as"}
        self.calls[fields["as"]] = self.driver.send(command)

    async def step_result(self, fields: Fields) -> None:
        """Compare the result or the error of a command."""
        call = self.calls[fields["of"]]
        try:
            result = await asyncio.wait_for(asyncio.shield(call), WAIT_SECONDS)
        except TimeoutError:
            raise Unfulfilled("there is no answer") from None
        except DriverError as error:
            if "error" not in fields:
                raise
            compare(error.error, fields["error"])
            return
        if "error" in fields:
            raise Unfulfilled(f"succeeded: {json.dumps(result)}")
        if "is" in fields:
            compare(result, fields["is"])

    async def step_pending(self, name: str) -> None:
        """Prove that a command has no answer yet."""
        if self.calls[name].done():
            raise Unfulfilled("it has an answer")

    async def step_expect(self, fields: Fields) -> None:
        """Wait for a notice."""
        await self.driver.expect(fields)

    async def step_never(self, fields: Fields) -> None:
        """Prove that a notice has not come."""
        if self.driver.has(fields):
            raise Unfulfilled("it has come")

    async def step_hears(self, fields: Fields) -> None:
        """Wait for a request."""
        if await self.server.hears(fields) is None:
            last = [one for one in self.server.requests if one.get("action") == fields["action"]][-3:]
            raise Unfulfilled(f"no such request; the last are {json.dumps(last)}")

    async def step_heard(self, fields: Fields) -> None:
        """Compare how many such requests have come."""
        wanted = {name: value for name, value in fields.items() if name != "times"}
        times = sum(includes(request, wanted) for request in self.server.requests)
        compare(times, fields["times"])

    async def step_handshakes(self, wanted: Any) -> None:
        """Compare how many handshakes have come."""
        compare(self.server.handshakes, wanted)

    async def step_stored(self, wanted: int) -> None:
        """Compare how many messages were stored."""
        compare(len(self.service.sent), wanted)

    async def step_tokens(self, answers: Sequence[Fields]) -> None:
        """Answer the next calls of `getToken` so."""
        self.tokens[:] = list(answers)

    async def step_advance(self, fields: float | Fields) -> None:
        """Move the clock, at once or in steps until something has come."""
        if not isinstance(fields, Mapping):
            await self._advance(fields)
            return
        seconds, until = float(fields["seconds"]), fields.get("until")
        step = float(fields.get("step", 1 if until else seconds))
        passed, ends = 0.0, True
        while passed < seconds and not self._has_come(until):
            await self._advance(min(step, seconds - passed))
            passed += step
            ends = ends and await self._connected_or_not()
        if until is None:
            return

        # The clock stands: what waits for it comes no more, but what it has begun may still be under way.
        if "action" not in until:
            await self.driver.expect(until)
        elif await self.server.hears(until) is None:
            raise Unfulfilled("it has not come by then")

    def _has_come(self, until: Fields | None) -> bool:
        if until is None:
            return False
        if "action" in until:
            return self.server.has_heard(until)
        return self.driver.has(until, is_new=True)

    async def _advance(self, seconds: float) -> None:
        self.service.now += seconds
        await self.driver.perform({"do": "advance", "seconds": seconds})
        await self.server.settle()

    async def _connected_or_not(self) -> bool:
        """Wait for the end of an attempt to connect; returns whether it ended.

        Handshakes take real time, in which the client's clock would pass its time limits. Where a scenario
        lets one hang, only the clock ends it.
        """

        def is_under_way() -> bool:
            states = [notice for notice in self.driver.notices if notice["on"] == "state"]
            return bool(states) and states[-1]["state"] == "connecting"

        if self.server.opens != "normal":
            return False
        await self.driver.wait_until(lambda: not is_under_way(), HANDSHAKE_SECONDS)
        return not is_under_way()

    async def step_sleep(self, seconds: float) -> None:
        """Let the client's machine sleep."""
        self.service.now += seconds
        await self.driver.perform({"do": "sleep", "seconds": seconds})
        await self.server.settle()

    async def step_publish(self, fields: Fields) -> None:
        """Publish events, and push them."""
        events = [
            self.service.add_event(
                fields["topic"],
                fields.get("data", {}),
                fields.get("filters"),
                fields.get("type", "dealUpdate"),
                fields.get("eventId"),
            )
            for _ in range(fields.get("count", 1))
        ]
        if fields.get("quiet"):
            return
        frames = events[::-1] if fields.get("reverse") else events
        if fields.get("again"):
            frames = [one for one in frames for _ in range(2)]
        await self.server.push(frames, as_batch=bool(fields.get("batch")))

    async def step_message(self, fields: Fields) -> None:
        """Put a message into the inbox, and push it."""
        await self._put(fields, "message", "messageReceived", {"content": fields["content"], "type": "text"})

    async def step_notify(self, fields: Fields) -> None:
        """Put a notification into the inbox, and push it; its publisher may claim the id of another entry."""
        content = {"title": fields["title"], "message": fields["title"]}
        if "claims" in fields:
            content["messageId"] = fields["claims"]
        await self._put(fields, "notification", "notification", content)

    async def _put(self, fields: Fields, kind: str, type_: str, pushed: Frame) -> None:
        service = self.service
        entry: Frame = {
            "messageId": f"entry-{len(service.inbox) + 1:03}",
            "kind": kind,
            "type": "text" if kind == "message" else "notification",
            "content": fields.get("content", pushed),
            "timestamp": int(service.now),
            "status": "sent",
        }
        if kind == "message":
            entry["senderId"] = pushed["senderId"] = fields.get("senderId", "ben")
            pushed["timestamp"] = entry["timestamp"]
        service.inbox.append(entry)
        if not fields.get("quiet"):
            data = {"messageId": entry["messageId"], **pushed}
            await self.server.send_to_all(json.dumps(frame(type_, data, service.now)))

    async def step_server(self, fields: Fields) -> None:
        """Cause a fault, or change the server."""
        await change_server(self.server, fields)

    async def step_delivered(self, fields: Fields) -> None:
        """Compare what a subscription has handed out with what it should have."""
        wanted = self.wanted[fields["name"]]
        accepts = parse_filter(dict(wanted.filters))
        ids = [
            event["eventId"]
            for event in self.service.events
            if event["position"] > wanted.after and self.service.wants(wanted.topic, accepts, event)
        ]
        expected = list(dict.fromkeys(ids))
        name = str(fields["name"])
        await self.driver.wait_until(lambda: len(self.driver.events(name)) >= len(expected))
        await self.server.settle()
        compare_deliveries(self.driver.events(name), expected, in_order=bool(fields.get("inOrder")))

    async def step_positions(self, fields: Fields) -> None:
        """Compare the positions of a subscription's events, in the order in which they came."""
        name, are = str(fields["name"]), fields["are"]
        await self.driver.wait_until(lambda: len(self.driver.events(name)) >= len(are))
        compare([event["position"] for event in self.driver.events(name)], are)

    async def step_stats(self, fields: Fields) -> None:
        """Compare what the client holds."""
        stats = await self.driver.perform({"do": "stats"})
        for name, wanted in fields.items():
            compare(stats[name], wanted)

    async def step_repeat(self, fields: Fields) -> None:
        """Play steps several times."""
        for _ in range(fields["times"]):
            await self.play_steps(fields["steps"])

    def _note_subscription(self, command: Fields) -> None:
        """Remember what a subscription should receive."""
        name = str(command.get("name"))
        if command["do"] == "subscribe":
            after = command.get("since", self.service.newest)
            self.wanted[name] = Wanted(command.get("topic", "all-deals"), command.get("filters") or {}, after)
        elif command["do"] == "update":
            self.wanted[name].filters = command["filters"]


def answer_token(service: Service, tokens: list[Fields], _notice: Notice) -> Notice:
    """Answer a call of `getToken`."""
    answer = dict(tokens.pop(0)) if tokens else {}
    return answer or {"token": service.issue_token()}
