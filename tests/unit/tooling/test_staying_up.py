"""What `make demo` and `make local-up` say about the console, and how long the demo's service stays."""

from __future__ import annotations

import asyncio
import io
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from rich.console import Console

from deals_client import NoReply
from deals_publisher import NotPublished
from examples import demo
from local_cloud import up
from local_cloud.settings import CloudFailed
from local_cloud.terraform import TerraformFailed

URL = "http://127.0.0.1:4566/console/"
TOKEN = "eyJ.secret.token"


def build_stack(console_url=URL):
    arns = {"broadcast": "arn:aws:lambda:us-east-1:000000000000:function:deals-local-broadcast:live"}
    return SimpleNamespace(
        endpoint="http://127.0.0.1:4566",
        websocket_url="ws://127.0.0.1:4566/_aws/execute-api/a/v1",
        console_url=console_url,
        redis=None,
        outputs={
            "function_arns": arns,
            "queue_urls": {"events": "http://127.0.0.1:4566/0/events"},
            "publish_api_url": "http://127.0.0.1:4566/_aws/execute-api/b/$default",
        },
        token=lambda user, **claims: TOKEN,
    )


@pytest.fixture
def end(monkeypatch):
    """End the demo with or without a terminal; return what it printed and whether it waited for Enter."""

    def end(stack, *, terminal, keep=False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200, no_color=True)
        waited = []
        monkeypatch.setattr(demo, "console", console)
        monkeypatch.setattr(demo.sys, "stdin", SimpleNamespace(isatty=lambda: terminal))
        monkeypatch.setattr(console, "input", waited.append)
        monkeypatch.setattr(demo.signal, "pause", lambda: waited.append("Ctrl-C"))
        demo.stay(stack, keep=keep)
        return console.file.getvalue(), waited

    return end


def test_demo_without_a_terminal_ends_by_itself_and_names_what_stays(end):
    printed, waited = end(build_stack(), terminal=False)

    assert (waited, "make local-up" in printed) == ([], True)


def test_demo_on_a_terminal_stays_until_enter_with_its_console(end):
    printed, waited = end(build_stack(), terminal=True)

    assert [text.partition(" to ")[0] for text in waited] == ["Press Enter"]
    assert URL in printed
    assert TOKEN not in printed


def test_demo_on_another_emulator_has_no_console_to_stay_for(end):
    printed, waited = end(build_stack(console_url=None), terminal=True)

    assert (waited, "None" in printed) == ([], False)


def test_demo_that_is_kept_waits_for_ctrl_c_wherever_it_runs(end):
    for terminal in (True, False):
        printed, waited = end(build_stack(), terminal=terminal, keep=True)
        assert waited == ["Ctrl-C"]
        assert TOKEN in printed


@pytest.fixture
def bring_up(monkeypatch):
    """Replace what starts the service."""

    def replace(result):
        def bring_up(progress):
            progress("starting the local cloud")
            if isinstance(result, BaseException):
                raise result
            return result

        monkeypatch.setattr(up, "bring_up", bring_up)
        monkeypatch.setattr(up, "isolate", lambda: None)

    return replace


def test_local_up_names_the_console_before_everything_to_type(bring_up, capsys):
    bring_up(build_stack())

    assert up.main([]) == 0

    printed = capsys.readouterr().out
    assert f"Watch it in a browser: {URL}\n" in printed
    assert printed.index(URL) < printed.index("export TOKEN=")


def test_console_alone_prints_no_token(bring_up, capsys):
    bring_up(build_stack())

    assert up.main(["--console"]) == 0

    printed = capsys.readouterr().out
    assert printed.endswith(f"Watch it in a browser: {URL}\n")
    assert TOKEN not in printed


@pytest.mark.parametrize(
    "failure", [CloudFailed("port 1 is taken: stop it"), TerraformFailed("port 1 is taken: x")]
)
def test_failure_is_told_without_a_trace(bring_up, capsys, failure):
    bring_up(failure)

    assert up.main([]) == 1
    assert capsys.readouterr().err.startswith("port 1 is taken")


def test_interruption_is_no_failure_of_ours(bring_up, capsys):
    bring_up(KeyboardInterrupt())

    assert up.main([]) == 130
    assert "Traceback" not in capsys.readouterr().err


# What the demo says when the service fails


def fail_with(monkeypatch, error):
    """Run the demo on a service on which it fails; return its exit code and what it printed."""
    console = Console(file=io.StringIO(), width=200, no_color=True)

    @contextmanager
    def running(*_arguments, **_options):
        yield build_stack()

    async def run_demo(_stack):
        raise error

    monkeypatch.setattr(demo, "console", console)
    monkeypatch.setattr(demo, "running_stack", running)
    monkeypatch.setattr(demo, "run_demo", run_demo)
    monkeypatch.setattr(demo, "isolate", lambda: None)
    monkeypatch.setattr(demo.sys, "argv", ["demo"])
    return demo.main(), console.file.getvalue()


NOT_PUBLISHED = NotPublished("7-001", "no answer")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (TimeoutError("the relay does not listen"), "TimeoutError: the relay does not listen"),
        (NOT_PUBLISHED, f"NotPublished: {NOT_PUBLISHED}"),
        (ExceptionGroup("tasks", [NOT_PUBLISHED, NOT_PUBLISHED]), f"NotPublished: {NOT_PUBLISHED}"),
        (NoReply("no reply"), "NoReply: no reply"),
        (CloudFailed("port 4566 is taken"), "port 4566 is taken"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_service_that_fails_under_the_demo_ends_it_with_one_line(monkeypatch, error, line):
    code, printed = fail_with(monkeypatch, error)

    assert code == 1
    assert printed.splitlines()[-1] == line


@pytest.mark.parametrize("error", [KeyError("x"), ExceptionGroup("tasks", [NOT_PUBLISHED, KeyError("x")])])
def test_fault_of_the_demo_itself_keeps_its_trace(monkeypatch, error):
    with pytest.raises(type(error)):
        fail_with(monkeypatch, error)


def test_message_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(demo, "MESSAGE_SECONDS", 0.01)

    with pytest.raises(TimeoutError, match=r"^the receipt did not come within 0\.01 s$"):
        asyncio.run(demo.take_in_time(asyncio.Queue(), "the receipt"))
