"""Revoke a user's tokens, or one of them, before they run out.

    REVOCATIONS_TABLE=deals-production-revocations python -m realtime_core.revoke ann
    REVOCATIONS_TABLE=deals-production-revocations python -m realtime_core.revoke ann --token-id t-1

Handshakes and `refreshToken` are refused from then on; what is connected is closed by the janitor within a
minute or two. Tokens that are issued later are good. Region and credentials come from the environment, as for
AWS's own tools; the right that it takes is dynamodb:PutItem on the table.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from realtime_core.adapters.aws import client
from realtime_core.adapters.dynamodb_revocations import DynamoRevocations
from realtime_core.domain.revocations import Revocation
from realtime_core.errors import ServiceError, SettingsInvalid


def main(argv: Sequence[str] | None = None) -> int:
    """Revoke; 1 with the reason on standard error where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m realtime_core.revoke", description="Revoke tokens.")
    parser.add_argument("user_id", help="`sub` of the tokens")
    parser.add_argument("--token-id", help="`jti` of the one token; without it, every token issued until now")
    arguments = parser.parse_args(argv)
    now = int(time.time())
    try:
        table = os.environ.get("REVOCATIONS_TABLE")
        if not table:
            raise SettingsInvalid("REVOCATIONS_TABLE is not set; set it to the name of the revocations table")
        revocations = DynamoRevocations(client("dynamodb"), table)
        revocations.revoke(Revocation(arguments.user_id, now, now, arguments.token_id))
    except ServiceError as error:
        sys.stderr.write(f"revoke: {error}\n")
        return 1
    what = f"token {arguments.token_id}" if arguments.token_id else "every token issued until now"
    sys.stdout.write(f"revoked: {what} of {arguments.user_id}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
