"""Refuses calls that the policies of their signer do not allow, and remembers which grants were used.

The emulator checks policies too, but by names of its own for some calls, and without some conditions. So what
is allowed here and refused there is sent once more by the account's root; the emulator has then checked the
signature, and done nothing else. Policies of resources are not read: a call that only one of them allows is
refused.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.gateway.enforcement import Call, parse_body
from local_cloud.limits.settings import Refusal
from local_cloud.rights.dynamodb import find_statement_tables
from local_cloud.rights.ledger import Ledger
from local_cloud.rights.needs import CalledApi, Place, UnknownCall, list_needs
from local_cloud.rights.policies import Decision, Need, decide

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local_cloud.gateway.backend import Backend
    from local_cloud.gateway.identities import Identities, Identity

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_FORBIDDEN_BY_STATUS_403 = frozenset({"execute-api", "lambda"})
_CHANGING = frozenset({"DELETE", "POST", "PUT"})


class Verdict(NamedTuple):
    """What the policies of a call's signer say: whether it is allowed, and the error if it is not."""

    allowed: bool
    refusal: Refusal | None = None


NOT_JUDGED = Verdict(False)
"""Of calls whose signer or needs are not known: the emulator judges them."""


class RightsGuard:
    """Judges calls; `find_partition_key` returns the name of a table's partition key."""

    def __init__(
        self,
        backend: Backend,
        identities: Identities,
        find_partition_key: Callable[[str], Awaitable[str | None]],
    ) -> None:
        self._limits, self._region = backend.limits, backend.region
        self._identities, self._find_partition_key = identities, find_partition_key
        self._ledger = Ledger()

    def note_done(self, call: Call) -> None:
        """Read policies anew after a call that may have changed them, or a function's role."""
        reads = call.operation.startswith(("Get", "List", "Simulate"))
        changes_role = call.service == "lambda" and call.operation != "Invoke"
        if (call.service == "iam" and not reads) or (changes_role and call.request.method in _CHANGING):
            self._identities.forget()

    async def describe(self) -> JsonObject:
        """Return the ledger, with the policies of all functions that exist now, called or not."""
        for identity in await self._identities.list_functions():
            self._ledger.note_policy(identity.principal, identity.policies)
        return self._ledger.describe()

    async def judge(self, call: Call) -> Verdict:
        """Judge a call by the policies of its signer."""
        if not self._limits.rights_checked:
            return NOT_JUDGED
        identity = await self._identities.find(call.request.headers.get("Authorization", ""))
        if identity is None:
            return NOT_JUDGED
        self._ledger.note_policy(identity.principal, identity.policies)
        try:
            needs = await self._list_needs(call, identity)
        except UnknownCall as error:
            self._ledger.note_unknown(identity.principal, str(error))
            return NOT_JUDGED
        except (AttributeError, LookupError, TypeError, ValueError):
            return NOT_JUDGED  # malformed: the emulator says how
        return self._judge(identity, needs, call.service)

    async def _list_needs(self, call: Call, identity: Identity) -> list[Need]:
        parameters = parse_body(call.body)
        keys: dict[str, str] = {}
        for table in find_statement_tables(call.operation, parameters):
            try:
                keys[table] = await self._find_partition_key(table) or ""
            except (BotoCoreError, ClientError) as error:
                logger.info("the key of %s is not known: %s", table, error)
        request = call.request
        called = CalledApi(
            call.service, call.operation, request.method, request.path, request.query, parameters
        )
        return list_needs(called, Place(self._region, identity.account), keys)

    def _judge(self, identity: Identity, needs: list[Need], service: str) -> Verdict:
        for need in needs:
            decision = _decide(identity, need)
            if not decision.allowed:
                self._ledger.note_missing(identity.principal, need)
                return Verdict(False, _refuse(identity, need, service))
            self._ledger.note_use(identity.principal, decision.by)
        return Verdict(True)


def _decide(identity: Identity, need: Need) -> Decision:
    """Both policies and boundary must allow: access_policies_boundaries.html of the IAM User Guide."""
    if identity.function_arn:
        need = need._replace(context=(*need.context, ("lambda:SourceFunctionArn", identity.function_arn)))
    if identity.boundary is not None and not decide(identity.boundary, need).allowed:
        return Decision(False)
    return decide(identity.policies, need)


def _refuse(identity: Identity, need: Need, service: str) -> Refusal:
    message = (
        f"User: {identity.arn} is not authorized to perform: {need.action} on resource: {need.resource} "
        f"because no identity-based policy allows the {need.action} action"
    )
    if service == "sqs":
        return Refusal("AccessDenied", message, 403)
    return Refusal("AccessDeniedException", message, 403 if service in _FORBIDDEN_BY_STATUS_403 else 400)
