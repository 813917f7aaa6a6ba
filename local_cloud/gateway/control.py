"""The control API under `/_local_cloud/`, for tests, the console and the command line."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Iterable, Mapping
from inspect import isawaitable
from typing import Any

from aiohttp import hdrs, web

from local_cloud.gateway import guard
from local_cloud.gateway.connection_calls import ConnectionCalls
from local_cloud.gateway.control_calls import BadCall, ControlCalls, NotFound, Unavailable
from local_cloud.gateway.control_fields import parse_body, read_number
from local_cloud.gateway.faults import Faults
from local_cloud.gateway.gateway import Gateway
from local_cloud.gateway.redis_faults import RedisFaults
from local_cloud.gateway.throttle import RateLimit
from local_cloud.settings import CloudFailed

logger = logging.getLogger("local_cloud")

PREFIX = "/_local_cloud/"

JsonObject = dict[str, Any]

# The limits that are rates; all others are in local_cloud.limits.settings.
_RATES = ("requests", "connects")
_RATE_MAX = 1e9
_ADVANCE_S_MAX = 1e9
_SPEED_MAX = 1e6


class ControlApi:
    """Serves the control API: its own calls and those of further parts.

    `about` is the part of `GET status` that describes the processes.
    """

    def __init__(
        self,
        gateway: Gateway,
        faults: Faults,
        redis: RedisFaults | None,
        about: Mapping[str, Any],
        parts: Iterable[ControlCalls] = (),
    ) -> None:
        self._gateway, self._faults, self._redis, self._about = gateway, faults, redis, about
        own: ControlCalls = {
            "GET status": self._describe_status,
            "GET faults": lambda _: faults.list(),
            "POST faults": lambda body: {"fault_id": faults.add(body).fault_id},
            "DELETE faults": lambda _: {"cleared": faults.clear()},
            "DELETE faults/([0-9]{1,12})": lambda _, fault_id: {"cleared": faults.clear(int(fault_id))},
            "GET clock": self._describe_clock,
            "POST clock": self._set_clock,
            "GET limits": lambda _: self._describe_limits(),
            "POST limits": self._set_limits,
            "POST redis": self._set_redis,
        }

        all_parts = (own, ConnectionCalls(gateway).calls(), *parts)
        self._calls = [(re.compile(pattern), call) for part in all_parts for pattern, call in part.items()]

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer one call with JSON; 400 names the wrong field, 404 what does not exist, 503 what is down.

        500 is a fault of the cloud's own, whose trace is in its log.
        """
        refusal = guard.refuse_control_call(request.method, request.headers)
        return await self._answer(request) if refusal is None else refusal

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        call_name = f"{request.method} {request.path.removeprefix(PREFIX)}"
        try:
            body = await _read_body(request)
            for pattern, call in self._calls:
                if match := pattern.fullmatch(call_name):
                    result = call(body, *match.groups())
                    return web.json_response(await result if isawaitable(result) else result)
            status, problem = 404, f"{call_name}: no such call; see local_cloud/README.md"
        except BadCall as error:
            status, problem = 400, str(error)
        except NotFound as error:
            status, problem = 404, str(error)
        except (Unavailable, CloudFailed) as error:
            status, problem = 503, str(error)
        except Exception as error:
            logger.exception("%s failed", call_name)
            status, problem = 500, f"{type(error).__name__}: {error}; see the cloud's log"
        return web.json_response({"error": problem}, status=status)

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
        clock = self._gateway.clock
        speed = read_number(body, "speed", clock.speed, 0, _SPEED_MAX, is_open=True)
        seconds = read_number(body, "advance", 0, 0, _ADVANCE_S_MAX)
        clock.run_at(speed)
        clock.advance(seconds)
        self._gateway.sweep()
        return self._describe_clock({})

    def _set_limits(self, body: JsonObject) -> JsonObject:
        rates = {name: _read_rate(body, name) for name in _RATES if name in body}
        sizes = {name: value for name, value in body.items() if name not in _RATES}
        try:
            self._gateway.backend.limits.change(sizes)
        except ValueError as error:
            raise BadCall(str(error)) from error
        for name, rate in rates.items():
            setattr(self._gateway.throttles, name, rate)
        return self._describe_limits()

    def _describe_limits(self) -> JsonObject:
        throttles = self._gateway.throttles
        rates = {name: getattr(throttles, name)._asdict() for name in _RATES}
        return rates | self._gateway.backend.limits.as_dict()

    def _set_redis(self, body: JsonObject) -> Awaitable[JsonObject]:
        if self._redis is None:
            raise NotFound("redis: this cloud was started without one")
        return self._redis.apply(body)


async def _read_body(request: web.BaseRequest) -> JsonObject:
    """Return the JSON object of a body, or what a GET asks for in its query. Raises BadCall."""
    return dict(request.query) if request.method == hdrs.METH_GET else parse_body(await request.read())


def _read_rate(body: JsonObject, name: str) -> RateLimit:
    given = body[name]
    if not isinstance(given, dict) or not {"rate", "burst"} <= given.keys():
        raise BadCall(f"{name}: {given!r:.100}; give {{rate, burst}}")
    try:
        return RateLimit(*(read_number(given, field, 0, 0, _RATE_MAX) for field in ("rate", "burst")))
    except BadCall as error:
        raise BadCall(f"{name}.{error}") from error
