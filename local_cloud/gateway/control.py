"""The control API under `/_local_cloud/` for tests and the command line: faults, clock, connections."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any

from aiohttp import web

from local_cloud.gateway import guard
from local_cloud.gateway.faults import Faults
from local_cloud.gateway.gateway import Gateway
from local_cloud.gateway.redis_faults import RedisFaults
from local_cloud.gateway.throttle import RateLimit

PREFIX = "/_local_cloud/"

JsonObject = dict[str, Any]

# The limits that are rates; all others are in local_cloud.limits.settings.
_RATES = ("requests", "connects")


class ControlApi:
    """Serves the control API; `about` is the part of `GET status` that describes the processes."""

    def __init__(
        self, gateway: Gateway, faults: Faults, redis: RedisFaults | None, about: Mapping[str, Any]
    ) -> None:
        self._gateway, self._faults, self._redis, self._about = gateway, faults, redis, about
        calls: dict[str, Callable[..., Any]] = {
            "GET status": self._describe_status,
            "GET faults": lambda _: faults.list(),
            "POST faults": lambda body: {"fault_id": faults.add(body).fault_id},
            "DELETE faults": lambda _: {"cleared": faults.clear()},
            r"DELETE faults/(\d+)": lambda _, fault_id: {"cleared": faults.clear(int(fault_id))},
            "GET clock": self._describe_clock,
            "POST clock": self._set_clock,
            "GET connections": lambda _: [self._describe_connection(i) for i in gateway.sessions],
            "POST connections/([^/]+)/drop": self._drop,
            "POST lose-disconnects": self._lose_disconnects,
            "GET limits": lambda _: self._describe_limits(),
            "POST limits": self._set_limits,
            "POST redis": self._set_redis,
        }

        self._calls = [(re.compile(pattern), call) for pattern, call in calls.items()]

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer one call with JSON; 400 names the wrong field, 404 what does not exist."""
        if (refusal := guard.refuse_control_call(request.method, request.headers)) is not None:
            return refusal
        call_name = f"{request.method} {request.path.removeprefix(PREFIX)}"
        try:
            body = json.loads(await request.read() or b"{}")
            for pattern, call in self._calls:
                if match := pattern.fullmatch(call_name):
                    result = call(body, *match.groups())
                    return web.json_response(await result if isawaitable(result) else result)
        except KeyError as error:
            return web.json_response({"error": f"{error.args[0]}: missing"}, status=400)
        except (ValueError, TypeError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response(
            {"error": f"{call_name}: no such call; see local_cloud/README.md"}, status=404
        )

    def _describe_status(self, _: JsonObject) -> JsonObject:
        status = {
            **self._about,
            "connections": len(self._gateway.sessions),
            "clock": self._describe_clock({}),
        }
        return status | ({"redis": self._redis.state} if self._redis else {})

    def _describe_clock(self, _: JsonObject) -> JsonObject:
        return {"now": self._gateway.clock.now(), "speed": self._gateway.clock.speed}

    def _set_clock(self, body: JsonObject) -> JsonObject:
        if "speed" in body:
            self._gateway.clock.run_at(float(body["speed"]))
        self._gateway.clock.advance(float(body.get("advance", 0)))
        self._gateway.sweep()
        return self._describe_clock({})

    def _drop(self, body: JsonObject, connection_id: str) -> JsonObject:
        session = self._gateway.sessions.get(connection_id)
        if session is None:
            raise LookupError(f"connections: {connection_id!r} is not open")
        session.loses_disconnect = bool(body.get("lose_disconnect"))
        session.socket.drop()
        return {"dropped": connection_id}

    def _lose_disconnects(self, body: JsonObject) -> JsonObject:
        self._gateway.disconnects_to_lose = int(body.get("times", 1))
        return {"times": self._gateway.disconnects_to_lose}

    def _set_limits(self, body: JsonObject) -> JsonObject:
        rates = {
            name: RateLimit(float(body[name]["rate"]), float(body[name]["burst"]))
            for name in _RATES
            if name in body
        }
        sizes = {name: value for name, value in body.items() if name not in _RATES}
        self._gateway.backend.limits.change(sizes)
        for name, rate in rates.items():
            setattr(self._gateway.throttles, name, rate)
        return self._describe_limits()

    def _describe_limits(self) -> JsonObject:
        throttles = self._gateway.throttles
        rates = {name: getattr(throttles, name)._asdict() for name in _RATES}
        return rates | self._gateway.backend.limits.as_dict()

    def _set_redis(self, body: JsonObject) -> Awaitable[JsonObject]:
        if self._redis is None:
            raise LookupError("redis: this cloud was started without one")
        return self._redis.apply(body)

    def _describe_connection(self, connection_id: str) -> JsonObject:
        session = self._gateway.sessions[connection_id]
        now = self._gateway.clock.now()
        return {
            "connection_id": connection_id,
            "api_id": session.peer.api_id,
            "stage": session.peer.stage,
            "open_s": round(now - session.opened, 3),
            "idle_s": round(now - session.active, 3),
            "authorizer": session.peer.authorizer,
        }
