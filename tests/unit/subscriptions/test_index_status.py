"""Whether the index in Redis can be used, from what the server says of itself and of the index."""

import pytest

from realtime_core.redis.client import RedisFault
from realtime_core.subscriptions.redis_keys import FORMAT, MAINTENANCE_SECONDS_MAX, server_of, verify_status

NOW = 1_795_382_480
SERVER = "# Server\r\nrun_id:mmm\r\n"
PRIMARY = "# Replication\r\nrole:master\r\nmaster_replid:rrr\r\n"


def status(*, state="ready", epoch="e-1", built_on="mmm:rrr", layout=FORMAT, tended=NOW, replication=PRIMARY):
    return [[state, epoch, built_on, layout, str(tended)], SERVER, replication]


def test_index_that_can_be_used_returns_its_epoch():
    assert verify_status(status(), NOW) == "e-1"
    assert verify_status(status(tended=NOW - MAINTENANCE_SECONDS_MAX), NOW) == "e-1"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"built_on": "aaa:rrr"}, "other_server"),
        ({"built_on": "zzz:rrr"}, "other_server"),
        ({"built_on": None}, "other_server"),
        ({"state": "building"}, "not_ready"),
        ({"state": "a"}, "not_ready"),
        ({"state": "z"}, "not_ready"),
        ({"epoch": None}, "not_ready"),
        ({"layout": "0"}, "not_ready"),
        ({"layout": "999"}, "not_ready"),
        ({"tended": NOW - MAINTENANCE_SECONDS_MAX - 1}, "untended"),
        ({"replication": PRIMARY.replace("master\r", "slave\r")}, "not_primary"),
    ],
    ids=str,
)
def test_index_that_cannot_be_used_names_the_reason(changed, reason):
    with pytest.raises(RedisFault) as fault:
        verify_status(status(**changed), NOW)
    assert fault.value.reason == reason


def test_server_without_a_run_id_is_known_by_its_replication():
    assert server_of("# Server\r\n", PRIMARY) == ":rrr"
