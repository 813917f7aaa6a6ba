"""What the relay's things are called in Redis. All begin with `deals:`, so one access rule covers them.

Keys and channels are different spaces in Redis: the stream `deals:events` and the channel of a topic
`events` do not meet. Of the channels only `HANDOVER` is ours; no topic has an `@`.
"""

from __future__ import annotations

CHANNEL_PREFIX = "deals:"
CHANNELS = CHANNEL_PREFIX + "*"
HANDOVER = CHANNEL_PREFIX + "@relay"

STREAM = "deals:events"
GROUP = "relay"
DEAD_LETTERS = "deals:events:dead"

LEASE = "deals:relay:lease"
TOKEN = "deals:relay:token"  # noqa: S105 - a key's name
FAULTS = "deals:relay:faults"
