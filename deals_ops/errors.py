"""How a command can fail, and with which exit code; docs/operator_cli.md has the same table.

OpsError
├── WrongArgument   2   an argument cannot be; names it and the remedy (argparse ends with 2 too)
├── Missing         3   nothing by that name: a stack, a connection, a letter, a part that is not deployed
├── NotAllowed      4   no credentials, expired ones, or a right that is missing
├── CallFailed      5   AWS or a function failed or did not answer
└── NotConfirmed    6   it would do harm, and nobody said yes
"""

from __future__ import annotations

DONE = 0
PARTLY = 1
"""Something was left undone, or a check found something."""
INTERRUPTED = 130

EXIT_CODES = {
    DONE: "done",
    PARTLY: "done in part, or a check found something (`status --check`, `index check`)",
    2: "an argument is wrong; nothing was done",
    3: "nothing by that name: a stack, a connection, a dead letter, a part that is not deployed",
    4: "not allowed: no credentials, expired ones, or a right that is missing (it is named)",
    5: "AWS or a function failed or did not answer; what was done until then stays done",
    6: "not confirmed: it would do harm, and there was neither a yes nor `--yes`",
    INTERRUPTED: "interrupted by Ctrl-C",
}


class OpsError(Exception):
    """Base of what a command says on purpose; the text holds the remedy."""

    exit_code = PARTLY


class WrongArgument(OpsError):
    """An argument cannot be."""

    exit_code = 2


class Missing(OpsError):
    """There is nothing by that name."""

    exit_code = 3


class NotAllowed(OpsError):
    """Credentials or a right are missing."""

    exit_code = 4


class CallFailed(OpsError):
    """AWS or a function failed."""

    exit_code = 5


class NotConfirmed(OpsError):
    """Nobody said yes."""

    exit_code = 6
