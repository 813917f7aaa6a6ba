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

    from rich.table import Table

    from deals_ops.command_parsers import CommandParsers
    from deals_ops.stack import Stack

# Without them CloudWatch leaves out composite alarms.
_ALARM_TYPES = ["MetricAlarm", "CompositeAlarm"]
NOT_JUDGED = "NOT_JUDGED"
"""The state of an alarm that the local cloud cannot evaluate."""
_QUEUES = [name for queue in DEAD_LETTER_SETTINGS for name in (queue, f"{queue}_dlq")]


def add_commands(parsers: CommandParsers) -> None:
    """Add the command."""
    command = parsers.add_command("status", "show the state of the stack, its load and its problems")
    command.add_argument("--check", action="store_true", help="exit with 1 if there is a problem")
    command.add_argument("--all", action="store_true", help="show also what is fine: each function and queue")
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
    display = _build_display(data, show_all=arguments.all)
    return CommandResult(data, display, PARTLY if arguments.check and data["problems"] else DONE)


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
        _describe_alarm(alarm, judged=not stack.is_local or bool(alarm.get("MetricName")))
        for page in paginator.paginate(AlarmNamePrefix=f"{stack.prefix}-", AlarmTypes=_ALARM_TYPES)
        for kind in ("MetricAlarms", "CompositeAlarms")
        for alarm in page.get(kind, [])
    ]


def _describe_alarm(alarm: dict[str, Any], *, judged: bool) -> dict[str, Any]:
    """Describe an alarm. One that is not `judged` has no state: an emulator knows no metric maths.

    It takes a metric without values for one above the threshold, and so does the composite alarm behind it.
    """
    return {
        "alarm": alarm["AlarmName"],
        "state": alarm["StateValue"] if judged else NOT_JUDGED,
        "since": int(alarm["StateUpdatedTimestamp"].timestamp()),
        "reason": alarm.get("StateReason", "") if judged else "the local cloud cannot judge its expression",
    }


def _build_display(data: dict[str, Any], *, show_all: bool) -> list[Any]:
    """Say first how the stack is, then what is wrong; the rest with `--all`, and in short without."""
    count = len(data["problems"])
    verdict = (
        f"{data['stack']} is well" if not count else f"{data['stack']} has {count} problem{'s'[: count - 1]}"
    )
    problems = [f"  {problem}" for problem in data["problems"]]
    firing = [alarm for alarm in data["alarms"] if alarm["state"] == "ALARM"]
    shown = [alarm for alarm in data["alarms"] if alarm["state"] != "OK"] if show_all else firing
    tables = [_build_facts(data)]
    if show_all:
        tables += [_build_functions(data["functions"]), _build_queues(data["queues"])]
    elif busy := [queue for queue in data["queues"] if queue["waiting"] or queue["delayed"]]:
        tables.append(_build_queues(busy))
    if shown:
        rows = (
            [alarm["alarm"], alarm["state"], format_time(alarm["since"]), alarm["reason"]] for alarm in shown
        )
        tables.append(build_table(("alarm", "state", "since", "reason"), rows))

    return [verdict, *problems, *(item for table in tables for item in ("", table)), *_sum_up(data, show_all)]


def _sum_up(data: dict[str, Any], show_all: bool) -> list[str]:
    if show_all:
        return []
    waiting = sum(queue["waiting"] for queue in data["queues"])
    parts = f"{len(data['functions'])} functions, {len(data['queues'])} queues, {len(data['alarms'])} alarms"
    return ["", f"{parts}; {waiting} messages wait. --all shows each."]


def _build_facts(data: dict[str, Any]) -> Table:
    history = data["history"]
    facts = [
        ("stack", f"{data['stack']} ({data['region']})"),
        ("clients connect to", data["websocketUrl"]),
        ("connections", data["connections"]),
        ("events kept", f"positions {history['oldest']} to {history['newest']}"),
    ]
    return build_facts(facts)


def _build_functions(functions: list[dict[str, Any]]) -> Table:
    rows = (
        [
            function["function"],
            function["version"],
            function["state"],
            function["memoryMb"],
            f"{function['timeoutSeconds']} s",
            function["lastModified"][:16].replace("T", " "),
        ]
        for function in functions
    )
    return build_table(("function", "version", "state", "MB", "timeout", "changed"), rows)


def _build_queues(queues: list[dict[str, Any]]) -> Table:
    rows = ([queue["queue"], queue["waiting"], queue["inFlight"], queue["delayed"]] for queue in queues)
    return build_table(("queue", "waiting", "in flight", "delayed"), rows)
