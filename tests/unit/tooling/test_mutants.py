"""`make mutants`: which tests a change is given to, what counts as noticed, and that no file is changed."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants import __main__ as command
from tests.mutants import trial
from tests.mutants.equivalent import find_reason, read_reasons
from tests.mutants.executions import ROOT, find_place

PUSHER = "lambdas/realtime_core/push/pusher.py"
NOTICES = "tests/unit/push/test_pusher.py::test_push_is_tried_eight_times_before_it_is_a_dead_letter"
OTHER = "tests/unit/push/test_pusher.py::test_push_to_nobody_posts_nothing"


def _pusher(old: str, new: str) -> dict[str, str]:
    source = (ROOT / PUSHER).read_text("utf-8")
    assert source.count(old) == 1
    return {"file": PUSHER, "source": source.replace(old, new)}


@pytest.mark.parametrize(
    ("old", "new", "tests", "outcome"),
    [
        ("ATTEMPTS_MAX = 8", "ATTEMPTS_MAX = 9", [OTHER, NOTICES], trial.Outcome("killed", NOTICES)),
        ("ATTEMPTS_MAX = 8", "ATTEMPTS_MAX = 9", [OTHER], trial.Outcome("survived")),
        (
            "ATTEMPTS_MAX = 8",
            "ATTEMPTS_MAX = eight",
            [OTHER],
            trial.Outcome("killed", "tests/unit/push/test_pusher.py"),
        ),
        ("ATTEMPTS_MAX = 8", "ATTEMPTS_MAX = 9", [], trial.Outcome("untested")),
    ],
    ids=["noticed", "not-noticed", "not-importable", "not-executed"],
)
def test_a_mutant_is_killed_by_the_first_test_that_fails(old, new, tests, outcome) -> None:
    before = (ROOT / PUSHER).read_bytes()
    assert trial.run(_pusher(old, new), tests, dict.fromkeys(tests, 1.0)) == outcome
    assert (ROOT / PUSHER).read_bytes() == before


def test_a_mutant_whose_tests_do_not_end_is_killed(monkeypatch) -> None:
    monkeypatch.setattr(trial, "STARTED_WITHIN_S", 6)
    looping = _pusher("ATTEMPTS_MAX = 8", "while True: pass")
    assert trial.run(looping, [OTHER], {OTHER: 0.0}) == trial.Outcome("late")


def test_tests_that_cannot_run_are_no_proof() -> None:
    unknown = OTHER + "_else"
    with pytest.raises(RuntimeError, match="pytest ended with 5"):
        trial.run(_pusher("ATTEMPTS_MAX = 8", "ATTEMPTS_MAX = 9"), [unknown], {unknown: 1.0})


SOURCE = """\
LIMIT: int = (
    3
)

@decorated(4)
def decide(value, most=5):
    if (
        value > 6
    ):
        return [
            7,
        ]
    return 8

class Options:
    size: int = 9

def attempt():
    try:
        decide(10)
    except (
        ValueError
    ):
        return 11
"""


@pytest.mark.parametrize(
    ("line", "lines", "names"),
    [
        (2, [1, 2, 3], ["LIMIT"]),
        (5, [7, 8, 9, 10, 11, 12, 13], ["decide"]),
        (6, [7, 8, 9, 10, 11, 12, 13], ["decide"]),
        (8, [7, 8, 9], []),
        (11, [10, 11, 12], []),
        (13, [13], []),
        (16, [16], ["size"]),
        (22, [21, 22, 23], []),
    ],
    ids=["constant", "decorator", "default", "condition", "inside", "result", "field", "handler"],
)
def test_a_change_is_where_its_statement_runs(line, lines, names) -> None:
    place = find_place(SOURCE, line)
    assert ([*place.lines], place.names) == (lines, names)


def test_the_quickest_tests_are_run_as_many_as_the_time_allows() -> None:
    seconds = {"slow": 5.0, "quick": 0.5, "other": 1.0, "unused": 0.1}
    tests = {"slow", "quick", "other"}
    assert trial.choose(tests, seconds, 6.5) == ["quick", "other", "slow"]
    assert trial.choose(tests, seconds, 6.4) == ["quick", "other"]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"killed": 18, "late": 1, "survived": 1}, 0),
        ({"killed": 18, "survived": 1}, 1),
        ({"killed": 19, "untested": 1, "equivalent": 5}, 0),
        ({"killed": 18, "untested": 2, "equivalent": 80}, 1),
        ({"equivalent": 1}, 0),
    ],
)
def test_fewer_than_95_of_100_are_too_few_and_equivalents_do_not_count(ends, code) -> None:
    assert command._sum_up(Counter(ends)) == code


def test_every_equivalent_mutant_has_a_reason_and_a_line_that_is_still_there() -> None:
    entries = read_reasons()
    known = [(entry["file"], entry["before"], entry["after"]) for entry in entries]
    assert len(set(known)) == len(known)
    for entry in entries:
        text = (ROOT / entry["file"]).read_text("utf-8")
        assert entry["before"] in " ".join(line.strip() for line in text.splitlines()), entry
        assert entry["before"] != entry["after"]
        assert len(entry["reason"].split()) >= 5, entry


def test_an_equivalent_mutant_is_known_wherever_its_line_moves() -> None:
    entry = {
        "file": "f.py",
        "before": "a < b",
        "after": "a <= b",
        "reason": "a and b are never the same here",
    }
    assert find_reason({**entry, "line": 7}, [entry]) == entry["reason"]
    assert find_reason({**entry, "after": "a > b"}, [entry]) == ""


def test_files_with_rules_are_what_ships_without_twins_and_wiring() -> None:
    files = command.files()
    assert {"lambdas/realtime_core/push/planning.py", "lambdas/janitor/duties.py"} <= {*files}
    assert not [name for name in files if name.endswith(("/memory.py", "/wiring.py")) or "/builder/" in name]
    assert command.files("*/push/planning.py") == ["lambdas/realtime_core/push/planning.py"]


@pytest.mark.skipif(
    not command.PYTHON.exists(), reason="`make mutants` makes the environment of the operators"
)
def test_mutants_of_a_seed_are_the_same_and_change_what_runs(tmp_path: Path) -> None:
    file = tmp_path / "rules.py"
    file.write_text(
        "from __future__ import annotations\n\n"
        "def decide(value: int | None, names: list[str] = []) -> bool | None:\n"
        "    if value is not None and value > 6:\n"
        "        names.append('x')\n"
        "    return value not in (1, 2)\n"
    )

    def draw(seed: int) -> list[dict[str, str]]:
        arguments = [command.PYTHON, Path(trial.__file__).with_name("mutate.py"), str(seed), "100", file]
        made = subprocess.run(arguments, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in made.stdout.splitlines()]

    assert draw(1) == draw(1)
    changed = {(one["line"], one["after"]) for seed in range(4) for one in draw(seed)}
    assert {
        (4, "if value is not None or value > 6:"),
        (5, "pass"),
        (6, "return value in (1, 2)"),
        (6, "return None"),
    } <= changed
    assert {line for line, _ in changed} == {4, 5, 6}, "annotations do not run"
