"""`aws` as far as docs/drills.md uses it, on boto3: CI and developers need not have AWS's command line.

    python -m tests.e2e.aws_cli SERVICE OPERATION [--parameter VALUE]... [--query JMESPATH] [--output text]
    python -m tests.e2e.aws_cli SERVICE wait WAITER [--parameter VALUE]...

Options are what AWS's command line calls them: the names of the API's parameters, spelled with hyphens.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import jmespath
from botocore import xform_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WAIT_SECONDS = {"Delay": 1, "MaxAttempts": 60}


def main(words: Sequence[str]) -> None:
    """Make the call and print its answer."""
    service, operation, *options = words
    client = boto3.client(service)
    waiter = options.pop(0) if operation == "wait" else None
    given = _read_options(options)
    query, output = given.pop("query", None), given.pop("output", "json")

    if waiter is not None:
        client.get_waiter(waiter.replace("-", "_")).wait(
            **_parameters(client, given, "describe_table"), WaiterConfig=WAIT_SECONDS
        )
        return
    method = operation.replace("-", "_")
    response = getattr(client, method)(**_parameters(client, given, method))
    response.pop("ResponseMetadata", None)
    _print(jmespath.search(query, response) if query else response, output)


def _read_options(options: Sequence[str]) -> dict[str, str]:
    """Return values by the names of options; one without a value is true."""
    given: dict[str, str] = {}
    rest = list(options)
    while rest:
        name = rest.pop(0)
        assert name.startswith("--"), f"{name} is no option"
        given[name.removeprefix("--")] = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
    return given


def _parameters(client: Any, given: Mapping[str, str], method: str) -> dict[str, Any]:
    """Return the parameters of a call, of the types that the API's model says."""
    api_name = client.meta.method_to_api_mapping[method]
    members = client.meta.service_model.operation_model(api_name).input_shape.members
    by_option = {xform_name(name, "-"): name for name in members}
    unknown = [option for option in given if option not in by_option]
    assert not unknown, f"{api_name} takes no {unknown}: {sorted(by_option)}"
    return {
        by_option[option]: _convert(value, members[by_option[option]].type_name)
        for option, value in given.items()
    }


def _convert(value: str, kind: str) -> Any:
    if value.startswith("file://"):
        value = (
            sys.stdin.read()
            if value == "file:///dev/stdin"
            else Path(value.removeprefix("file://")).read_text()
        )
    match kind:
        case "structure" | "map" | "list":
            return json.loads(value)
        case "integer" | "long":
            return int(value)
        case "boolean":
            return value == "true"
        case "blob":
            return value.encode()
        case _:
            return value


def _print(value: Any, output: str) -> None:
    if output == "text":
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            print("\t".join(map(str, row)) if isinstance(row, list) else row)  # noqa: T201
    else:
        print(json.dumps(value, indent=4, default=str))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
