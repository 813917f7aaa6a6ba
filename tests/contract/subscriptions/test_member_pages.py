"""The members of groups, all of them and page by page."""

import pytest

from broadcast import indexed_subscriptions
from realtime_core.subscriptions.memory import MemorySubscriptions
from tests.contract.support.cases import (
    ANY,
    NOW,
    PHONES,
    connection,
    member_ids,
)
from tests.contract.support.watched_clients import paged


def test_members_are_returned_group_by_group(stores):
    for number in range(30):
        stores.connections.add(connection(f"c{number}"))
        stores.subscriptions.subscribe(f"c{number}", "a", f'{{"x":{number % 12}}}', NOW)
    groups = list(stores.subscriptions.groups("a", NOW))

    batches = list(stores.subscriptions.members(groups, NOW))

    assert len(groups) == 12
    assert [group for group, _ in batches] == groups
    assert sorted(item for _, members in batches for item in members) == sorted(f"c{n}" for n in range(30))


def test_members_of_no_group_are_empty(stores):
    assert list(stores.subscriptions.members([], NOW)) == []


@pytest.mark.parametrize("shards", [1, 3])
def test_members_and_groups_are_read_to_their_last_page(dynamodb, dynamo_stores, shards):
    for number in range(20):
        dynamo_stores.connections.add(connection(f"c{number}"))
        dynamo_stores.subscriptions.subscribe(f"c{number}", "a", ANY, NOW)
        for group in dynamo_stores.subscriptions.groups("a", NOW):
            dynamo_stores.subscriptions.add_shards(group, shards, NOW)
    dynamo_stores.subscriptions.subscribe("c0", "a", PHONES, NOW)

    with paged(dynamodb, 1):
        assert len(list(dynamo_stores.subscriptions.groups("a", NOW))) == 2
    with paged(dynamodb, 3):
        assert member_ids(dynamo_stores, "a") == sorted(f"c{number}" for number in range(20))


def pages(stores, *topics, **how):
    groups = [group for topic in topics for group in stores.subscriptions.groups(topic, NOW)]
    return list(stores.subscriptions.member_pages(groups, NOW, **how))


def joined(stores, *connection_ids, wanted=ANY, at_ms=None, **of_connection):
    for connection_id in connection_ids:
        stores.connections.add(connection(connection_id, **of_connection))
        stores.subscriptions.subscribe(connection_id, "books", wanted, NOW, received_ms=at_ms)


@pytest.fixture
def pages_of_two(request, stores):
    """Every page has two members at most."""
    if isinstance(stores.subscriptions, MemorySubscriptions):
        stores.subscriptions.page_members = 2
        yield
    else:
        with paged(request.getfixturevalue("dynamodb"), 2):
            yield


def test_pages_of_members_go_on_from_every_place(stores, pages_of_two):
    joined(stores, *[f"c{number}" for number in range(7)])
    joined(stores, "p1", "p2", "p3", wanted=PHONES)
    joined(stores, "expired", token_exp=NOW)
    [large] = [group for group in stores.subscriptions.groups("books", NOW) if group.filter == ANY]
    stores.subscriptions.add_shards(large, 3, NOW)
    joined(stores, *[f"d{number}" for number in range(9)])

    whole = pages(stores, "books")
    everybody = [item for page in whole for item in page.connection_ids]
    assert len(everybody) == len(set(everybody)) == 19
    assert [page.place[:2] for page in whole] == sorted(page.place[:2] for page in whole)
    assert any(page.place.connection_id for page in whole)
    for number, page in enumerate(whole):
        rest = [item for other in whole[number + 1 :] for item in other.connection_ids]
        found = pages(stores, "books", after=page.place)
        assert [item for other in found for item in other.connection_ids] == rest
        before = pages(stores, "books", until=page.place)
        assert {item for other in before for item in other.connection_ids} >= set(everybody) - set(rest)
        assert all(other.place[:2] <= page.place[:2] for other in before)


def test_pages_of_members_that_joined_before_a_time(stores):
    joined(stores, "early", at_ms=5_000)
    joined(stores, "late", at_ms=6_000)
    joined(stores, "unknown")
    [page] = pages(stores, "books", joined_before_ms=6_000)
    assert page.connection_ids == ["early"]
    [page] = pages(stores, "books")
    assert sorted(page.connection_ids) == ["early", "late", "unknown"]


def test_a_member_that_changes_its_filter_has_joined_then(stores):
    joined(stores, "c1", at_ms=5_000)
    stores.subscriptions.subscribe("c1", "books", PHONES, NOW, received_ms=7_000)
    before = pages(stores, "books", joined_before_ms=7_000)
    assert [item for page in before for item in page.connection_ids] == []
    after = pages(stores, "books", joined_before_ms=7_001)
    assert [item for page in after for item in page.connection_ids] == ["c1"]


def test_members_of_many_groups_are_read_in_parts(stores, monkeypatch):
    monkeypatch.setattr(indexed_subscriptions, "PART_SHARDS", 2)
    for number in range(7):
        joined(stores, f"c{number}", f"d{number}", wanted=f'{{"maxPrice":{number}}}')
    assert member_ids(stores, "books") == sorted(f"{letter}{n}" for letter in "cd" for n in range(7))
