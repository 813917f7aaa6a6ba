"""What people see while they wait for the service, and what a log gets."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from local_cloud import progress as module
from local_cloud.progress import Progress, Step, describe_wait, shorten

CACHE = "module.deals_websocket.module.cache[0].aws_elasticache_replication_group.this"
QUEUE = 'module.deals_websocket.module.fan_out.aws_sqs_queue.dead_letter["events"]'
TABLE = "aws_dynamodb_table.this"


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (CACHE, "cache[0] elasticache_replication_group"),
        (QUEUE, 'fan_out sqs_queue["events"]'),
        (TABLE, "dynamodb_table"),
        ("module.x.terraform_data.y", "x terraform_data"),
        ("something else", "something else"),
    ],
)
def test_resource_is_named_as_a_person_reads_it(address, text):
    assert shorten(address) == text


def test_what_takes_longest_is_named_first_and_the_rest_is_counted():
    since = {TABLE: 90.0, QUEUE: 80.0, CACHE: 77.2, "aws_a.b": 99.0}

    assert describe_wait(since, 100.0) == (
        'cache[0] elasticache_replication_group 23 s, fan_out sqs_queue["events"] 20 s and 2 more'
    )
    assert describe_wait({TABLE: 90.0}, 100.0) == "dynamodb_table 10 s"
    assert describe_wait({}, 100.0) == ""


@pytest.fixture
def show(monkeypatch):
    """Show steps on a console; return what it got."""

    def show(*steps, terminal=False, environment=None):
        monkeypatch.setattr(module.time, "monotonic", lambda: NOW)
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in (environment or {"TERM": "xterm"}).items():
            monkeypatch.setenv(name, value)
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
        with Progress(console) as progress:
            for step in steps:
                progress(step)
            if progress._bar is not None:
                progress._bar.refresh()
        return console.file.getvalue()

    return show


NOW = 1_000.0
"""The clock stands, so what is shown does not depend on how busy the machine is."""
STEPS = (
    "starting the local cloud",
    Step("1/9 aws_a.b", 1, 9, {CACHE: NOW - 5}),
    Step("2/9 aws_a.c", 2, 9, {}),
)


def test_log_gets_plain_lines_and_not_one_for_each_resource(show, monkeypatch):
    assert show(*STEPS) == "   0 s  starting the local cloud\n"

    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", -1)
    assert show(*STEPS) == (
        "   0 s  starting the local cloud\n"
        "   0 s  1/9 waiting for cache[0] elasticache_replication_group 5 s\n"
        "   0 s  2/9 aws_a.c\n"
    )


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal_that_wants_no_drawing_gets_the_same_lines(show, environment):
    assert show(*STEPS, terminal=True, environment=environment) == "   0 s  starting the local cloud\n"


@pytest.mark.parametrize("environment", [None, {"NO_COLOR": "", "TERM": "xterm"}])
def test_terminal_gets_a_bar_with_what_is_waited_for(show, environment):
    printed = show(*STEPS[:2], terminal=True, environment=environment)

    assert "1/9 waiting for cache[0] elasticache_replication_group 5 s" in printed
    assert "━" in printed
    assert printed.endswith("\x1b[2K"), "the bar leaves no trace"


def test_step_is_a_line_for_whoever_only_prints_it():
    assert STEPS[1] == "1/9 aws_a.b"
    assert f"{STEPS[1]}" == "1/9 aws_a.b"
