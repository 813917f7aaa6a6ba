"""What `make demo` and `make local-up` say about the console, and how long the demo's service stays."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

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
