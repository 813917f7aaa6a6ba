"""Selects the stack: by options, by environment variables, or the local one."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import boto3

from deals_ops.aws import AwsClients
from deals_ops.errors import Missing, WrongArgument
from deals_ops.stack import LOCAL_ENVIRONMENT, Stack
from local_cloud import LocalCloud
from local_cloud.isolation import isolate
from local_cloud.stack import STATE

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

NAME = "deals"
LOCAL_STATE = STATE / "up" / "cloud"
"""Where `make local-up` keeps the state of its cloud."""
_NAME_PART = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")


def find_stack(arguments: Namespace, local_state: Path = LOCAL_STATE) -> Stack:
    """Return the stack that a command is about, without calling AWS.

    Raises WrongArgument if none is named and no local cloud runs, Missing if `--local` finds none.
    """
    environment = arguments.environment or os.environ.get("DEALS_ENVIRONMENT")
    if arguments.local and arguments.environment:
        raise WrongArgument("--local and --environment exclude each other: name one stack")
    if arguments.local or not environment:
        return _find_local_stack(local_state, required=arguments.local)

    name = arguments.name or os.environ.get("DEALS_NAME") or NAME
    for option, value in (("--name", name), ("--environment", environment)):
        if not _NAME_PART.fullmatch(value):
            raise WrongArgument(f"{option}: {value!r} is not a valid name; use a-z, 0-9 and hyphens")

    # boto3 itself reads only AWS_DEFAULT_REGION, unlike AWS's other tools and Lambda.
    region = arguments.region or os.environ.get("AWS_REGION")
    session = boto3.Session(profile_name=arguments.profile, region_name=region)
    return Stack(AwsClients(session), name, environment)


def _find_local_stack(local_state: Path, *, required: bool) -> Stack:
    cloud = LocalCloud.find(local_state)
    if cloud is not None:
        isolate()
        session = boto3.Session("test", "test", region_name=cloud.region)
        return Stack(AwsClients(session, cloud.endpoint), NAME, LOCAL_ENVIRONMENT)
    if required:
        raise Missing("no local cloud is running: start one with `make local-up`")
    raise WrongArgument(
        "which stack? Name it with --environment (or DEALS_ENVIRONMENT), or start one with `make local-up`"
    )
