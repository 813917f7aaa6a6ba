"""Requests are signed exactly as botocore signs them: AWS refuses a signature that is off by a byte."""

import datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_core.aws.credentials import Credentials
from realtime_core.aws.sigv4 import SignedPost, day_key, stamp_of

TEXT = st.text("abcXYZ019-._", min_size=1, max_size=20)


def by_botocore(credentials, region, service, *, host, body, headers, now):
    request = AWSRequest("POST", f"https://{host}/", headers=headers, data=body)
    request.context["timestamp"] = stamp_of(now)
    signer = SigV4Auth(BotoCredentials(*credentials), service, region)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    return request.headers["Authorization"]


@given(
    st.builds(Credentials, TEXT, TEXT, st.none() | TEXT),
    st.sampled_from(["eu-west-1", "us-gov-east-1"]),
    st.sampled_from(["dynamodb", "sqs", "secretsmanager"]),
    st.binary(max_size=200),
    st.integers(0, 2**31),
)
@settings(max_examples=200)
def test_authorization_is_botocores(credentials, region, service, body, now):
    host = f"{service}.{region}.amazonaws.com"
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": host,
        "x-amz-date": stamp_of(now),
        "x-amz-security-token": credentials.token,
        "x-amz-target": "X_1.Do",
    }
    if credentials.token is None:
        del headers["x-amz-security-token"]

    post = SignedPost(credentials, region, service, path="/", signed_path="/", headers=headers)
    head, _, sent = post.build(body, now).partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")

    signed = by_botocore(credentials, region, service, host=host, body=body, headers=headers, now=now)
    assert (line, sent) == ("POST / HTTP/1.1", body)
    assert dict(item.split(": ") for item in lines) == {
        **headers,
        "authorization": signed,
        "content-length": str(len(body)),
    }


def test_key_is_that_of_amazons_documentation():
    """The example under "Deriving a signing key" in AWS's General Reference."""
    key = day_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


@pytest.mark.parametrize("now", [0, 1_795_382_480.9, 2**31])
def test_stamp_is_utc_to_the_second(now):
    moment = datetime.datetime.fromtimestamp(int(now), datetime.UTC)
    assert stamp_of(now) == f"{moment:%Y%m%dT%H%M%SZ}"
