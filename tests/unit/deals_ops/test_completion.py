"""The completion scripts, in the shells that they are for. Those that this machine lacks are skipped."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

from deals_ops.command_parsers import Parser, shared_options
from deals_ops.completion.scripts import WRITERS, write_bash
from deals_ops.completion.tree import list_commands
from deals_ops.main import build_parser, main

DLQ = ["list", "purge", "redrive", "show"]
QUEUES = ["deliveries", "events", "forwards"]
LINES = [
    ("deals-ops st", ["status"]),
    ("deals-ops dlq ", DLQ),
    ("deals-ops dlq redrive ", QUEUES),
    ("deals-ops --environment production dlq ", DLQ),
    ("deals-ops --environment dlq dlq ", DLQ),
    ("deals-ops --json dlq redrive --dry-run e", ["events"]),
    ("deals-ops dlq redrive --limit 3 e", ["events"]),
    ("deals-ops connections list --us", ["--user"]),
    ("deals-ops connections --", ["--help"]),
    ("deals-ops completion ", ["bash", "fish", "zsh"]),
    ("deals-ops status --ch", ["--check"]),
]
NOTHING = ["deals-ops status --region ", "deals-ops dlq redrive events ", "deals-ops nothing-of-this x"]


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not installed")


def script(capsys, shell):
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def in_bash(text, line, folder=None):
    """The words that bash would offer at the end of a line."""
    harness = """
        eval "$SCRIPT"
        read -ra COMP_WORDS <<< "$LINE"
        [[ $LINE == *' ' ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _deals_ops 2>&1
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "SCRIPT": text, "LINE": line}
    command = ["bash", "-uc", harness]
    completed = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=folder
    )
    assert completed.stderr == ""
    return sorted(completed.stdout.split())


def in_fish(text, line, folder=None):
    """The words that fish would offer at the end of a line."""
    command = ["fish", "--no-config", "-c", 'echo "$SCRIPT" | source; complete -C "$LINE"']
    environment = {**os.environ, "SCRIPT": text, "LINE": line}
    completed = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=folder
    )
    assert completed.stderr == ""
    return sorted(offer.split("\t")[0] for offer in completed.stdout.splitlines())


ASK = [pytest.param("bash", in_bash, marks=needs("bash")), pytest.param("fish", in_fish, marks=needs("fish"))]


@pytest.mark.parametrize(("shell", "ask"), ASK)
@pytest.mark.parametrize(("line", "offers"), LINES)
def test_shell_offers_what_may_follow(capsys, shell, ask, line, offers):
    assert ask(script(capsys, shell), line) == offers


@pytest.mark.parametrize(("shell", "ask"), ASK)
@pytest.mark.parametrize("line", NOTHING)
def test_shell_offers_nothing_where_it_knows_nothing(capsys, tmp_path, shell, ask, line):
    assert ask(script(capsys, shell), line, tmp_path) == []


@pytest.mark.parametrize(("shell", "ask"), ASK)
def test_shell_offers_files_for_an_option_that_takes_one(capsys, tmp_path, shell, ask):
    (tmp_path / "ann-token.jwt").touch()

    offers = ask(script(capsys, shell), "deals-ops tail books --token-file ann", tmp_path)

    assert offers == ["ann-token.jwt"]


def type_into(command, lines, expected, seconds=20):
    """Type lines into an interactive shell on a terminal of its own; returns once the text has come."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, "PS1": "> ", "TERM": "dumb", "INPUTRC": "/dev/null"})
    heard = b""
    try:
        for line in lines:
            os.write(terminal, line.encode())
        deadline = time.monotonic() + seconds
        while expected.encode() not in heard and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                heard += os.read(terminal, 65_536)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)
    return heard.decode(errors="replace")


@pytest.mark.parametrize(
    ("command", "before"),
    [
        pytest.param(["bash", "--norc", "--noprofile", "-i"], ". {file}\n", marks=needs("bash"), id="bash"),
        pytest.param(
            ["zsh", "-f", "-i"],
            "PROMPT='> '; autoload -U compinit; compinit -u -D; source {file}\n",
            marks=needs("zsh"),
            id="zsh",
        ),
    ],
)
@pytest.mark.parametrize(
    ("typed", "becomes"),
    [("dlq red\t", "dlq redrive"), ("stat\t--ch\t", "--check"), ("dlq show d\t", "show deliveries")],
)
def test_tabulator_at_a_prompt_completes_the_line(tmp_path, command, before, typed, becomes):
    file = tmp_path / "completion"
    file.write_text(WRITERS[command[0]](list(list_commands(build_parser()))))

    heard = type_into(command, [before.format(file=file), f"deals-ops {typed}"], becomes)

    assert becomes in heard


@pytest.mark.parametrize("shell", WRITERS)
def test_script_is_also_printed_as_json_and_needs_no_stack(capsys, shell):
    def find(_arguments):
        raise AssertionError("the stack was looked up")

    assert main(["completion", shell, "--json"], find) == 0
    assert json.loads(capsys.readouterr().out) == {"shell": shell, "script": script(capsys, shell)}


def test_every_command_of_the_parser_is_completed():
    paths = {command.path for command in list_commands(build_parser())}
    assert {"", "status", "dlq", "dlq redrive", "index rebuild", "completion"} <= paths


@needs("fish")
def test_descriptions_with_quotes_reach_the_shell_as_they_are():
    parser = Parser(parents=[shared_options(top_level=True)])
    parser.add_argument("--odd", action="store_true", help='it\'s a \\ "text" with $HOME and `id`')
    text = WRITERS["fish"](list(list_commands(parser)))
    command = ["fish", "--no-config", "-c", 'echo "$SCRIPT" | source; complete -C "deals-ops --od"']
    printed = subprocess.run(
        command, env={**os.environ, "SCRIPT": text}, capture_output=True, text=True, check=True
    ).stdout
    assert printed == '--odd\tit\'s a \\ "text" with $HOME and `id`\n'
    assert "$HOME" not in write_bash(list(list_commands(parser)))
