"""Keeps commands for the local cloud apart from what this machine's environment says about other clouds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

# A profile, an endpoint, a Region or a variable that was meant for an account.
_FOREIGN = ("AWS_", "BOTO_", "TF_VAR_", "TF_CLI_ARGS")
_FOREIGN_NAMES = frozenset({"TF_WORKSPACE", "TF_DATA_DIR"})
_NOT_BY_PROXY = ("127.0.0.1", "localhost", "::1")


def isolate(environment: MutableMapping[str, str] = os.environ) -> None:
    """Forget every account, profile and Terraform variable, and reach this machine without a proxy.

    Proxies stay for other hosts: Terraform may need them to fetch its provider. Files under `~/.aws` are not
    read, and no instance's metadata is asked for credentials.
    """
    for name in list(environment):
        if name.startswith(_FOREIGN) or name in _FOREIGN_NAMES:
            del environment[name]
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["AWS_EC2_METADATA_DISABLED"] = "true"

    # curl's, Go's and Python's readers differ in which of the two they prefer.
    named = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    hosts = [host for host in named.split(",") if host.strip()]
    if hosts != ["*"]:
        hosts += [host for host in _NOT_BY_PROXY if host not in hosts]
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(hosts)
