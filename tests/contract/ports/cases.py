"""Values that the contract tests speak of."""

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


def connection(connection_id="c1", user_id="ann", token_exp=NOW + HOUR, connected_at=NOW):
    return Connection(connection_id, user_id, connected_at, token_exp)


def message(number=0, *, recipient="ben", sender="ann", content="hello", created_at=NOW, kind="message"):
    """A message whose id sorts by `created_at`, then by `number`."""
    message_id = new_message_id(created_at * 1000, number.to_bytes(10, "big"))
    return Message(message_id, recipient, sender, kind, "text", content, created_at)


def member_ids(stores, *topics, now=NOW):
    """Whom the topics' groups hold, each as often as it is held."""
    groups = [group for topic in topics for group in stores.subscriptions.groups(topic, now)]
    return sorted(one for _, members in stores.subscriptions.members(groups, now) for one in members)


def reachable_until(stores, topic):
    """From when on the topic's only member is not posted to any more, to the second."""
    low, high = NOW - DAY, NOW + 60 * DAY
    while low < high:
        middle = (low + high) // 2
        groups = stores.subscriptions.groups(topic, NOW)
        held = [one for _, members in stores.subscriptions.members(groups, middle) for one in members]
        low, high = (middle + 1, high) if held else (low, middle)
    return low


def at_once(*calls):
    """Make the calls at the same moment, each in its own thread; their results, or the errors they raised."""
    together = threading.Barrier(len(calls))

    def run(call):
        together.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test judges it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
