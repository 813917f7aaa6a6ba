import pytest

from realtime_core.errors import SettingsInvalid
from realtime_core.settings import read
from redis_relay.settings import Settings

NEEDED = {"BROADCAST_FUNCTION": "deals-test-broadcast", "REDIS_URL": "rediss://cache.example:6379"}


def test_settings_without_options_have_the_documented_defaults():
    settings = read(Settings, NEEDED)
    assert (settings.relay_seconds, settings.relay_parallel, settings.stream_keep_seconds) == (840, 4, 300)


def test_settings_without_redis_are_refused_by_name():
    with pytest.raises(SettingsInvalid, match="REDIS_URL is not set"):
        _ = read(Settings, {"BROADCAST_FUNCTION": "b"}).address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAY_SECONDS", "149"),
        ("RELAY_SECONDS", "900"),
        ("RELAY_PARALLEL", "0"),
        ("STREAM_KEEP_SECONDS", "-1"),
    ],
)
def test_setting_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(SettingsInvalid, match=f"{name} must be a whole number"):
        read(Settings, {**NEEDED, name: value})
