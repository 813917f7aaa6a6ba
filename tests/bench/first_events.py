"""The first event of each function in the bench of cold starts."""

from __future__ import annotations

import json
import time
from typing import Any


def first_events(secret: str, turn: int) -> dict[str, dict[str, Any]]:
    """Return the events by function; `secret` signs the token of the handshake."""
    # Not needed to find this bench.
    from deals_ops.token_issuer import issue_token
    from realtime_core.push.base import DeliveryJob
    from realtime_core.push.planning import encode_job

    request = {
        "connectionId": "L0SM9cOFvHcCIhw=",
        "requestId": f"r-{turn}",
        "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
        "stage": "live",
    }
    status = {
        "requestContext": {
            **request,
            "routeKey": "getStatus",
            "eventType": "MESSAGE",
            "authorizer": {"userId": "user-1", "tokenExp": str(int(time.time()) + 3600)},
        },
        "body": json.dumps({"action": "getStatus", "requestId": "c-17"}),
    }
    job = DeliveryJob(
        '{"type":"deal"}', (request["connectionId"],), "deal", f"e-{turn}", int(time.time() * 1000)
    )
    return {
        "guide": status,
        "authorizer": {
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/live/$connect",
            "headers": {"Authorization": f"Bearer {issue_token('user-1', secret, time.time())}"},
            "requestContext": {**request, "routeKey": "$connect", "eventType": "CONNECT"},
        },
        "connection_handler": {
            "requestContext": {
                **request,
                "routeKey": "$connect",
                "eventType": "CONNECT",
                "authorizer": status["requestContext"]["authorizer"],
            }
        },
        "message_router": status,
        "broadcast": {
            "messageType": "deal",
            "topic": "electronics",
            "data": {"title": "a phone", "price": 499},
            "eventId": f"cold-{turn}",
        },
        "delivery": {"Records": [{"messageId": f"m-{turn}", "body": encode_job(job)}]},
    }
