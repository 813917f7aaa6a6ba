"""A failed Terraform says what the local cloud logged, and the logs stay in a place that it names."""

from __future__ import annotations

from local_cloud import diagnosis
from local_cloud.diagnosis import find_problems, keep_logs

PROXY = """\
2026-11-27 20:00:00,000 INFO ready on http://127.0.0.1:4566
2026-11-27 20:00:01,000 ERROR lambda * POST /f/policy: its answer was lost after 0.1 s
"""
EMULATOR = """\
2026-11-27 20:00:00 INFO [ministack] nothing of note
[2026-11-27 20:00:01 +0000] [7] [ERROR] Error in ASGI Framework
Traceback (most recent call last):
  File "app.py", line 1, in handle
KeyError: 'x'
2026-11-27 20:00:02 INFO [ministack] errors are not told by this line
"""


def test_problems_are_warnings_errors_and_the_lines_that_continue_them():
    assert list(find_problems(PROXY)) == PROXY.splitlines()[1:]
    assert list(find_problems(EMULATOR)) == EMULATOR.splitlines()[1:5]


def test_kept_logs_are_whole_and_their_problems_are_quoted(tmp_path):
    state, store = tmp_path / "run-1" / "cloud", tmp_path / "failed"
    state.mkdir(parents=True)
    (state / "proxy.log").write_text(PROXY)
    (state / "emulator.log").write_text(EMULATOR)

    text = keep_logs(state, store)

    (folder,) = store.iterdir()
    assert f"whole logs in {folder}" in text
    assert (folder / "proxy.log").read_text() == PROXY
    assert (folder / "emulator.log").read_text() == EMULATOR
    assert "its answer was lost after 0.1 s" in text
    assert "KeyError: 'x'" in text
    assert "ready on" not in text


def test_log_without_a_problem_says_so(tmp_path):
    state = tmp_path / "run-1" / "cloud"
    state.mkdir(parents=True)
    (state / "proxy.log").write_text(PROXY.splitlines()[0])

    assert "proxy.log: no warning and no error" in keep_logs(state, tmp_path / "failed")


def test_only_the_newest_failures_keep_their_logs(tmp_path, monkeypatch):
    monkeypatch.setattr(diagnosis, "KEPT", 2)
    for number in range(4):
        state = tmp_path / f"run-{number}" / "cloud"
        state.mkdir(parents=True)
        keep_logs(state, tmp_path / "failed")

    assert len(list((tmp_path / "failed").iterdir())) == 2
