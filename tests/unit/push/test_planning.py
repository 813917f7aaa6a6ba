"""Planning of delivery jobs, and the number of shards."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_core.connections.base import Recipient
from realtime_core.filters.filters import Attributes, Filter, parse_filter
from realtime_core.lifetimes import HANDSHAKE_SECONDS_MAX
from realtime_core.push.base import DeliveryJob
from realtime_core.push.planning import (
    ENVELOPE_BYTES,
    JOB_BYTES_MAX,
    JOB_IDS_MAX,
    JOB_USERS_MAX,
    decode_job,
    encode_job,
    opening_connections,
    reachable_connections,
    split_connections,
    split_job,
)
from realtime_core.subscriptions.base import Group, shards_for
from realtime_core.wire.strict_json import dumps
from tests import matching_oracle
from tests.matching_oracle import matching_groups

NOW = 1_795_382_480
IDS = [f"L0SM9c{number:06}Ihw=" for number in range(10_000)]


def group(number, raw, topic="all-deals"):
    return Group(f"g{number}", topic, parse_filter(raw).canonical)


def test_matching_groups_are_those_whose_filter_matches_in_their_order():
    groups = [group(1, {"a": 1}), group(2, {"a": 2}), group(3, {}), group(4, {"a": 1}, "a.b")]
    assert [item.group_id for item in matching_groups(groups, Attributes({"a": 1}, {}))] == ["g1", "g3", "g4"]


def test_matching_groups_evaluates_each_distinct_filter_once(monkeypatch):
    evaluated = []
    real = matching_oracle.load_filter

    def counting(canonical) -> Filter:
        evaluated.append(canonical)
        return real(canonical)

    monkeypatch.setattr(matching_oracle, "load_filter", counting)
    groups = [group(number, {"a": number % 3}) for number in range(300)]
    assert len(matching_groups(groups, Attributes({"a": 1}, {}))) == 100
    assert sorted(evaluated) == ['{"a":0}', '{"a":1}', '{"a":2}']


def test_reachable_connections_are_distinct_and_have_a_valid_token():
    members = [
        Recipient("b", NOW + 1),
        Recipient("a", NOW + 1),
        Recipient("b", NOW + 9),
        Recipient("gone", NOW),
        # One of two memberships has not learned yet of the refreshed token.
        Recipient("refreshed", NOW - 5),
        Recipient("refreshed", NOW + 5),
    ]
    assert reachable_connections(iter(members), NOW) == ["b", "a", "refreshed"]
    assert reachable_connections([], NOW) == []


@given(
    st.integers(0, 400),
    st.lists(st.text(min_size=1, max_size=8), max_size=60),
    st.integers(1, 20),
)
def test_split_connections_keeps_the_order_and_the_limits(payload_size, ids, ids_max):
    payload = "é" * (payload_size // 2)
    bytes_max = 500
    chunks = split_connections(payload, ids, bytes_max=bytes_max, ids_max=ids_max)
    assert [item for chunk in chunks for item in chunk] == ids
    for chunk in chunks:
        assert 1 <= len(chunk) <= ids_max
        assert len(payload.encode()) + len(dumps(chunk).encode()) <= bytes_max + 1


def test_split_connections_of_a_small_payload_is_limited_by_ids():
    assert [len(chunk) for chunk in split_connections("{}", IDS)] == [JOB_IDS_MAX] * 5


def test_split_connections_fills_a_chunk_to_its_last_byte():
    ids, each = ["id-1", "id-2", "id-3"], len('"id-1",')
    fits = len("{}") + 3 * each
    assert split_connections("{}", ids, bytes_max=fits) == [("id-1", "id-2", "id-3")]
    assert split_connections("{}", ids, bytes_max=fits - 1) == [("id-1", "id-2"), ("id-3",)]
    assert split_connections("{}", ids, bytes_max=len("{}") + each) == [("id-1",), ("id-2",), ("id-3",)]
    with pytest.raises(ValueError, match="leaves no room"):
        split_connections("{}", ids, bytes_max=len("{}") + each - 1)


def test_split_connections_counts_an_id_that_is_opening_twice_with_its_second():
    opening = {"id-1": 99_999_999_999}  # the most digits that there is room for
    needed = len("{}") + len('"id-1","id-1":99999999999,') + len('"id-2",')
    assert split_connections("{}", ["id-1", "id-2"], opening=opening, bytes_max=needed) == [("id-1", "id-2")]
    fewer = split_connections("{}", ["id-1", "id-2"], opening=opening, bytes_max=needed - 1)
    assert fewer == [("id-1",), ("id-2",)]


def test_limits_of_a_job_are_those_of_the_queue_and_of_the_account():
    """Two seconds of posts at a tenth of the account's 10,000 a second; the provider's largest message."""
    assert (JOB_BYTES_MAX, JOB_IDS_MAX) == (262_144, 2_000)
    payload = "x" * (JOB_BYTES_MAX - ENVELOPE_BYTES - len('"c",') - len("e1"))
    job = DeliveryJob(payload, ("c",), "deal", "e1", NOW * 1000)
    assert [len(part.connection_ids) for part in split_job(job)] == [1]
    with pytest.raises(ValueError, match="leaves no room"):
        split_job(job._replace(payload=payload + "x"))
    users = tuple(f"user-{number}" for number in range(51))
    assert [len(part.user_ids) for part in split_job(job._replace(connection_ids=(), user_ids=users))] == [
        50,
        1,
    ]


def test_split_connections_raises_if_no_id_fits():
    with pytest.raises(ValueError, match="leaves no room"):
        split_connections("x" * 100, ["id"], bytes_max=100)


# The worst payload: at the limit, and of characters that JSON within JSON would double.
LARGEST = dumps({"pad": '"' * 65_000})


@pytest.mark.parametrize(
    "payload", ["{}", LARGEST, dumps("é\ufffe\uffff😀\n\x01")], ids=["small", "largest", "odd"]
)
def test_split_job_keeps_every_field_and_fits_the_queue(payload):
    whole = DeliveryJob(
        payload, tuple(IDS), "deal", "e" * 128, NOW * 1000, 1, tracking_id=NOW * 1000 * 1000 * 1000
    )
    planned = split_job(whole)
    assert [item for job in planned for item in job.connection_ids] == IDS
    for job in planned:
        body = encode_job(job)
        assert len(body.encode()) <= JOB_BYTES_MAX
        assert not {"\ufffe", "\uffff"} & set(body), "characters that SQS rejects"
        assert decode_job(body) == job
        assert job._replace(connection_ids=whole.connection_ids, chunk=0) == whole
    assert [job.chunk for job in planned] == list(range(len(planned)))


def test_split_job_names_with_each_chunk_its_own_connections_that_may_be_opening():
    opening = {connection_id: NOW + at for at, connection_id in enumerate(IDS[1_990:2_010])}
    planned = split_job(DeliveryJob("{}", tuple(IDS), "notification", "e", NOW * 1000, opening=opening))
    assert [len(job.opening) for job in planned] == [10, 10, 0, 0, 0]
    assert planned[0].opening | planned[1].opening == opening
    assert [decode_job(encode_job(job)) for job in planned] == planned


def test_split_job_keeps_the_end_of_each_frame():
    frames = "\n".join("{}" for _ in range(100))
    whole = DeliveryJob(frames, tuple(IDS), "deal", ",".join(["e" * 128] * 100), NOW * 1000)
    planned = split_job(whole._replace(frames_end=(NOW, None) * 50))
    assert {job.frames_end for job in planned} == {(NOW, None) * 50}
    assert [decode_job(encode_job(job)) for job in planned] == planned
    assert max(len(encode_job(job).encode()) for job in planned) <= JOB_BYTES_MAX


def test_split_job_fits_the_queue_although_everybody_is_opening():
    """As after an outage, when all clients reconnect."""
    whole = DeliveryJob(LARGEST, tuple(f"{name:64}" for name in IDS), "notification", "e" * 128, NOW * 1000)
    planned = split_job(whole._replace(opening=dict.fromkeys(whole.connection_ids, NOW)))
    assert [item for job in planned for item in job.connection_ids] == list(whole.connection_ids)
    assert max(len(encode_job(job).encode()) for job in planned) <= JOB_BYTES_MAX


def test_opening_connections_are_those_made_seconds_ago():
    members = [
        Recipient("open", NOW + 60),
        Recipient("old", NOW + 60, NOW - HANDSHAKE_SECONDS_MAX),
        Recipient("young", NOW + 60, NOW - HANDSHAKE_SECONDS_MAX + 1),
        Recipient("ahead", NOW + 60, NOW + 1),
    ]
    assert opening_connections(members, NOW) == {"young": NOW - HANDSHAKE_SECONDS_MAX + 1, "ahead": NOW + 1}


def test_split_job_without_connections_is_empty():
    assert split_job(DeliveryJob("{}", (), "deal", "e", 1)) == []


def test_split_job_puts_users_into_jobs_of_their_own_and_numbers_all():
    users = tuple(f"user-{number}" for number in range(2 * JOB_USERS_MAX + 1))
    whole = DeliveryJob("{}", tuple(IDS[:3]), "notification", "e", 1, user_ids=users)

    planned = split_job(whole)

    assert [(len(job.connection_ids), len(job.user_ids)) for job in planned] == [
        (3, 0),
        (0, JOB_USERS_MAX),
        (0, JOB_USERS_MAX),
        (0, 1),
    ]
    assert tuple(user for job in planned for user in job.user_ids) == users
    assert [job.chunk for job in planned] == [0, 1, 2, 3]


@pytest.mark.parametrize("connection_ids", [(), ("c-1",)])
def test_encode_job_keeps_users(connection_ids):
    job = DeliveryJob("{}", connection_ids, "message", "e", 5, user_ids=("ann", "ben"))
    assert decode_job(encode_job(job)) == job


def test_encode_job_for_users_alone_has_no_connections_for_the_first_release_to_read():
    """It must fail on such a job, which then waits for a newer function, instead of posting to nobody."""
    fields = json.loads(
        encode_job(DeliveryJob("{}", (), "message", "e", 5, user_ids=("ann",))).split("\n")[0]
    )
    assert "connectionIds" not in fields


def test_encode_job_does_not_change_the_payload():
    job = DeliveryJob('{"a":"\\n"}', ("c-1",), "message", "e", 5, attempt=3, correlation_id="r-1")
    fields, payload = encode_job(job).split("\n")
    assert payload == '{"a":"\\n"}'
    assert json.loads(fields) == {
        "connectionIds": ["c-1"],
        "priority": "message",
        "eventId": "e",
        "publishedAtMs": 5,
        "attempt": 3,
        "position": None,
        "chunk": 0,
        "correlationId": "r-1",
    }


def test_decode_job_of_an_earlier_version_has_no_correlation_id():
    fields = json.loads(encode_job(DeliveryJob("{}", ("c-1",), "deal", "e", 5)).split("\n")[0])
    del fields["correlationId"]
    assert decode_job(json.dumps(fields) + "\n{}").correlation_id == ""


@pytest.mark.parametrize("text", ["", "{}", "x\n{}", "[]\n{}", "{}\n{}", '{"connectionIds":1}\n{}'])
def test_decode_job_rejects_anything_else(text):
    with pytest.raises(ValueError, match="not "):
        decode_job(text)


@pytest.mark.parametrize(
    ("members", "shards", "expected"),
    [(0, 1, 1), (2000, 1, 1), (2001, 1, 3), (0, 7, 7), (14_000, 7, 7), (14_001, 7, 15), (1_000_000, 1, 1000)],
)
def test_shards_for_adds_shards_only_above_the_maximum(members, shards, expected):
    assert shards_for(members, shards) == expected


@given(st.integers(0, 10**7), st.integers(1, 10**4))
def test_shards_for_never_shrinks_and_is_stable(members, shards):
    expected = shards_for(members, shards)
    assert expected >= shards
    assert members / expected <= 2000
    assert shards_for(members, expected) == expected
