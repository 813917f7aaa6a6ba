"""Credentials and Region from the environment, where Lambda puts its role's.

There are no other sources: no profiles, no SSO, no instance metadata. On a developer's machine
`eval "$(aws configure export-credentials --format env)"` puts any of those into the environment.
"""

import os
from typing import NamedTuple

from realtime_core.errors import SettingsInvalid


class Credentials(NamedTuple):
    """What signs a request; `token` is None for long-term keys."""

    access_key: str
    secret_key: str
    token: str | None = None


def credentials() -> Credentials:
    """Return the current credentials. Raises SettingsInvalid where there are none."""
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        raise SettingsInvalid("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)


def region() -> str:
    """Return the Region that requests are signed for. Raises SettingsInvalid where none is set."""
    name = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not name:
        raise SettingsInvalid("AWS_REGION is not set; set it to the Region of the service")
    return name
