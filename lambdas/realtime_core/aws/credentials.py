"""Whose requests they are, from the environment, where Lambda puts its role's credentials.

Nothing else is looked at: no profiles, no SSO, no instance metadata. On a developer's machine
`eval "$(aws configure export-credentials --format env)"` puts any of those into the environment.
"""

import os
from typing import NamedTuple

from realtime_core.errors import SettingsInvalid


class Credentials(NamedTuple):
    """What signs a request; `token` is None for keys that last."""

    access_key: str
    secret_key: str
    token: str | None = None


def credentials() -> Credentials:
    """The credentials of this moment. Raises SettingsInvalid where there are none."""
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        raise SettingsInvalid("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)


def region() -> str:
    """The Region that requests are signed for. Raises SettingsInvalid where none is set."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not named:
        raise SettingsInvalid("AWS_REGION is not set; set it to the Region of the service")
    return named
