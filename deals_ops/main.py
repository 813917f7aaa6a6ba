"""The command line: parse the arguments, run the command, and report errors together with their remedy."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import TYPE_CHECKING, Protocol

from deals_ops.command_parsers import ArgumentsRefused, CommandParsers, Parser, shared_options
from deals_ops.commands import (
    block,
    completion,
    connections,
    cost,
    dlq,
    index,
    kick,
    publish,
    restore,
    revoke,
    status,
    tail,
    token,
    unsubscribe,
    watch,
    who,
)
from deals_ops.error_translation import translate_error
from deals_ops.errors import EXIT_CODES, INTERRUPTED, CallFailed, WrongArgument
from deals_ops.stack_lookup import find_stack
from deals_ops.terminal import CommandResult, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deals_ops.stack import Stack

COMMANDS = (
    status.add_commands,
    watch.add_commands,
    connections.add_commands,
    who.add_commands,
    kick.add_commands,
    revoke.add_commands,
    block.add_commands,
    unsubscribe.add_commands,
    publish.add_commands,
    tail.add_commands,
    token.add_commands,
    dlq.add_commands,
    index.add_commands,
    restore.add_commands,
    cost.add_commands,
    completion.add_commands,
)
"""Each adds its commands to the parser, in the order in which the help lists them."""


class StackFinder(Protocol):
    """Returns the stack that the arguments select."""

    def __call__(self, arguments: argparse.Namespace) -> Stack:  # noqa: D102 - the class says it
        ...


def main(argv: Sequence[str] | None = None, find: StackFinder = find_stack) -> int:
    """Run one command and return its exit code, as listed in docs/operator_cli.md."""
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = build_parser().parse_args(words)
    except ArgumentsRefused as refused:
        terminal = Terminal(as_json="--json" in words)
        if not terminal.as_json:
            terminal.print_note(refused.usage.rstrip())
        terminal.print_error(WrongArgument(refused.message))
        return WrongArgument.exit_code

    terminal = Terminal(as_json=arguments.json, assume_yes=arguments.yes)
    try:
        result = _run(arguments, terminal, find)
        terminal.print_result(result)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe (`| head`). Python would raise once more when it flushes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the edge: every error becomes a message and an exit code
        reported, details = translate_error(error), ""
        if reported is None:
            details = "".join(traceback.format_exception(error))
            reported = CallFailed(f"internal error of the command line: {error!r}")
        terminal.print_error(reported, details)
        return reported.exit_code

    return result.exit_code


def _run(arguments: argparse.Namespace, terminal: Terminal, find: StackFinder) -> CommandResult:
    """Run a command, which is about a stack unless it `needs_no_stack`."""
    run: Callable[..., CommandResult] = arguments.run
    if getattr(arguments, "needs_no_stack", False):
        return run(arguments, terminal)
    return run(find(arguments), arguments, terminal)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands and options."""
    exit_codes = "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())
    parser = Parser(
        prog="python -m deals_ops",
        description="Inspect and repair a deployed or local stack of the deals WebSocket service.",
        epilog=f"exit codes:\n{exit_codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared_options(top_level=True)],
        allow_abbrev=False,
    )

    parsers = CommandParsers(parser)
    for add_commands in COMMANDS:
        add_commands(parsers)
    return parser
