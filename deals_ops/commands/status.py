"""`status`: is it all there, is it well, how much is going on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from deals_ops.errors import DONE, PARTLY, Missing
from deals_ops.stack import DEAD_LETTERS, FUNCTIONS, WITH_REDIS
from deals_ops.terminal import Answer, Screen, facts, moment, table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from deals_ops.main import Registrar
    from deals_ops.stack import Stack

_QUEUES = [name for queue in DEAD_LETTERS for name in (queue, f"{queue}_dlq")]


def register(to: Registrar) -> None:
    """Add the command."""
    command = to.command("status", "is it all there, is it well, how much is going on")
    command.add_argument("--check", action="store_true", help="end with 1 where there is a problem")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, screen: Screen) -> Answer:
    """Look at functions, queues, alarms, connections and history."""
    stack.configuration("janitor")  # no such stack: say so once, before everything else
    with ThreadPoolExecutor(8) as pool, screen.progress("looking"):
        functions = pool.map(lambda name: _function(stack, name), (*FUNCTIONS, *WITH_REDIS))
        queues = pool.map(lambda name: _queue(stack, name), _QUEUES)
        alarms, connections = pool.submit(_alarms, stack), pool.submit(stack.upkeep.count)
        horizon = stack.history.horizon(int(time.time()))
        data: dict[str, Any] = {
            "stack": stack.prefix,
            "region": stack.aws.region,
            "websocketUrl": stack.websocket_url,
            "managementEndpoint": stack.management_endpoint,
            "connections": connections.result(),
            "history": {"newest": horizon.newest, "oldest": horizon.floor, "landed": horizon.landed},
            "functions": [one for one in functions if one is not None],
            "queues": list(queues),
            "alarms": alarms.result(),
        }
    data["problems"] = problems(data)
    return Answer(data, _shown(data), PARTLY if arguments.check and data["problems"] else DONE)


def problems(data: dict[str, Any]) -> list[str]:
    """What of a status somebody should look at, each with the command that goes on from it."""
    found = []
    present = {one["function"] for one in data["functions"]}
    found += [f"function {one} is not deployed" for one in FUNCTIONS if one not in present]
    for one in data["functions"]:
        if one["state"] not in {"Active", "Inactive"} or one["lastUpdate"] == "Failed":
            found.append(f"function {one['function']} is {one['state']}, its last update {one['lastUpdate']}")
    for one in data["queues"]:
        queue, _, kind = one["queue"].partition("_")
        if kind and one["waiting"]:
            found.append(f"{one['waiting']} dead letters of {queue}: see `dlq list {queue}`")
    for one in data["alarms"]:
        if one["state"] == "ALARM":
            found.append(f"alarm {one['alarm']}: see docs/operations.md")
    return found


def _function(stack: Stack, name: str) -> dict[str, Any] | None:
    try:
        told = stack.configuration(name)
    except Missing:
        return None
    return {
        "function": name,
        "version": told["Version"],
        # Lambda says nothing of these for a version that has settled.
        "state": told.get("State", "Active"),
        "lastUpdate": told.get("LastUpdateStatus", "Successful"),
        "memoryMb": told["MemorySize"],
        "timeoutSeconds": told["Timeout"],
        "lastModified": told["LastModified"],
        "codeSha256": told["CodeSha256"],
    }


def _queue(stack: Stack, name: str) -> dict[str, Any]:
    queue, _, kind = name.partition("_")
    url = stack.dead_letter_url(queue) if kind else stack.queue_url(queue)
    wanted = {
        "waiting": "ApproximateNumberOfMessages",
        "inFlight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    answer = stack.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(wanted.values()))
    return {"queue": name, **{ours: int(answer["Attributes"][theirs]) for ours, theirs in wanted.items()}}


def _alarms(stack: Stack) -> list[dict[str, Any]]:
    pages = stack.aws.client("cloudwatch").get_paginator("describe_alarms")
    found: list[dict[str, Any]] = []
    for page in pages.paginate(AlarmNamePrefix=f"{stack.prefix}-"):
        found += [
            {
                "alarm": one["AlarmName"],
                "state": one["StateValue"],
                "since": int(one["StateUpdatedTimestamp"].timestamp()),
                "reason": one.get("StateReason", ""),
            }
            for kind in ("MetricAlarms", "CompositeAlarms")
            for one in page.get(kind, [])
        ]
    return found


def _shown(data: dict[str, Any]) -> list[Any]:
    columns: dict[str, Callable[[dict[str, Any]], Any]] = {
        "function": lambda one: one["function"],
        "version": lambda one: one["version"],
        "state": lambda one: one["state"],
        "MB": lambda one: one["memoryMb"],
        "timeout": lambda one: f"{one['timeoutSeconds']} s",
        "changed": lambda one: one["lastModified"][:16].replace("T", " "),
    }
    history = data["history"]
    shown: list[Any] = [
        facts(
            [
                ("stack", f"{data['stack']} ({data['region']})"),
                ("clients connect to", data["websocketUrl"]),
                ("connections", data["connections"]),
                ("events kept", f"positions {history['oldest']} to {history['newest']}"),
            ]
        ),
        "",
        table(list(columns), ([read(one) for read in columns.values()] for one in data["functions"])),
        "",
        table(
            ("queue", "waiting", "in flight", "delayed"),
            ([one["queue"], one["waiting"], one["inFlight"], one["delayed"]] for one in data["queues"]),
        ),
    ]
    loud = [one for one in data["alarms"] if one["state"] != "OK"]
    if loud:
        rows = ([one["alarm"], one["state"], moment(one["since"]), one["reason"]] for one in loud)
        shown += ["", table(("alarm", "state", "since", "reason"), rows)]
    well = f"no problem seen; {len(data['alarms'])} alarms"
    return [*shown, "", *([f"problem: {one}" for one in data["problems"]] or [well])]
