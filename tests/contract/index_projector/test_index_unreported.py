"""A message_router that does not report its changes: rolled back alone, or without INDEX_ENABLED."""

import json

import pytest

from realtime_core.redis.health import Health
from realtime_core.subscriptions.dynamodb import DynamoSubscriptions
from tests.contract.support.cases import HOUR, LAPTOPS, NOW, PHONES, connection
from tests.contract.support.index_harness import G_LAPTOPS, G_PHONES, subscribe


@pytest.fixture
def rolled_back(dynamodb):
    """The writer of an earlier release."""
    return DynamoSubscriptions(dynamodb, "connections", "subscriptions")


def test_index_is_not_used_while_changes_are_not_reported(built, rolled_back, published, capsys):
    rolled_back.subscribe("c1", "a", PHONES, NOW)
    built.project()
    assert built.index.meta().state == ""
    printed = capsys.readouterr().out
    [line] = [json.loads(text) for text in printed.splitlines() if "changes_not_reported" in text]
    assert (line["memberships"], "message_router" in line["remedy"]) == (1, True)
    assert published()["IndexFailures",] == [1]

    built.connections.add(connection("c2"))
    rolled_back.subscribe("c2", "a", LAPTOPS, NOW)
    assert built.member_ids("a") == {G_PHONES: ["c1"], G_LAPTOPS: ["c2"]}, "before the stream has brought it"

    report = built.maintenance.run(60)
    assert (report.reason, report.rebuild.outcome) == ("not_reported", "resting")
    assert built.health.last() == Health("down", NOW)


def test_index_is_used_again_once_changes_are_reported(built, rolled_back):
    rolled_back.subscribe("c1", "a", PHONES, NOW)
    built.project()
    assert 0 < built.operator.ttl("deals:index:rest") <= 600
    built.operator.delete("deals:index:rest")

    subscribe(built, LAPTOPS)
    built.project()
    assert built.maintenance.run(60).state == "ready"
    subscribe(built, PHONES)
    built.project()
    assert built.index.meta().state == "ready"
    assert built.member_ids("a") == {G_PHONES: ["c1"]}


def test_refresh_of_a_membership_of_an_earlier_release_is_no_fault(built, rolled_back):
    rolled_back.subscribe("c1", "a", PHONES, NOW)
    built.stream.records()

    built.store.extend(built.connections.extend("c1", NOW + 2 * HOUR))
    built.project()

    assert built.index.meta().state == "ready"


def test_leaving_is_no_fault(built, rolled_back):
    subscribe(built)
    rolled_back.unsubscribe("c1", "a")
    built.project()

    assert built.index.meta().state == "ready"
