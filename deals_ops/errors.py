"""How a command can fail, and with which exit code. docs/operator_cli.md has the same table.

OpsError
├── WrongArgument   2   an argument is wrong; names it and the remedy (argparse exits with 2 too)
├── Missing         3   a stack, connection, dead letter or component does not exist
├── NotAllowed      4   credentials are missing or expired, or a permission is missing
├── CallFailed      5   AWS or a function failed or did not respond
└── NotConfirmed    6   a destructive command was not confirmed
"""

from __future__ import annotations

DONE = 0
PARTLY = 1
"""Part of the work was left undone, or a check found a problem."""
INTERRUPTED = 130

EXIT_CODES = {
    DONE: "done",
    PARTLY: "partly done, or a check found a problem (`status --check`, `index check`)",
    2: "an argument is wrong; nothing was done",
    3: "the stack, connection, dead letter or component does not exist",
    4: "not allowed: no credentials, expired credentials, or a missing permission (the message names it)",
    5: "AWS or a function failed or did not respond; what was done before that stays done",
    6: "not confirmed: the command is destructive, and was given neither a yes nor `--yes`",
    INTERRUPTED: "interrupted by Ctrl-C",
}


class OpsError(Exception):
    """Base of the errors that a command reports; the message names the remedy."""

    exit_code = PARTLY


class WrongArgument(OpsError):
    """An argument is wrong."""

    exit_code = 2


class Missing(OpsError):
    """The named resource does not exist."""

    exit_code = 3


class NotAllowed(OpsError):
    """Credentials or a permission are missing."""

    exit_code = 4


class CallFailed(OpsError):
    """AWS or a function failed."""

    exit_code = 5


class NotConfirmed(OpsError):
    """A destructive command was not confirmed."""

    exit_code = 6
