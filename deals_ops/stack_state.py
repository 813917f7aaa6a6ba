"""What a stack is doing now: its functions, queues, alarms, connections and history, and what is wrong."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from deals_ops.errors import Missing
from deals_ops.stack import FUNCTIONS, OPTIONAL_FUNCTIONS

if TYPE_CHECKING:
    from deals_ops.stack import Stack

# Without them CloudWatch leaves out composite alarms.
_ALARM_TYPES = ["MetricAlarm", "CompositeAlarm"]
NOT_JUDGED = "NOT_JUDGED"
"""The state of an alarm that the local cloud cannot evaluate."""
CALLS_AT_ONCE = 8
"""Threads with which a stack is read."""


def collect_state(stack: Stack) -> dict[str, Any]:
    """Read everything at once, as `status --json` prints it. Raises Missing if there is no such stack."""
    # Every stack has the janitor, so this reports a wrong name once, before the parallel calls.
    stack.get_configuration("janitor")

    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        functions = pool.map(lambda name: _describe_function(stack, name), (*FUNCTIONS, *OPTIONAL_FUNCTIONS))
        load = collect_load(stack, pool)
        data: dict[str, Any] = {
            "stack": stack.prefix,
            "region": stack.aws.region,
            "websocketUrl": stack.websocket_url,
            "managementEndpoint": stack.management_endpoint,
            **load,
            "functions": [function for function in functions if function is not None],
        }

    data["problems"] = find_problems(data)
    return data


def collect_load(stack: Stack, pool: ThreadPoolExecutor) -> dict[str, Any]:
    """Read what changes from one second to the next: connections, history, queues and alarms."""
    names = [name for queue in stack.list_queues() for name in (queue, f"{queue}_dlq")]
    queues = pool.map(lambda name: describe_queue(stack, name), names)
    alarms, connections = pool.submit(_list_alarms, stack), pool.submit(stack.count_connections)
    settled = stack.history.settled(int(time.time()))
    bounds = stack.history.bounds()
    return {
        "connections": connections.result(),
        "history": {"newest": bounds.newest, "oldest": bounds.floor, "landed": settled},
        "queues": list(queues),
        "alarms": alarms.result(),
    }


def find_problems(data: dict[str, Any]) -> list[str]:
    """Return the problems in a status, each with where to look next."""
    deployed = {function["function"] for function in data["functions"]}
    problems = [f"function {name} is not deployed" for name in FUNCTIONS if name not in deployed]

    for function in data["functions"]:
        name, state, update = function["function"], function["state"], function["lastUpdate"]
        if state not in {"Active", "Inactive"} or update == "Failed":
            problems.append(f"function {name} is {state}, its last update {update}")
    return problems + find_load_problems(data)


def find_load_problems(load: dict[str, Any]) -> list[str]:
    """Return the problems that `collect_load` shows: dead letters, and alarms that fire."""
    dead_letters = [
        f"{queue['waiting']} dead letters of {name}: see `dlq list {name}`"
        for queue in load["queues"]
        for name, is_dlq in [_split_queue_name(queue["queue"])]
        if is_dlq and queue["waiting"]
    ]
    alarms = [f"alarm {alarm['alarm']}: see docs/operations.md" for alarm in list_firing(load)]
    return dead_letters + alarms


def list_firing(load: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the alarms that fire."""
    return [alarm for alarm in load["alarms"] if alarm["state"] == "ALARM"]


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


def describe_queue(stack: Stack, name: str) -> dict[str, Any]:
    """Return how many messages wait, are worked on and are delayed in a queue, or in its `_dlq`."""
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
