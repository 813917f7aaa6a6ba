"""Print LOCALSTACK_ENDPOINT if a cloud answers there, nothing if none is named; fail if it does not answer.

An endpoint that is named is the one to test: tests that run elsewhere prove nothing about it.
"""

from __future__ import annotations

import os
import sys

import localstack_client.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

endpoint = os.environ.get("LOCALSTACK_ENDPOINT", "").rstrip("/")
if endpoint:
    os.environ["AWS_ENDPOINT_URL"] = endpoint  # what localstack-client goes by
    quick = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}, proxies={})
    try:
        localstack_client.session.Session().client("sts", config=quick).get_caller_identity()
    except ClientError:
        pass  # a refusal is an answer: this project's own local cloud does not know localstack-client's keys
    except (BotoCoreError, ValueError) as error:
        sys.exit(
            f"LOCALSTACK_ENDPOINT={endpoint} does not answer ({error}): start what should listen there, for "
            "instance by docker compose (docker-compose.localstack.yml), or unset it for a local cloud"
        )
sys.stdout.write(endpoint)
