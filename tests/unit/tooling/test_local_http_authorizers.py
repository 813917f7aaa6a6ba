"""The answers of authorizers that the local cloud's HTTP APIs keep."""

from __future__ import annotations

from local_cloud.gateway import http_authorizer
from local_cloud.gateway.backend import Invocation
from local_cloud.gateway.clock import Clock
from local_cloud.gateway.http_apis import HttpAuthorizer
from local_cloud.gateway.http_authorizer import HttpAuthorizers
from local_cloud.gateway.http_events import HttpRequest

AUTHORIZER = HttpAuthorizer(
    "a1",
    "arn:aws:lambda:us-east-1:000000000000:function:authorizer:live",
    ("$request.header.authorization",),
    "2.0",
    True,
    300.0,
)


class Allowing:
    """Functions that allow, and count how often they are asked."""

    def __init__(self):
        self.asked = 0

    async def invoke(self, _function, _event):
        self.asked += 1
        return Invocation({"isAuthorized": True, "context": {}})


def request(token):
    headers = (("authorization", token),)
    return HttpRequest("api", "$default", "POST", "/events", "", (), headers, b"", "127.0.0.1")


async def test_answers_are_kept_up_to_a_number_and_the_oldest_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(http_authorizer, "KEPT_MAX", 3)
    functions = Allowing()
    authorizers = HttpAuthorizers(functions, Clock())
    for number in (0, 1, 2, 3, 4, 4, 3, 2):
        await authorizers.authorize(AUTHORIZER, request(f"token-{number}"), "POST /events")
    assert functions.asked == 5
    await authorizers.authorize(AUTHORIZER, request("token-0"), "POST /events")
    assert functions.asked == 6
