"""What all parts of a client share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deals_client.clock import Clock
from deals_client.emitter import Emitter
from deals_client.options import Options


@dataclass(frozen=True, slots=True)
class Runtime:
    """The limits, the clock, the dice and the handlers of one client."""

    options: Options
    clock: Clock
    random: Callable[[], float]
    """Returns a number in [0, 1)."""
    emitter: Emitter
