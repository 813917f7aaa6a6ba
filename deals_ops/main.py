"""The command line: parse, run, and say what went wrong in words that name the remedy."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from deals_ops import commands
from deals_ops.error_translation import explained
from deals_ops.errors import EXIT_CODES, INTERRUPTED, CallFailed
from deals_ops.stack_lookup import find_stack
from deals_ops.terminal import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deals_ops.stack import Stack


class Finder(Protocol):
    """Says which stack is meant."""

    def __call__(self, arguments: argparse.Namespace) -> Stack:  # noqa: D102 - the class says it
        ...


def main(argv: Sequence[str] | None = None, find: Finder = find_stack) -> int:
    """Run one command; its exit code, as docs/operator_cli.md lists them."""
    arguments = parser().parse_args(argv)
    screen = Screen(as_json=arguments.json, assume_yes=arguments.yes)
    try:
        answer = arguments.run(find(arguments), arguments, screen)
        screen.show(answer)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has gone (`| head`); Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the edge: every error becomes a sentence and an exit code
        told = explained(error)
        if told is None:
            traceback.print_exception(error)
            told = CallFailed(f"a fault of the command line itself: {error!r}")
        screen.failed(told)
        return told.exit_code
    return int(answer.exit_code)


def parser() -> argparse.ArgumentParser:
    """Everything that can be asked for; the shared options may stand before or behind the command."""
    codes = "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())
    top = argparse.ArgumentParser(
        prog="python -m deals_ops",
        description="Look at a deployed or local stack of the deals WebSocket service, and mend it.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_shared(top=True)],
        allow_abbrev=False,
    )
    subcommands = top.add_subparsers(metavar="COMMAND", required=True)
    for module in commands.ALL:
        module.register(Registrar(subcommands))
    return top


class Registrar:
    """Adds a command that takes the shared options too."""

    def __init__(self, subcommands: Any) -> None:
        self._subcommands = subcommands

    def command(self, name: str, about: str, **options: Any) -> argparse.ArgumentParser:
        """A new command; `about` is its line of help."""
        made: argparse.ArgumentParser = self._subcommands.add_parser(
            name, help=about, description=about, parents=[_shared(top=False)], allow_abbrev=False, **options
        )
        return made

    def group(self, name: str, about: str) -> Registrar:
        """A command that has commands of its own."""
        made = self._subcommands.add_parser(name, help=about, description=about, allow_abbrev=False)
        return Registrar(made.add_subparsers(metavar="COMMAND", required=True))


def _shared(*, top: bool) -> argparse.ArgumentParser:
    """Options of every command. Behind a command they only count where they are given."""

    def default(value: Any) -> Any:
        return value if top else argparse.SUPPRESS

    shared = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    which = shared.add_argument_group("which stack")
    which.add_argument("--name", default=default(None), help="its name (DEALS_NAME, or deals)")
    which.add_argument(
        "--environment", default=default(None), help="its environment (DEALS_ENVIRONMENT), such as production"
    )
    which.add_argument(
        "--local",
        action="store_true",
        default=default(False),
        help="the one that `make local-up` runs; also meant where no environment is named",
    )
    which.add_argument("--region", default=default(None), help="AWS Region (AWS_REGION, or the profile's)")
    which.add_argument("--profile", default=default(None), help="profile of the AWS CLI (AWS_PROFILE)")
    how = shared.add_argument_group("how")
    how.add_argument(
        "--json", action="store_true", default=default(False), help="one line of JSON instead of tables"
    )
    how.add_argument("--yes", action="store_true", default=default(False), help="do not ask before harm")
    return shared
