"""What a stack makes of a function that fails."""

import io

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from deals_ops.errors import CallFailed
from deals_ops.stack import Stack


class Answering:
    """An account whose Lambda answers an invoke with a text."""

    def __init__(self, text, **more):
        self._client = boto3.client("lambda", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        stubber = Stubber(self._client)
        stubber.add_response("invoke", {"Payload": StreamingBody(io.BytesIO(text), len(text)), **more})
        stubber.activate()

    def client(self, _service, *, patient=False):
        return self._client


def test_a_fault_of_a_function_is_said_with_its_log():
    fault = b'{"errorType": "ValueError", "errorMessage": "unlucky"}'
    stack = Stack(Answering(fault, FunctionError="Unhandled"), "deals", "production")
    with pytest.raises(CallFailed, match="index_projector failed: ValueError unlucky") as failed:
        stack.invoke("index_projector", {"task": "check"})
    assert failed.value.exit_code == 5
    assert "aws logs tail /aws/lambda/deals-production-index_projector" in str(failed.value)


def test_an_answer_is_what_the_function_said():
    stack = Stack(Answering(b'{"outcome": "equal"}'), "deals", "production")
    assert stack.invoke("index_projector", {"task": "check"}) == {"outcome": "equal"}
