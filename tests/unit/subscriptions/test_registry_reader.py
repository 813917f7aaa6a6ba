"""A registry of many partitions is read with a few pages at a time, however large, and however throttled."""

import threading

import pytest

from realtime_core.aws import backoff
from realtime_core.aws.errors import Refused
from realtime_core.errors import StoreUnavailable
from realtime_core.subscriptions.registry_keys import PARTITIONS, PARTITIONS_KEY
from realtime_core.subscriptions.registry_reader import READERS, THROTTLED_ATTEMPTS, read_registry


class Table:
    """A table of so many pages in each partition, each of which is throttled a few times."""

    def __init__(self, pages, throttled=0):
        self.pages, self.throttled = pages, throttled
        self.lock = threading.Lock()
        self.tries = {}
        self.taken = 0
        self.most_untaken = 0

    def query(self, *, ExpressionAttributeValues, ExclusiveStartKey=None, **_):  # noqa: N803 - AWS's names
        partition, start = (
            ExpressionAttributeValues[":topic"]["S"],
            (ExclusiveStartKey or {"page": 0})["page"],
        )
        with self.lock:
            key = (partition, start)
            self.tries[key] = self.tries.get(key, 0) + 1
            if self.tries[key] <= self.throttled:
                raise Refused("Query", "ThrottlingException", 400, {})
            done = sum(tries > self.throttled for tries in self.tries.values())
            self.most_untaken = max(self.most_untaken, done - self.taken)
        items = [{"sk": {"S": f"{partition} {start} {number}"}} for number in range(3)]
        if partition == "t#a" and start == 0:
            items.insert(0, {"sk": {"S": PARTITIONS_KEY}, "n": {"N": str(PARTITIONS)}})
        last = {"LastEvaluatedKey": {"page": start + 1}} if start + 1 < self.pages else {}
        return {"Items": items, **last}


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    pauses = []
    monkeypatch.setattr(backoff.time, "sleep", pauses.append)
    return pauses


@pytest.mark.parametrize("throttled", [0, THROTTLED_ATTEMPTS - 1])
def test_every_item_is_read_once_with_few_pages_in_memory(throttled, slept):
    table = Table(pages=7, throttled=throttled)

    read = []
    for items in read_registry(table, "subscriptions", "a"):
        table.taken += 1
        read += [item["sk"]["S"] for item in items]

    partitions = ["t#a", *(f"t#a#{number}" for number in range(1, PARTITIONS))]
    assert sorted(read) == sorted(
        f"{pk} {page} {number}" for pk in partitions for page in range(7) for number in range(3)
    )
    assert table.most_untaken <= READERS + 1
    assert len(slept) == throttled * 7 * PARTITIONS


def test_read_that_is_throttled_for_good_fails():
    with pytest.raises(StoreUnavailable):
        list(read_registry(Table(pages=1, throttled=THROTTLED_ATTEMPTS), "subscriptions", "a"))


def test_read_that_is_given_up_asks_for_no_more_pages():
    table = Table(pages=50)

    for taken, _ in enumerate(read_registry(table, "subscriptions", "a")):
        if taken == 60:
            break

    assert len(table.tries) <= 61 + READERS
