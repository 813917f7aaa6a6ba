"""Publishers who POST to a publish API: with a token, signed by IAM, or however a test wishes."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from local_cloud.stack import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class HttpPublisher:
    """Somebody who sends requests to `url`; `session` signs them, `token` is their JWT."""

    url: str
    token: str | None = None
    session: boto3.Session | None = None

    async def post(
        self, body: Any, *, method: str = "POST", path: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request; return the status and the decoded body of its answer."""
        return await asyncio.to_thread(self._send, body, method, self.url + path, dict(headers or {}))

    def _send(self, body: Any, method: str, url: str, headers: dict[str, str]) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **headers}
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        request = AWSRequest(method, url, data=data, headers=given)
        if self.session is not None:
            credentials = self.session.get_credentials()
            assert credentials is not None
            SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        return answer.status_code, json.loads(answer.content)


def create_user(iam: Any, actions: list[str], resource: str) -> boto3.Session:
    """Create a user of the account who may do `actions` on a resource, and return a session of it."""
    name = f"publisher-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=name, PolicyName="publish", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
