"""The pages for operators agree with the code."""

import argparse
import re
from pathlib import Path

import pytest

from deals_ops.errors import EXIT_CODES
from deals_ops.main import build_parser
from deals_ops.reference_tables import PAGE, update_tables
from tests.e2e.documented_shapes import documented_shape

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_tables_of_settings_error_codes_and_cost_are_up_to_date():
    page = PAGE.read_text("utf-8")
    assert update_tables(page) == page, "run `make reference`"


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="no marks for the table 'settings'"):
        update_tables("# Operations\n")


def test_exit_codes_are_documented():
    page = (DOCS / "operator_cli.md").read_text("utf-8")
    documented = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert documented == {str(code): meaning for code, meaning in EXIT_CODES.items()}


def commands(of=None, before=()):
    for action in (of or build_parser())._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield from commands(sub, (*before, name))
            return
    yield (
        " ".join(before),
        [option for action in of._actions for option in action.option_strings if option.startswith("--")],
    )


SHARED = {"--help", "--name", "--environment", "--local", "--region", "--profile", "--json", "--yes"}


@pytest.mark.parametrize(("command", "options"), [pytest.param(*item, id=item[0]) for item in commands()])
def test_every_command_and_option_is_documented(command, options):
    page = (DOCS / "operator_cli.md").read_text("utf-8").replace("\\|", "|")
    lines = [line for line in page.splitlines() if line.startswith("| `") and f"`{command}" in line]
    assert lines, command
    for option in set(options) - SHARED:
        assert any(option in line for line in lines), f"{command} {option}"


@pytest.mark.parametrize("command", [name for name, _ in commands() if name.partition(" ")[0] != "index"])
def test_every_command_documents_what_it_prints_as_json(command):
    """Those of the index print what a function of its own answers."""
    assert documented_shape(command)


def test_every_alarm_of_the_stack_is_in_the_runbook():
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8").partition("## Alarms")[2], re.MULTILINE))
    for page in (DOCS.parent / "terraform" / "modules").glob("alarms/README.md"):
        alarms = page.read_text("utf-8").partition("## Alarms")[2].partition("<!-- BEGIN_TF_DOCS -->")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", alarms, re.MULTILINE)) <= rows
    assert {"janitor_silent", "dead_letters", "queue_age", "error_rate"} <= rows


def test_every_anchor_that_the_pages_link_to_exists():
    for page in (PAGE, DOCS / "operator_cli.md"):
        text = page.read_text("utf-8")
        for target, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text):
            file = (page.parent / target) if target else page
            heads = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{page.name}: {target}#{anchor}"
