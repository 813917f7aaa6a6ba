"""Print LOCALSTACK_ENDPOINT if a cloud answers there; print nothing, and say so, if not."""

from __future__ import annotations

import os
import sys

import localstack_client.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

endpoint = os.environ.get("LOCALSTACK_ENDPOINT", "")
if endpoint:
    os.environ["AWS_ENDPOINT_URL"] = endpoint  # what localstack-client goes by
    quick = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
    try:
        localstack_client.session.Session().client("sts", config=quick).get_caller_identity()
    except (BotoCoreError, ClientError, ValueError) as error:
        sys.stderr.write(
            f"LOCALSTACK_ENDPOINT={endpoint} does not answer ({error}); a local cloud is started\n"
        )
        endpoint = ""
sys.stdout.write(endpoint)
