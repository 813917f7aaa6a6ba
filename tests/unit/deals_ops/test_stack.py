"""What a stack returns or raises for the response of a function."""

import io

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from deals_ops.errors import CallFailed
from deals_ops.stack import Stack


class StubbedAws:
    """The clients of an account where Lambda answers one invoke with a given text."""

    def __init__(self, text, **more):
        self._client = boto3.client("lambda", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        stubber = Stubber(self._client)
        stubber.add_response("invoke", {"Payload": StreamingBody(io.BytesIO(text), len(text)), **more})
        stubber.activate()

    def client(self, _service, *, long_call=False):
        return self._client


def test_a_failed_function_is_reported_with_its_log():
    failure = b'{"errorType": "ValueError", "errorMessage": "unlucky"}'
    stack = Stack(StubbedAws(failure, FunctionError="Unhandled"), "deals", "production")
    with pytest.raises(CallFailed, match="index_projector failed: ValueError unlucky") as failed:
        stack.invoke("index_projector", {"task": "check"})
    assert failed.value.exit_code == 5
    assert "aws logs tail /aws/lambda/deals-production-index_projector" in str(failed.value)


def test_invoke_returns_the_response_of_the_function():
    stack = Stack(StubbedAws(b'{"outcome": "equal"}'), "deals", "production")
    assert stack.invoke("index_projector", {"task": "check"}) == {"outcome": "equal"}
