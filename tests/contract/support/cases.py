"""Values and helpers of the contract tests."""

import threading
from concurrent.futures import ThreadPoolExecutor

from realtime_core.connections.base import Connection
from realtime_core.ids import new_message_id
from realtime_core.messages.base import Message

NOW = 1_795_382_480
HOUR = 3_600
DAY = 24 * HOUR
ANY = "{}"
PHONES = '{"category":"phones"}'
LAPTOPS = '{"category":"laptops"}'


def connection(connection_id="c1", user_id="ann", token_exp=NOW + HOUR, connected_at=NOW, **more):
    return Connection(connection_id, user_id, connected_at, token_exp, **more)


def message(number=0, *, recipient="ben", sender="ann", content="hello", created_at=NOW, kind="message"):
    """A message whose id sorts by `created_at`, then by `number`."""
    message_id = new_message_id(created_at * 1000, number.to_bytes(10, "big"))
    return Message(message_id, recipient, sender, kind, "text", content, created_at)


def inbox(stores, user="ben", *, after=None, limit=100, status=None, now=NOW):
    """A page of an inbox, and the id to go on from."""
    return stores.messages.inbox(user, after, limit, status, now)


def all_pages(stores, **how):
    """The whole inbox, page by page."""
    messages, after = [], None
    while True:
        page, after = inbox(stores, after=after, **how)
        messages += page
        if after is None:
            return messages


def member_ids(stores, *topics, now=NOW):
    """The members of the topics' groups, sorted, with duplicates."""
    groups = [group for topic in topics for group in stores.subscriptions.groups(topic, now)]
    return sorted(item for _, members in stores.subscriptions.members(groups, now) for item in members)


def reachable_until(stores, topic):
    """When the topic's only member stops being returned, epoch seconds."""
    low, high = NOW - DAY, NOW + 60 * DAY
    while low < high:
        middle = (low + high) // 2
        groups = list(stores.subscriptions.groups(topic, NOW))
        members = [item for _, batch in stores.subscriptions.members(groups, middle) for item in batch]
        low, high = (middle + 1, high) if members else (low, middle)
    return low


def at_once(*calls):
    """Make the calls at the same time, each in its own thread; returns their results or errors."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test checks it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def match(index, topic, event, now):
    """The groups of a topic that one event matches."""
    return index.matching({topic: [event]}, now)[topic][0]
