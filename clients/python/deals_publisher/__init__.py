"""Publishes events, messages and notifications to the deals WebSocket service.

from deals_publisher import Publisher, SqsQueue

deals = Publisher(SqsQueue("https://sqs.eu-west-1.amazonaws.com/123456789012/deals-production-events"))
deals.publish_event("electronics.laptops", {"title": "Laptop", "price": 899})
"""

from deals_publisher.aws import LambdaInvoke, SqsQueue
from deals_publisher.errors import Forbidden, InvalidArgument, NotPublished, PublishError, Rejected
from deals_publisher.http_api import HttpApi
from deals_publisher.publisher import Event, Publisher
from deals_publisher.redis import RedisChannel, RedisStream
from deals_publisher.results import Guarantee, Notified, Published

__all__ = [
    "Event",
    "Forbidden",
    "Guarantee",
    "HttpApi",
    "InvalidArgument",
    "LambdaInvoke",
    "NotPublished",
    "Notified",
    "PublishError",
    "Published",
    "Publisher",
    "RedisChannel",
    "RedisStream",
    "Rejected",
    "SqsQueue",
]
