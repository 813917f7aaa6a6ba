"""The errors of this package.

PublishError
├── InvalidArgument  an argument breaks the contract; nothing was sent (also a ValueError)
├── Rejected         the service refused the event; nobody receives it
│   └── Forbidden    the publisher's token does not permit its topic, or one of its recipients
└── NotPublished     sending failed, or its outcome is unknown; call again with the same event_id
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class PublishError(Exception):
    """Base of the errors of this package."""


class InvalidArgument(PublishError, ValueError):
    """An argument breaks the contract; `argument` is its name, with the path inside it (`data.price`)."""

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument
        self.problem = problem


class Rejected(PublishError):
    """The service refused the event; `problems` has the field and the problem of each fault."""

    def __init__(self, event_id: str, problems: Sequence[Mapping[str, str]]) -> None:
        details = "; ".join(f"{problem.get('field')}: {problem.get('problem')}" for problem in problems)
        super().__init__(f"event {event_id} was rejected: {details}")
        self.event_id = event_id
        self.problems: tuple[Mapping[str, str], ...] = tuple(problems)


class Forbidden(Rejected):
    """The token of the publisher does not permit the topic of the event, or one of its recipients."""


class NotPublished(PublishError):
    """The event could not be sent, or it is unknown whether it was.

    Calling again with this `event_id` is safe: an event that was published is not published twice.
    """

    def __init__(self, event_id: str, reason: str) -> None:
        super().__init__(
            f"event {event_id} could not be published: {reason}; call again with event_id={event_id!r}"
        )
        self.event_id = event_id
        self.reason = reason
