"""The commands of a parser as the shells' scripts need them: names, options, values, descriptions."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "FILE"
"""The metavar of an option that takes the name of a file."""


class Option(NamedTuple):
    """An option by its long name, such as `--limit`."""

    name: str
    description: str
    takes_value: bool
    takes_file: bool


class Command(NamedTuple):
    """A command, a group of commands, or the command line itself, whose path is empty."""

    path: str
    """The words that lead to it, such as `dlq list`."""
    commands: tuple[tuple[str, str], ...]
    """Names and descriptions of the commands below it."""
    options: tuple[Option, ...]
    choices: tuple[str, ...]
    """The words that its first argument can be, if they are known."""


def list_commands(parser: argparse.ArgumentParser, path: str = "") -> Iterator[Command]:
    """Yield the command of a parser, then those below it."""
    children: dict[str, argparse.ArgumentParser] = {}
    commands: tuple[tuple[str, str], ...] = ()
    options, choices = [], []

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            children = action.choices
            commands = tuple((entry.dest, entry.help or "") for entry in action._choices_actions)
        elif action.option_strings:
            takes_value = action.nargs != 0
            name = next(text for text in action.option_strings if text.startswith("--"))
            options.append(Option(name, action.help or "", takes_value, action.metavar == FILE))
        else:
            choices.append(tuple(map(str, action.choices or ())))

    yield Command(path, commands, tuple(options), choices[0] if choices else ())
    for name, child in children.items():
        yield from list_commands(child, f"{path} {name}".strip())
