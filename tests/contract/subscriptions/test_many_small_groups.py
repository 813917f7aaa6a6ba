"""An event that matches hundreds of groups of a few members: read by fifty groups a statement."""

import json

import pytest

from realtime_core.aws.http_response import HttpResponse
from realtime_core.errors import StoreUnavailable
from realtime_core.subscriptions.base import Group
from realtime_core.subscriptions.dynamodb_members import SMALL_MEMBERS_MAX, member_pk
from realtime_core.subscriptions.dynamodb_statements import KEYS_MAX, SHARDS_MIN
from tests.contract.support.cases import NOW
from tests.contract.support.watched_clients import hooked, recording, watching

MANY = SHARDS_MIN + 7
LATER = NOW + 600
DENIED = HttpResponse(400, b'{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}')
INVALID = HttpResponse(400, b'{"__type": "com.amazon.coral.validate#ValidationException", "message": "no"}')
FAULT = HttpResponse(500, b'{"__type": "InternalServerError"}')


def groups_of(count, shards=1):
    return [Group(f"{number:020x}", "books", f'{{"x":{number}}}', shards) for number in range(count)]


def join(dynamodb, group, connection_id, *, shard=0, token_exp=LATER, expires_at=LATER):
    item = {
        "pk": {"S": member_pk(group.group_id, shard)},
        "sk": {"S": connection_id},
        "e": {"N": str(token_exp)},
        "expires_at": {"N": str(expires_at)},
    }
    dynamodb.put_item(TableName="subscriptions", Item=item)


def members(stores, groups):
    found = {}
    for group, connection_ids in stores.subscriptions.members(groups, NOW):
        found.setdefault(group.group_id, []).extend(connection_ids)
    return {group_id: sorted(connection_ids) for group_id, connection_ids in found.items()}


@pytest.fixture
def small(dynamodb):
    """Groups of one member each."""
    groups = groups_of(MANY)
    for number, group in enumerate(groups):
        join(dynamodb, group, f"c{number}")
    return groups


def test_many_small_groups_take_a_statement_for_each_fifty(dynamodb, dynamo_stores, small):
    with watching(dynamodb) as watch:
        found = members(dynamo_stores, small)

    assert found == {group.group_id: [f"c{number}"] for number, group in enumerate(small)}
    assert dict(watch.calls) == {"ExecuteStatement": -(-MANY // KEYS_MAX)}


def test_statements_are_consistent_and_leave_out_who_cannot_be_posted_to(dynamodb, dynamo_stores, small):
    join(dynamodb, small[0], "token-expired", token_exp=NOW)
    join(dynamodb, small[0], "record-expired", expires_at=NOW)
    join(dynamodb, small[0], "other")
    with recording(dynamodb, "ExecuteStatement") as statements:
        assert members(dynamo_stores, small)[small[0].group_id] == ["c0", "other"]
    assert all(parameters["ConsistentRead"] for parameters in statements)


def test_groups_of_several_shards_beside_them_are_read_by_queries(dynamodb, dynamo_stores, small):
    [large] = [group._replace(shards=2, group_id="f" * 20) for group in groups_of(1)]
    join(dynamodb, large, "first", shard=0)
    join(dynamodb, large, "second", shard=1)
    with watching(dynamodb) as watch:
        found = members(dynamo_stores, [large, *small])
    assert found[large.group_id] == ["first", "second"]
    assert len(found) == MANY + 1
    assert watch.calls["Query"] == 2


def test_group_that_turns_out_to_be_larger_is_read_by_a_query_until_it_is_small_again(
    dynamodb, dynamo_stores, small
):
    for number in range(SMALL_MEMBERS_MAX):
        join(dynamodb, small[3], f"more{number}")

    def queries():
        with watching(dynamodb) as watch:
            assert len(members(dynamo_stores, small)[small[3].group_id]) == expected
        return watch.calls["Query"]

    expected = SMALL_MEMBERS_MAX + 1
    assert [queries() for _ in range(3)] == [0, 1, 1]
    dynamodb.delete_item(
        TableName="subscriptions", Key={"pk": {"S": member_pk(small[3].group_id, 0)}, "sk": {"S": "more0"}}
    )
    expected = SMALL_MEMBERS_MAX
    assert [queries() for _ in range(3)] == [1, 0, 0]


def test_few_groups_are_read_by_queries(dynamodb, dynamo_stores, small):
    with watching(dynamodb) as watch:
        assert len(members(dynamo_stores, small[: SHARDS_MIN - 1])) == SHARDS_MIN - 1
    assert dict(watch.calls) == {"Query": SHARDS_MIN - 1}


def test_statement_of_several_pages_is_read_to_the_last(dynamodb, dynamo_stores, small):
    def page(operation, parameters):
        if operation != "ExecuteStatement" or parameters["Parameters"][0]["S"] != "g#" + "0" * 20 + "#0":
            return None
        number = int(parameters.get("NextToken", "0"))
        item = {"pk": {"S": member_pk(small[0].group_id, 0)}, "sk": {"S": f"p{number}"}}
        answer = {"Items": [item], **({"NextToken": str(number + 1)} if number < 2 else {})}
        return HttpResponse(200, json.dumps(answer).encode())

    with hooked(dynamodb, page):
        assert members(dynamo_stores, small)[small[0].group_id] == ["p0", "p1", "p2"]


@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [(DENIED, "allow dynamodb:PartiQLSelect"), (INVALID, "see the code")],
    ids=["denied", "invalid"],
)
def test_function_that_may_not_use_statements_reads_by_queries_from_then_on(
    dynamodb, dynamo_stores, small, capsys, *, refusal, remedy
):
    def deny(operation, _parameters):
        return refusal if operation == "ExecuteStatement" else None

    with hooked(dynamodb, deny), watching(dynamodb) as watch:
        assert len(members(dynamo_stores, small)) == MANY
        tried = watch.calls["ExecuteStatement"]
        assert len(members(dynamo_stores, small)) == MANY

    assert tried == watch.calls["ExecuteStatement"] > 0
    logged = capsys.readouterr().out
    assert "statements_refused" in logged
    assert f'"{remedy}"' in logged


def test_fault_of_dynamodb_is_no_reason_to_read_otherwise(dynamodb, dynamo_stores, small):
    def fail(operation, _parameters):
        return FAULT if operation == "ExecuteStatement" else None

    with hooked(dynamodb, fail), pytest.raises(StoreUnavailable):
        members(dynamo_stores, small)
    assert len(members(dynamo_stores, small)) == MANY
