"""Which rights a call of DynamoDB needs.

docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html; for statements
docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local_cloud.rights.policies import Need

_OF_ONE_TABLE = frozenset(
    {"DeleteItem", "DescribeTable", "DescribeTimeToLive", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"}
)
# Transactions have no action of their own: transaction-apis-iam.html of the developer guide.
_OF_A_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_STATEMENT = re.compile(
    r"""^\s*(?=(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b).*?(?:FROM|INTO|UPDATE)\s+"""
    r""""?(?P<table>[\w.-]+)"?(?:\."(?P<index>[\w.-]+)")?""",
    re.IGNORECASE | re.DOTALL,
)
_WHERE = re.compile(r"\bWHERE\b(?P<conditions>.*)$", re.IGNORECASE | re.DOTALL)


def find_statement_tables(operation: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return the tables that statements name; none for other calls."""
    return {_parse(text)["table"] for text in _statements(operation, parameters)}


def list_dynamodb_needs(
    operation: str,
    parameters: Mapping[str, Any],
    arn: Callable[[str, str], str],
    partition_keys: Mapping[str, str],
) -> Iterator[Need]:
    """Yield every right that a call needs; `arn` makes one of a service and a resource of it."""

    def table_arn(table: str, index: str | None = None) -> str:
        name = table.rpartition("table/")[2]
        return arn("dynamodb", f"table/{name}/index/{index}" if index else f"table/{name}")

    if operation in _OF_ONE_TABLE:
        resource = table_arn(parameters["TableName"], parameters.get("IndexName"))
        yield Need(f"dynamodb:{operation}", resource)
    elif operation in {"BatchGetItem", "BatchWriteItem"}:
        for table in sorted(parameters["RequestItems"]):
            yield Need(f"dynamodb:{operation}", table_arn(table))
    elif operation in {"TransactGetItems", "TransactWriteItems"}:
        pairs = {
            (_OF_A_TRANSACTION[kind], body["TableName"])
            for item in parameters["TransactItems"]
            for kind, body in item.items()
        }
        for action, table in sorted(pairs):
            yield Need(f"dynamodb:{action}", table_arn(table))
    else:
        for text in _statements(operation, parameters):
            statement = _parse(text)
            verb = statement["verb"].capitalize()
            context: tuple[tuple[str, str], ...] = ()
            if verb == "Select":
                scans = not _names_partition(text, partition_keys.get(statement["table"], ""))
                context = (("dynamodb:FullTableScan", str(scans).lower()),)
            resource = table_arn(statement["table"], statement["index"])
            yield Need(f"dynamodb:PartiQL{verb}", resource, context)


def _statements(operation: str, parameters: Mapping[str, Any]) -> list[str]:
    if operation == "ExecuteStatement":
        return [parameters["Statement"]]
    if operation == "BatchExecuteStatement":
        return [each["Statement"] for each in parameters["Statements"]]
    return []


def _parse(text: str) -> re.Match[str]:
    found = _STATEMENT.match(text)
    if found is None:
        raise ValueError(f"{text!r:.200}: no statement of PartiQL")
    return found


def _names_partition(text: str, partition_key: str) -> bool:
    """Whether a SELECT names partitions by `=` or IN, and has no OR beside them: else it scans the table."""
    where = _WHERE.search(text)
    if where is None or not partition_key or re.search(r"\bOR\b", where["conditions"], re.IGNORECASE):
        return False
    named = rf"""(?<![\w.])"?{re.escape(partition_key)}"?\s*(?:=|IN\b)"""
    return re.search(named, where["conditions"], re.IGNORECASE) is not None
