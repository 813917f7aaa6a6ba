"""`deals_ops watch`: the live view, with read-only permissions, on a pipe and on a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import sys
import time

import pytest

from local_cloud.stack import ROOT
from tests.e2e.documented_shapes import documented_shape, key_paths

SECONDS_MAX = 60


async def test_watch_prints_a_line_of_json_each_refresh(reader, stack, connects, user, topic):
    person = await connects(user)
    await person.subscribe(topic)
    watching = asyncio.create_task(reader.expect_process("watch", "--json", "--seconds", "1", "--count", "6"))
    while not watching.done():
        await asyncio.to_thread(stack.publish, topic=topic, data={"number": 1})
        await asyncio.sleep(0.1)

    samples = [json.loads(line) for line in (await watching).out.splitlines()]

    assert len(samples) == 6
    assert key_paths({**samples[-1], "alarms": []}) <= key_paths(documented_shape("watch"))
    assert samples[0]["eventsPerSecond"] is None
    assert max(sample["eventsPerSecond"] for sample in samples[1:]) > 0
    assert samples[-1]["connections"] >= 1
    assert {queue["queue"] for queue in samples[-1]["queues"]} == set(stack.outputs["queue_urls"])


def watch_on_a_terminal(environment, end):
    """Run `watch` on a terminal, end it once the view is there, and return its exit code and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background ignores it, and so would this
        command = [sys.executable, "-m", "deals_ops", "watch", "--seconds", "60"]
        os.execvpe(command[0], command, {**os.environ, **environment, "TERM": "xterm-256color"})
    heard, deadline = b"", time.monotonic() + SECONDS_MAX
    try:
        while b"q ends" not in heard and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                heard += os.read(terminal, 65_536)
        end(pid, terminal)
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                heard += os.read(terminal, 65_536)
            except OSError:  # the other end is closed
                break
        else:
            os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), heard.decode()
    finally:
        os.close(terminal)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda _, terminal: os.write(terminal, b"q"), id="q"),
        pytest.param(lambda pid, _: os.kill(pid, signal.SIGINT), id="ctrl-c"),
    ],
)
async def test_watch_on_a_terminal_ends_well(reader, end):
    code, heard = await asyncio.to_thread(watch_on_a_terminal, reader.environment, end)

    assert code == 0, heard
    assert "deals-local" in heard
    assert "events a second" in heard
    assert heard.rindex("\x1b[?1049l") > heard.index("\x1b[?1049h"), "the screen of before is back"


async def test_watch_of_a_stack_that_does_not_exist_says_so(operator):
    root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    result = await operator.expect("watch", "--environment", "nowhere", code=3, **root)
    assert "there is no function deals-nowhere-janitor" in result.err
