import pytest

from realtime_core.errors import SettingsInvalid
from realtime_core.settings import LoggingSettings, choice, flag, read, text, url, whole, words


class Settings(LoggingSettings):
    connections_table: str = text()
    audience: str | None = text(default=None)
    region_code: str = text(default="eu-1", pattern="[a-z]{2}-[0-9]", expected="like eu-1")
    max_subscriptions: int = whole(minimum=1, maximum=50, default=50)
    mode: str = choice(("fast", "safe"), default="safe")
    algorithms: tuple[str, ...] = words(("HS256", "RS256"), default=("HS256",))
    endpoint: str = url()
    index_enabled: bool = flag(default=False)


REQUIRED = {"CONNECTIONS_TABLE": "connections", "ENDPOINT": "https://api.example.com/live"}


def test_read_takes_defaults_for_what_is_not_set():
    assert vars(read(Settings, REQUIRED)) == {
        "connections_table": "connections",
        "audience": None,
        "region_code": "eu-1",
        "max_subscriptions": 50,
        "mode": "safe",
        "algorithms": ("HS256",),
        "endpoint": "https://api.example.com/live",
        "index_enabled": False,
        "log_level": "INFO",
        "log_sample_rate": 0.0,
        "service": "unknown",
    }


def test_settings_that_were_read_cannot_be_changed():
    settings = read(Settings, REQUIRED)
    with pytest.raises(AttributeError, match="read once"):
        settings.mode = "fast"
    assert settings.mode == "safe"


def test_read_turns_texts_into_values():
    environ = REQUIRED | {
        "AUDIENCE": "deals",
        "REGION_CODE": "us-2",
        "MAX_SUBSCRIPTIONS": " 7 ",
        "MODE": "fast",
        "ALGORITHMS": "HS256, RS256",
        "ENDPOINT": "http://127.0.0.1:4566/_aws/execute-api/a1/live/",
        "INDEX_ENABLED": "true",
        "LOG_LEVEL": "DEBUG",
        "LOG_SAMPLE_RATE": "0.25",
        "SERVICE": "deals-test",
        "SOMETHING_ELSE": "is none of its business",
    }

    assert vars(read(Settings, environ)) == {
        "connections_table": "connections",
        "audience": "deals",
        "region_code": "us-2",
        "max_subscriptions": 7,
        "mode": "fast",
        "algorithms": ("HS256", "RS256"),
        "endpoint": "http://127.0.0.1:4566/_aws/execute-api/a1/live",
        "index_enabled": True,
        "log_level": "DEBUG",
        "log_sample_rate": 0.25,
        "service": "deals-test",
    }


@pytest.mark.parametrize(
    ("name", "raw", "remedy"),
    [
        ("CONNECTIONS_TABLE", "", "CONNECTIONS_TABLE is not set; set it to a text that is not empty"),
        ("CONNECTIONS_TABLE", "  ", "CONNECTIONS_TABLE is not set"),
        ("REGION_CODE", "eu-1 ;", "REGION_CODE must be like eu-1, not 'eu-1 ;'"),
        ("INDEX_ENABLED", "yes", "INDEX_ENABLED must be true or false, not 'yes'"),
        ("MAX_SUBSCRIPTIONS", "51", "MAX_SUBSCRIPTIONS must be a whole number from 1 to 50, not '51'"),
        ("MAX_SUBSCRIPTIONS", "0", "from 1 to 50"),
        ("MAX_SUBSCRIPTIONS", "7.5", "whole number"),
        ("MAX_SUBSCRIPTIONS", "many", "whole number"),
        ("MODE", "Fast", "MODE must be one of fast, safe"),
        ("ALGORITHMS", "HS256,none", "ALGORITHMS must be one or more of HS256, RS256"),
        ("ALGORITHMS", ",", "ALGORITHMS"),
        ("ENDPOINT", "api.example.com", "ENDPOINT must be a URL"),
        ("ENDPOINT", "wss://api.example.com", "ENDPOINT must be a URL"),
        ("ENDPOINT", "https://", "ENDPOINT must be a URL"),
        ("ENDPOINT", "https://api.example.com:99999", "ENDPOINT must be a URL"),
        ("ENDPOINT", "https://me:secret@api.example.com", "ENDPOINT must be a URL"),
        ("ENDPOINT", "https://api.example.com/a b", "ENDPOINT must be a URL"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL must be one of DEBUG, INFO"),
        ("LOG_SAMPLE_RATE", "2", "LOG_SAMPLE_RATE must be a number from 0 to 1, not '2'"),
        ("LOG_SAMPLE_RATE", "nan", "LOG_SAMPLE_RATE"),
        ("LOG_SAMPLE_RATE", "half", "LOG_SAMPLE_RATE"),
        ("SERVICE", 'deals"', "SERVICE must be 1 to 128"),
    ],
)
def test_read_names_the_variable_and_the_remedy(name, raw, remedy):
    with pytest.raises(SettingsInvalid) as raised:
        read(Settings, REQUIRED | {name: raw})
    assert remedy in str(raised.value)


def test_read_names_every_variable_at_fault_at_once():
    with pytest.raises(SettingsInvalid, match=r"CONNECTIONS_TABLE.*MAX_SUBSCRIPTIONS.*ENDPOINT"):
        read(Settings, {"MAX_SUBSCRIPTIONS": "x"})


def test_read_shows_no_more_than_the_beginning_of_a_wrong_value():
    with pytest.raises(SettingsInvalid) as raised:
        read(Settings, REQUIRED | {"MODE": "x" * 5_000})
    assert len(str(raised.value)) < 300
