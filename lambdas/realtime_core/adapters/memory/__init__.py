"""In-memory twins of the adapters: they pass the same contract tests, so tests of the rules may trust them.

Each can be told to fail: while `down` is true every call raises StoreUnavailable.
"""

from realtime_core.adapters.memory.connections import MemoryConnections
from realtime_core.adapters.memory.doorstep import MemoryDoorstep
from realtime_core.adapters.memory.health import MemoryHealth
from realtime_core.adapters.memory.history import MemoryHistory
from realtime_core.adapters.memory.limits import MemoryLimiter
from realtime_core.adapters.memory.messages import MemoryMessages
from realtime_core.adapters.memory.poster import MemoryPoster
from realtime_core.adapters.memory.queues import MemoryDeliveries, MemoryRefusals
from realtime_core.adapters.memory.revocations import MemoryRevocations
from realtime_core.adapters.memory.secrets import MemorySecrets
from realtime_core.adapters.memory.subscriptions import MemorySubscriptions
from realtime_core.adapters.memory.upkeep import MemoryUpkeep

__all__ = [
    "MemoryConnections",
    "MemoryDeliveries",
    "MemoryDoorstep",
    "MemoryHealth",
    "MemoryHistory",
    "MemoryLimiter",
    "MemoryMessages",
    "MemoryPoster",
    "MemoryRefusals",
    "MemoryRevocations",
    "MemorySecrets",
    "MemorySubscriptions",
    "MemoryUpkeep",
]
