"""The tasks that an operator or a schedule can invoke the function with."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from realtime_core.errors import Problem, ValidationFailed

TASKS = ("tend", "rebuild", "check")


class CheckTask(NamedTuple):
    """A comparison of the index with the table."""

    groups: int | None = None
    """About how many groups to compare, at random; None for all."""
    repair: bool = False


def parse_task(event: Any) -> Literal["tend", "rebuild"] | CheckTask:
    """The task of an invocation. Raises ValidationFailed with every invalid field."""
    if not isinstance(event, dict):
        raise ValidationFailed([Problem("", 'must be an object such as {"task": "check"}')])
    task = event.get("task")
    if task not in TASKS:
        raise ValidationFailed([Problem("task", f"must be one of {', '.join(TASKS)}")])

    allowed = {"groups", "repair"} if task == "check" else set()
    problems = [
        Problem(name, "is unknown; a check takes groups and repair, other tasks nothing")
        for name in sorted(event.keys() - {"task"} - allowed)
    ]
    groups, repair = event.get("groups"), event.get("repair", False)
    if task == "check":
        if groups is not None and (type(groups) is not int or not 1 <= groups <= 100_000):
            problems.append(Problem("groups", "must be a whole number from 1 to 100000, or be left out"))
        if not isinstance(repair, bool):
            problems.append(Problem("repair", "must be true or false"))

    if problems:
        raise ValidationFailed(problems)
    return CheckTask(groups, repair) if task == "check" else task
