"""Who signs calls, and by which policies: functions by their roles, users by their keys."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.gateway.enforcement import ROOT_KEY
from local_cloud.gateway.places import function_place
from local_cloud.gateway.traffic import PUBLISHERS
from local_cloud.limits import signatures
from local_cloud.rights.policies import Statement, UnknownPolicy, read_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local_cloud.gateway.backend import Backend
    from local_cloud.gateway.places import Callers

logger = logging.getLogger(__name__)

_USER_KEY = "AKIA"
"""How ids of users' keys begin: reference_identifiers.html of the IAM User Guide, "Unique identifiers"."""


class Identity(NamedTuple):
    """A principal and its policies; None where it has no `boundary` or is no function."""

    principal: str
    arn: str
    function_arn: str | None
    policies: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None

    @property
    def account(self) -> str:
        """The account's id."""
        return self.arn.split(":")[4]


class Identities:
    """Reads identities from the emulator, and keeps them until something may have changed them."""

    def __init__(self, backend: Backend, callers: Callers) -> None:
        self._backend, self._callers = backend, callers
        self._iam, self._lambda = backend.client("iam"), backend.client("lambda")
        self._users: dict[str, str | None] = {}
        self._read: dict[str, asyncio.Task[Identity | None]] = {}

    def forget(self) -> None:
        """Read identities anew from now on: a policy, a key or a function's role may have changed."""
        self._users.clear()
        self._read.clear()

    async def find(self, authorization: str) -> Identity | None:
        """Return who signed a call; None for the account's root and for sessions that others opened."""
        signature = signatures.parse(authorization)
        if signature is None or signature.key == ROOT_KEY:
            return None
        principal = self._callers.find(authorization)
        if principal == PUBLISHERS:
            user = await self._find_user(signature.key)
            if user is None:
                return None
            principal = f"user:{user}"
        return await self._find(principal)

    async def list_functions(self) -> list[Identity]:
        """Return the identity of every function; none where the emulator does not answer."""
        try:
            names = await asyncio.to_thread(self._list_names)
        except (BotoCoreError, ClientError) as error:
            logger.warning("the functions are not known: %s", error)
            return []
        found = [await self._find(function_place(name)) for name in names]
        return [identity for identity in found if identity is not None]

    def _list_names(self) -> list[str]:
        pages = self._lambda.get_paginator("list_functions").paginate()
        return [function["FunctionName"] for page in pages for function in page["Functions"]]

    async def _find(self, principal: str) -> Identity | None:
        if principal not in self._read:
            self._read[principal] = asyncio.create_task(asyncio.to_thread(self._try, principal))
        return await asyncio.shield(self._read[principal])

    async def _find_user(self, key: str) -> str | None:
        if not key.startswith(_USER_KEY):
            return None
        if key not in self._users:
            try:
                found = await asyncio.to_thread(self._iam.get_access_key_last_used, AccessKeyId=key)
            except (BotoCoreError, ClientError):
                return None  # the emulator refuses the key
            self._users[key] = found["UserName"]
        return self._users[key]

    def _try(self, principal: str) -> Identity | None:
        try:
            return self._read_identity(principal)
        except (BotoCoreError, ClientError, UnknownPolicy) as error:
            logger.warning("the rights of %s are not checked: %s", principal, error)
            return None

    def _read_identity(self, principal: str) -> Identity:
        kind, _, name = principal.partition(":")
        if kind == "function":
            function = self._lambda.get_function_configuration(FunctionName=name)
            function_arn, role = function["FunctionArn"], function["Role"].rpartition("/")[2]
            described = self._iam.get_role(RoleName=role)["Role"]
            policies = self._read_policies("role", {"RoleName": role})
        else:
            function_arn = None
            described = self._iam.get_user(UserName=name)["User"]
            policies = self._read_policies("user", {"UserName": name})
        boundary = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Identity(
            principal,
            described["Arn"],
            function_arn,
            tuple(statement for policy in policies for statement in read_policy(policy)),
            tuple(read_policy(self._read_managed(boundary))) if boundary else None,
        )

    def _read_policies(self, kind: str, owner: Mapping[str, str]) -> Iterator[Any]:
        for name in getattr(self._iam, f"list_{kind}_policies")(**owner)["PolicyNames"]:
            yield getattr(self._iam, f"get_{kind}_policy")(**owner, PolicyName=name)["PolicyDocument"]
        for policy in getattr(self._iam, f"list_attached_{kind}_policies")(**owner)["AttachedPolicies"]:
            yield self._read_managed(policy["PolicyArn"])

    def _read_managed(self, arn: str) -> Any:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
        return found["PolicyVersion"]["Document"]
