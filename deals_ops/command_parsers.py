"""Subparsers of the command line, each with the options that all commands share."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from deals_ops.errors import WrongArgument

# API Gateway's connection ids are base64url, so one in 64 begins with a hyphen; no option ends in "=".
_CONNECTION_ID = re.compile(r"-[A-Za-z0-9_-]{10,}=")


class ArgumentsRefused(SystemExit):
    """The arguments are wrong: `message` names which and why, `usage` has what is expected."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(WrongArgument.exit_code)
        self.message = message
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """A parser that takes a connection id for an argument, also where it begins like an option."""

    def error(self, message: str) -> NoReturn:
        """Raise ArgumentsRefused rather than print: with `--json` an error is JSON."""
        raise ArgumentsRefused(message, self.format_usage())

    def _parse_optional(self, arg_string: str) -> Any:
        return None if _CONNECTION_ID.fullmatch(arg_string) else super()._parse_optional(arg_string)


class CommandParsers:
    """Adds commands, and groups of commands, to a parser."""

    def __init__(self, parent: argparse.ArgumentParser) -> None:
        self.parent = parent
        self._subparsers = parent.add_subparsers(metavar="COMMAND", required=True)

    def add_command(self, name: str, description: str) -> argparse.ArgumentParser:
        """Add a command and return its parser; set its function as the default `run`."""
        parser: argparse.ArgumentParser = self._subparsers.add_parser(
            name,
            help=description,
            description=description,
            parents=[shared_options(top_level=False)],
            allow_abbrev=False,
        )
        return parser

    def add_group(self, name: str, description: str) -> CommandParsers:
        """Add a command that has commands of its own, and return their parsers."""
        group = self._subparsers.add_parser(
            name, help=description, description=description, allow_abbrev=False
        )
        return CommandParsers(group)


def shared_options(*, top_level: bool) -> argparse.ArgumentParser:
    """Return a parent parser with the options of every command.

    They may stand before or after the command. After it they have no defaults: argparse would let those
    replace what was given before it.
    """

    def default(value: Any) -> Any:
        return value if top_level else argparse.SUPPRESS

    options = Parser(add_help=False, allow_abbrev=False)

    selection = options.add_argument_group("stack selection")
    selection.add_argument("--name", default=default(None), help="name of the stack (DEALS_NAME, or deals)")
    selection.add_argument(
        "--environment",
        default=default(None),
        help="environment of the stack, such as production (DEALS_ENVIRONMENT)",
    )
    selection.add_argument(
        "--local",
        action="store_true",
        default=default(False),
        help="use the stack that `make local-up` runs; the default if no environment is named",
    )
    selection.add_argument(
        "--region", default=default(None), help="AWS Region (AWS_REGION, or the profile's)"
    )
    selection.add_argument("--profile", default=default(None), help="AWS CLI profile (AWS_PROFILE)")

    output = options.add_argument_group("output and confirmation")
    output.add_argument(
        "--json", action="store_true", default=default(False), help="print one line of JSON, not tables"
    )
    output.add_argument(
        "--yes",
        action="store_true",
        default=default(False),
        help="do not ask before a destructive change",
    )
    return options
