"""Everything that this package raises on purpose.

PublishError
├── InvalidArgument  an argument breaks the contract; nothing was sent (also a ValueError)
├── Rejected         the service refused the event; it reaches nobody
└── NotPublished     it could not be handed over; call again with the same event_id
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class PublishError(Exception):
    """Base of all errors raised on purpose."""


class InvalidArgument(PublishError, ValueError):
    """An argument breaks the contract; `argument` is its name, with the path inside it (`data.price`)."""

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument
        self.problem = problem


class Rejected(PublishError):
    """The service refused the event; `problems` are its words for each field at fault."""

    def __init__(self, event_id: str, problems: Sequence[Mapping[str, str]]) -> None:
        said = "; ".join(f"{one.get('field')}: {one.get('problem')}" for one in problems)
        super().__init__(f"event {event_id} was rejected: {said}")
        self.event_id = event_id
        self.problems = tuple(problems)


class NotPublished(PublishError):
    """The event could not be handed over, or it is not known whether it was.

    To call again with this `event_id` is safe: what was published once is not published twice.
    """

    def __init__(self, event_id: str, reason: str) -> None:
        super().__init__(
            f"event {event_id} could not be published: {reason}; call again with event_id={event_id!r}"
        )
        self.event_id = event_id
        self.reason = reason
