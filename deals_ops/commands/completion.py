"""`completion SHELL`: print a script that completes commands and options in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deals_ops.completion.scripts import WRITERS
from deals_ops.completion.tree import list_commands
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from deals_ops.command_parsers import CommandParsers


def add_commands(parsers: CommandParsers) -> None:
    """Add the command. It describes the whole command line, hence knows the parser that it is part of."""
    command = parsers.add_command("completion", "print a script that completes commands in a shell")
    command.add_argument("shell", choices=tuple(WRITERS), metavar="SHELL", help=", ".join(WRITERS))
    command.set_defaults(run=run, needs_no_stack=True, parser=parsers.parent)


def run(arguments: Namespace, _terminal: Terminal) -> CommandResult:
    """Generate the script from the parser."""
    script = WRITERS[arguments.shell](list(list_commands(arguments.parser)))
    return CommandResult({"shell": arguments.shell, "script": script}, text=script)
