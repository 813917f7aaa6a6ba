"""`status`: functions, queues, alarms, connections and history of a stack, and their problems."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from deals_ops.errors import DONE, PARTLY, Missing
from deals_ops.formatting import build_facts, build_table, format_time
from deals_ops.stack import DEAD_LETTER_SETTINGS, FUNCTIONS, OPTIONAL_FUNCTIONS
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack

_QUEUES = [name for queue in DEAD_LETTER_SETTINGS for name in (queue, f"{queue}_dlq")]


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("status", "show the state of the stack, its load and its problems")
    command.add_argument("--check", action="store_true", help="exit with 1 if there is a problem")
    command.set_defaults(run=run)


def run(stack: Stack, arguments: Namespace, terminal: Terminal) -> CommandResult:
    """Collect the state of functions, queues, alarms, connections and history."""
    # Every stack has the janitor, so this reports a wrong name once, before the parallel calls.
    stack.get_configuration("janitor")

    with ThreadPoolExecutor(8) as pool, terminal.show_progress("collecting"):
        functions = pool.map(lambda name: _describe_function(stack, name), (*FUNCTIONS, *OPTIONAL_FUNCTIONS))
        queues = pool.map(lambda name: _describe_queue(stack, name), _QUEUES)
        alarms, connections = pool.submit(_list_alarms, stack), pool.submit(stack.count_connections)
        settled = stack.history.settled(int(time.time()))
        bounds = stack.history.bounds()
        data: dict[str, Any] = {
            "stack": stack.prefix,
            "region": stack.aws.region,
            "websocketUrl": stack.websocket_url,
            "managementEndpoint": stack.management_endpoint,
            "connections": connections.result(),
            "history": {"newest": bounds.newest, "oldest": bounds.floor, "landed": settled},
            "functions": [function for function in functions if function is not None],
            "queues": list(queues),
            "alarms": alarms.result(),
        }

    data["problems"] = find_problems(data)
    return CommandResult(data, _build_display(data), PARTLY if arguments.check and data["problems"] else DONE)


def find_problems(data: dict[str, Any]) -> list[str]:
    """Return the problems in a status, each with where to look next."""
    deployed = {function["function"] for function in data["functions"]}
    problems = [f"function {name} is not deployed" for name in FUNCTIONS if name not in deployed]

    for function in data["functions"]:
        name, state, update = function["function"], function["state"], function["lastUpdate"]
        if state not in {"Active", "Inactive"} or update == "Failed":
            problems.append(f"function {name} is {state}, its last update {update}")

    for queue in data["queues"]:
        name, is_dlq = _split_queue_name(queue["queue"])
        if is_dlq and queue["waiting"]:
            problems.append(f"{queue['waiting']} dead letters of {name}: see `dlq list {name}`")

    problems += [
        f"alarm {alarm['alarm']}: see docs/operations.md"
        for alarm in data["alarms"]
        if alarm["state"] == "ALARM"
    ]
    return problems


def _describe_function(stack: Stack, name: str) -> dict[str, Any] | None:
    try:
        configuration = stack.get_configuration(name)
    except Missing:
        return None
    return {
        "function": name,
        "version": configuration["Version"],
        # Lambda omits these two for a version that has settled.
        "state": configuration.get("State", "Active"),
        "lastUpdate": configuration.get("LastUpdateStatus", "Successful"),
        "memoryMb": configuration["MemorySize"],
        "timeoutSeconds": configuration["Timeout"],
        "lastModified": configuration["LastModified"],
        "codeSha256": configuration["CodeSha256"],
    }


def _describe_queue(stack: Stack, name: str) -> dict[str, Any]:
    queue, is_dlq = _split_queue_name(name)
    url = stack.get_dead_letter_url(queue) if is_dlq else stack.get_queue_url(queue)
    attributes = {
        "waiting": "ApproximateNumberOfMessages",
        "inFlight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    response = stack.aws.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=list(attributes.values())
    )
    return {"queue": name, **{key: int(response["Attributes"][name]) for key, name in attributes.items()}}


def _split_queue_name(name: str) -> tuple[str, bool]:
    """Return the queue, and whether the name is that of its dead-letter queue (`events_dlq`)."""
    queue, _, suffix = name.partition("_")
    return queue, bool(suffix)


def _list_alarms(stack: Stack) -> list[dict[str, Any]]:
    paginator = stack.aws.client("cloudwatch").get_paginator("describe_alarms")
    return [
        {
            "alarm": alarm["AlarmName"],
            "state": alarm["StateValue"],
            "since": int(alarm["StateUpdatedTimestamp"].timestamp()),
            "reason": alarm.get("StateReason", ""),
        }
        for page in paginator.paginate(AlarmNamePrefix=f"{stack.prefix}-")
        for kind in ("MetricAlarms", "CompositeAlarms")
        for alarm in page.get(kind, [])
    ]


def _build_display(data: dict[str, Any]) -> list[Any]:
    history = data["history"]
    facts = [
        ("stack", f"{data['stack']} ({data['region']})"),
        ("clients connect to", data["websocketUrl"]),
        ("connections", data["connections"]),
        ("events kept", f"positions {history['oldest']} to {history['newest']}"),
    ]
    functions = (
        [
            function["function"],
            function["version"],
            function["state"],
            function["memoryMb"],
            f"{function['timeoutSeconds']} s",
            function["lastModified"][:16].replace("T", " "),
        ]
        for function in data["functions"]
    )
    queues = (
        [queue["queue"], queue["waiting"], queue["inFlight"], queue["delayed"]] for queue in data["queues"]
    )
    display: list[Any] = [
        build_facts(facts),
        "",
        build_table(("function", "version", "state", "MB", "timeout", "changed"), functions),
        "",
        build_table(("queue", "waiting", "in flight", "delayed"), queues),
    ]

    not_ok = [alarm for alarm in data["alarms"] if alarm["state"] != "OK"]
    if not_ok:
        alarms = (
            [alarm["alarm"], alarm["state"], format_time(alarm["since"]), alarm["reason"]] for alarm in not_ok
        )
        display += ["", build_table(("alarm", "state", "since", "reason"), alarms)]

    problems = [f"problem: {problem}" for problem in data["problems"]]
    return [*display, "", *(problems or [f"no problems found; {len(data['alarms'])} alarms"])]
