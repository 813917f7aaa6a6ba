"""Starts functions in processes of their own, and serves the cloud that they call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHILD = ROOT / "tests" / "bench" / "function_child.py"
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-forty-characters-or-so------",
    "AWS_SESSION_TOKEN": "x" * 900,
    "LOG_LEVEL": "WARNING",
    **{
        f"{name}_TABLE": name.lower()
        for name in ("CONNECTIONS", "SUBSCRIPTIONS", "MESSAGES", "HISTORY", "LIMITS", "REVOCATIONS")
    },
    "GUIDE_CONNECTIONS_TABLE": "guide",
    "MANAGEMENT_ENDPOINT": "https://abc.execute-api.eu-west-1.amazonaws.com/live",
    "JWT_SECRET_ARN": "jwt",
    **{
        f"{name}_URL": f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name.lower()}"
        for name in ("DELIVERIES_QUEUE", "DELIVERIES_DLQ", "EVENTS_QUEUE", "EVENTS_DLQ")
    },
    "POSTS_PER_SECOND": "1000",
    **{f"LIMIT_{name}": "999/9999" for name in ("SEND_MESSAGE", "SUBSCRIPTIONS", "OTHERS")},
}


def run_function(
    module: str,
    path: Path,
    actions: list[str],
    *,
    rounds: int = 0,
    first_event: Mapping[str, Any] | None = None,
    **environment: str,
) -> dict[str, Any]:
    """Return the figures of a function whose module is under `path`: see `function_child`.

    Compiled modules stay in a cache of their own: a process of Lambda compiles neither the runtime's modules
    nor those of a zip that ships them compiled.
    """
    cache = Path(tempfile.gettempdir()) / f"deals-bench-pycache-{os.getuid()}"
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPYCACHEPREFIX": str(cache),
        "PYTHONPATH": str(path),
        **ENVIRONMENT,
        **environment,
        **({"FIRST_EVENT": json.dumps(first_event)} if first_event else {}),
    }
    command = [sys.executable, str(CHILD), module, str(rounds), *actions]
    ran = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{module} failed:\n{ran.stderr}")
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


@contextmanager
def cloud(secret: str = "") -> Iterator[dict[str, str]]:
    """Serve AWS over TLS, with a connection in both routers' tables; yield the settings that lead there.

    `secret` is the text of the JWT secret; empty for none. The stand-in is slow, but runs in another process
    than the functions, whose CPU alone is measured.
    """
    # Slow to import, and not needed to find this bench.
    import boto3
    from moto import mock_aws

    from local_cloud.certificates import self_signed
    from tests.bench.moto_server import serve
    from tests.contract.support.tables import BILLING, create_tables

    with tempfile.TemporaryDirectory() as folder, mock_aws():
        certificate = self_signed(Path(folder))
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        create_tables(dynamodb)
        dynamodb.create_table(
            TableName="guide",
            KeySchema=[{"AttributeName": "connectionId", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "connectionId", "AttributeType": "S"}],
            **BILLING,
        )
        _connect(dynamodb)
        if secret:
            secrets_manager = boto3.client("secretsmanager", region_name="eu-west-1")
            secrets_manager.create_secret(Name="jwt", SecretString=secret)
        url = serve(certificate)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_CA_BUNDLE": str(certificate[0]),
            "MANAGEMENT_ENDPOINT": f"{url}/live",
        }


def _connect(dynamodb: Any) -> None:
    from realtime_core.connections.base import Connection
    from realtime_core.connections.dynamodb import connection_item

    now = int(time.time())
    record = Connection("L0SM9cOFvHcCIhw=", "user-1", now, now + 3600)
    dynamodb.put_item(TableName="connections", Item=connection_item(record))
    dynamodb.put_item(
        TableName="guide",
        Item={
            "connectionId": {"S": "L0SM9cOFvHcCIhw="},
            "userId": {"S": "user-1"},
            "connectedAt": {"N": str(now)},
            "subscriptions": {"M": {}},
        },
    )
