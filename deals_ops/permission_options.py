"""The options of the commands that sign tokens: what a token permits."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from realtime_core.auth.permissions import read_permissions
from realtime_core.errors import TokenRefused

if TYPE_CHECKING:
    from realtime_core.auth.permissions import Permissions

EXAMPLES = {"topics": "books.*,private.team-42", "recipients": "support:*,ben"}


def add_permission_options(parser: argparse.ArgumentParser) -> None:
    """Add `--topics` and `--recipients`."""
    parser.add_argument(
        "--topics",
        type=_parse("topics"),
        metavar="PATTERNS",
        help=f"what it may subscribe to, such as {EXAMPLES['topics']} (all that is public)",
    )
    parser.add_argument(
        "--recipients",
        type=_parse("recipients"),
        metavar="PATTERNS",
        help=f"whom it may write to, such as {EXAMPLES['recipients']}; '' is nobody (anybody)",
    )


def _parse(claim: str) -> Any:
    """Return an argparse type for patterns that are separated by commas, by the service's own rules."""

    def parse(text: str) -> list[str]:
        patterns = [part.strip() for part in text.split(",")] if text.strip() else []
        try:
            permissions: Permissions = read_permissions({claim: patterns}, "topics", "recipients")
        except TokenRefused as refused:
            raise argparse.ArgumentTypeError(
                f"{refused.detail}; patterns are separated by commas, such as {EXAMPLES[claim]}"
            ) from refused
        return list(getattr(permissions, claim))

    return parse


def read_permission_claims(
    arguments: argparse.Namespace, topics_claim: str = "topics", recipients_claim: str = "recipients"
) -> dict[str, Any]:
    """Return the claims of the options that were given, by the names that the service reads."""
    claims = {topics_claim: arguments.topics, recipients_claim: arguments.recipients}
    return {name: patterns for name, patterns in claims.items() if patterns is not None}
