"""What carries an event to the service: the one method that a transport has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from deals_publisher.results import Published


class Transport(Protocol):
    """Hands events over. Safe to share between threads as far as its client is."""

    def send(self, event: Mapping[str, Any]) -> Published:
        """Hand over one event, which is sound and has an `eventId`. Raises PublishError."""
