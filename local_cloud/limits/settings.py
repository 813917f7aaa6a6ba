"""The limits in force. Each may be changed, or lifted with None or False."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

KB = 1024
MB = 1024 * KB


class Refusal(NamedTuple):
    """The error with which AWS refuses a request; `details` are fields of its body beside the message."""

    error: str
    message: str
    status: int = 400
    details: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Limits:
    """AWS's quotas. The number in a name's unit is the largest that passes."""

    # docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    dynamodb_expression_bytes: int | None = 4 * KB
    dynamodb_item_bytes: int | None = 400 * KB
    dynamodb_partition_key_bytes: int | None = 2048
    dynamodb_sort_key_bytes: int | None = 1024
    dynamodb_number_digits: int | None = 38
    dynamodb_transaction_items: int | None = 100
    dynamodb_transaction_bytes: int | None = 4 * MB
    # The API reference of BatchWriteItem and of BatchGetItem.
    dynamodb_batch_write_items: int | None = 25
    dynamodb_batch_get_items: int | None = 100
    # docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-functions.in.html, the API reference of
    # ExecuteStatement.
    dynamodb_statement_keys: int | None = 50
    dynamodb_statement_characters: int | None = 8192
    # The API reference of TransactWriteItems, and of the batches for their keys.
    dynamodb_distinct_items: bool = True
    # docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html,
    # "Transaction conflict handling in DynamoDB".
    dynamodb_transaction_conflicts: bool = True

    # On request. docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html:
    # AWS's are 1,000 write units and 3,000 read units a second.
    dynamodb_partition_write_units: int | None = None
    dynamodb_partition_read_units: int | None = None
    # On request. docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html, "Data synchronization
    # between tables and Global Secondary Indexes": usually a fraction of a second; there is no upper bound.
    dynamodb_index_lag_ms: int | None = None

    # The largest that the Terraform provider takes as a queue's max_message_size; SQS itself takes 1 MiB.
    sqs_message_bytes: int | None = 256 * KB

    # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    lambda_request_bytes: int | None = 6 * MB
    lambda_async_request_bytes: int | None = 1 * MB
    # The limit that the service's own error names: 6 MB and 100 bytes.
    lambda_response_bytes: int | None = 6 * MB + 100

    # docs.aws.amazon.com/apigateway/latest/developerguide/:
    # apigateway-execution-service-websocket-limits-table.html
    authorizer_result_bytes: int | None = 8 * KB
    websocket_url_characters: int | None = 4096
    # set-up-logging.html: a stage logs only in an account that has a role for it.
    logging_role_required: bool = True

    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    signature_region_checked: bool = True
    signature_of_root_checked: bool = True
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    rights_checked: bool = True

    def change(self, values: Mapping[str, Any]) -> None:
        """Set limits by name, or none of them: raises ValueError for an unknown name or a wrong value."""
        kinds = {field.name: field.type for field in fields(self)}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"{name}: unknown; the limits are {', '.join(kinds)}")
            if kinds[name] == "bool":
                if not isinstance(value, bool):
                    raise ValueError(f"{name}: {value!r}; give true or false")
            elif value is not None and (type(value) is not int or value < 0):
                raise ValueError(f"{name}: {value!r}; give a whole number, or null for no limit")

        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, int | bool | None]:
        """Return the limits by name."""
        return asdict(self)


def exceeds(size: int, limit: int | None) -> bool:
    """Return whether a size is above a limit; None is no limit."""
    return limit is not None and size > limit
