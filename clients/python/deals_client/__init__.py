"""A client of the deals WebSocket service that misses no event.

from deals_client import DealsClient

async with DealsClient("wss://HOST/STAGE", get_token=fetch_token) as client:
    async with client.subscribe("electronics.laptops", filters={"price": {"lt": 900}}) as laptops:
        async for event in laptops:
            print(event.data)

Without asyncio: `deals_client.sync`. To publish: `deals_publisher`, in the same distribution.
"""

from deals_client.client import DealsClient
from deals_client.clock import Clock
from deals_client.errors import (
    AuthenticationError,
    ClientClosed,
    ConfigurationError,
    DealsError,
    DuplicateSubscription,
    Forbidden,
    HandshakeRefused,
    MessageNotStored,
    MessageTooLarge,
    NoReply,
    NotAuthorized,
    NotFound,
    QueueFull,
    RateLimited,
    ServerError,
    SubscriptionError,
    ValidationError,
)
from deals_client.options import Options
from deals_client.storage import FileStorage, MemoryStorage, Storage
from deals_client.subscription import Subscription
from deals_client.values import (
    Acknowledged,
    ClientWarning,
    Event,
    Gap,
    InboxEntry,
    Message,
    MessageStatus,
    Notification,
    Ready,
    SentMessage,
    ServerInfo,
    StateChange,
    Status,
    SubscriptionChange,
)

__all__ = [
    "Acknowledged",
    "AuthenticationError",
    "ClientClosed",
    "ClientWarning",
    "Clock",
    "ConfigurationError",
    "DealsClient",
    "DealsError",
    "DuplicateSubscription",
    "Event",
    "FileStorage",
    "Forbidden",
    "Gap",
    "HandshakeRefused",
    "InboxEntry",
    "MemoryStorage",
    "Message",
    "MessageNotStored",
    "MessageStatus",
    "MessageTooLarge",
    "NoReply",
    "NotAuthorized",
    "NotFound",
    "Notification",
    "Options",
    "QueueFull",
    "RateLimited",
    "Ready",
    "SentMessage",
    "ServerError",
    "ServerInfo",
    "StateChange",
    "Status",
    "Storage",
    "Subscription",
    "SubscriptionChange",
    "SubscriptionError",
    "ValidationError",
]
