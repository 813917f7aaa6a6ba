import json
import logging
import os
import subprocess
import sys
import threading
from datetime import datetime

import pytest

from realtime_core.telemetry.logs import HIDDEN, MASK, bind, bound, get_logger

log = get_logger("tests.logs")

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"


@pytest.fixture
def lines(capsys):
    """The lines that were logged since the last call."""

    def read():
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read


def fail(reason, cause=None):
    raise ValueError(reason) from cause


def test_event_is_one_line_of_json_with_its_fields(lines):
    log.info("subscribed", topic="electronics\nlaptops", members=3, ok=True, filters={"maxPrice": 1.5})

    [line] = lines()
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset().total_seconds() == 0
    assert line == {
        "level": "INFO",
        "event": "subscribed",
        "logger": "tests.logs",
        "topic": "electronics\nlaptops",
        "members": 3,
        "ok": True,
        "filters": {"maxPrice": 1.5},
    }


def test_each_level_has_its_name(lines):
    log.debug("quiet")
    log.info("a")
    log.warning("b")
    log.error("c")

    levels = {line["event"]: line["level"] for line in lines()}
    assert levels == {"a": "INFO", "b": "WARNING", "c": "ERROR"}


def test_bound_fields_are_on_every_line_inside_and_on_none_outside(lines):
    with bound(connectionId="c1", userId="ann"):
        log.info("one")
        with bound(action="ping", userId="ben"):
            log.info("two")
        log.info("three")
    log.info("four")

    assert [{name: line.get(name) for name in ("connectionId", "userId", "action")} for line in lines()] == [
        {"connectionId": "c1", "userId": "ann", "action": None},
        {"connectionId": "c1", "userId": "ben", "action": "ping"},
        {"connectionId": "c1", "userId": "ann", "action": None},
        {"connectionId": None, "userId": None, "action": None},
    ]


def test_bind_lasts_until_the_enclosing_bound_ends_even_by_an_error(lines):
    def invoke():
        with bound(connectionId="c1"):
            bind(action="ping")
            log.info("inside")
            raise ValueError("an error")

    with pytest.raises(ValueError, match="an error"):
        invoke()
    log.info("outside")

    inside, outside = lines()
    assert (inside["connectionId"], inside["action"]) == ("c1", "ping")
    assert "action" not in outside
    assert "connectionId" not in outside


def test_bound_fields_of_one_thread_are_not_on_lines_of_another(lines):
    with bound(connectionId="c1"):
        other = threading.Thread(target=log.info, args=("elsewhere",))
        other.start()
        other.join()

    assert "connectionId" not in lines()[0]


@pytest.mark.parametrize("name", [*sorted(HIDDEN), "Token", "Authorization"])
def test_field_of_a_hidden_name_is_masked_however_deep_it_is(lines, name):
    with bound(**{name: "between us"}):
        log.info("a", **{name: "between us"}, outer={name: ["between us"], "list": [{name: "between us"}]})

    [line] = lines()
    assert line[name] == line["outer"][name] == line["outer"]["list"][0][name] == MASK
    assert "between us" not in json.dumps(line)


def test_names_that_only_resemble_hidden_ones_are_shown(lines):
    shown = {"tokenExp": 1, "messageId": "01J", "contentBytes": 7, "secretArn": "arn:x"}
    log.info("a", **shown)
    assert shown.items() <= lines()[0].items()


def test_jwt_is_masked_wherever_it_is(lines, capsys):
    try:
        fail(f"bad header: Bearer {JWT}")
    except ValueError:
        log.exception(f"event {JWT}", url=f"wss://host?token={JWT}", many=[JWT], deep={"a": JWT})

    text = capsys.readouterr().out
    assert "eyJ" not in text
    assert json.loads(text)["url"] == f"wss://host?token={MASK}"


def test_exception_is_logged_with_type_reason_and_stack(lines):
    try:
        try:
            int("cause")
        except ValueError as error:
            fail("effect", error)
    except ValueError:
        log.exception("action_failed", action="ping")

    [line] = lines()
    assert (line["level"], line["action"]) == ("ERROR", "ping")
    assert (line["exception"]["type"], line["exception"]["reason"]) == ("ValueError", "effect")
    assert "ValueError: invalid literal" in line["exception"]["stack"]


def test_exception_without_one_is_a_plain_error(lines):
    log.exception("odd")  # noqa: LOG004 - this is what it tests
    assert "exception" not in lines()[0]


def test_stack_that_is_long_keeps_its_end(lines):
    try:
        fail("x" * 9_000 + " the end")
    except ValueError:
        log.exception("a")
    assert len(lines()[0]["exception"]["stack"]) == 8_000


def test_fields_cannot_replace_what_a_line_is(lines):
    with bound(level="x", event="y", connectionId="bound"):
        log.info("real", logger="z", timestamp=0, connectionId="call")

    [line] = lines()
    assert (line["event"], line["level"], line["logger"]) == ("real", "INFO", "tests.logs")
    assert line["timestamp"] != 0
    assert line["connectionId"] == "call"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"a": object()}, {object(): 1}, "\ud800"])
def test_value_that_is_not_json_is_logged_as_text(lines, value):
    log.info("a", value=value, percent="100 %s")
    assert lines()[0]["event"] == "a"


def test_value_that_cannot_be_logged_costs_the_line_and_not_the_caller(lines, monkeypatch):
    class Unprintable:
        def __str__(self):
            raise RuntimeError("no")

    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.info("a", value=Unprintable())
    log.info("b")
    assert [line["event"] for line in lines()] == ["b"]


def test_libraries_log_no_details_although_lambda_lets_them_pass():
    """Lambda's runtime sets the root to the function's `application_log_level` before our modules load."""
    program = (
        "import logging; logging.basicConfig(level='DEBUG')\n"
        "from realtime_core.telemetry.logs import get_logger\n"
        "logging.getLogger('library').debug('detail'); logging.getLogger('library').warning('problem')\n"
        "get_logger('x').info('i')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stderr == "WARNING:library:problem\n"
    assert [json.loads(line)["event"] for line in ran.stdout.splitlines()] == ["i"]


@pytest.mark.parametrize(
    ("level", "logged"),
    [("DEBUG", ["d", "i", "w"]), ("", ["i", "w"]), ("WARNING", ["w"]), ("LOUD", ["i", "w"])],
)
def test_level_is_that_of_the_environment(level, logged):
    program = (
        # Lambda's runtime has a handler of its own.
        "import logging, os; logging.basicConfig(force=True)\n"
        "from realtime_core.telemetry.configuration import configure\n"
        "from realtime_core.telemetry.logs import get_logger\n"
        "configure(os.environ)\n"
        "log = get_logger('x'); log.debug('d'); log.info('i'); log.warning('w')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "LOG_LEVEL": level},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [json.loads(line)["event"] for line in ran.stdout.splitlines()] == logged
    assert ran.stderr == ""
