"""Requests outside the WebSocket data plane pass through the proxy unchanged."""

from __future__ import annotations

import hashlib
import http.client
import os
import uuid
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

pytestmark = pytest.mark.local_only("AWS has no proxy")


@pytest.fixture
def bucket(target):
    s3, name = target.client("s3"), f"proxy-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    yield name
    for stored in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=stored["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("size", [0, 1, 300 * 1024, 8 * 1024 * 1024])
async def test_bodies_of_all_sizes_pass_both_ways(target, bucket, size):
    s3, data = target.client("s3"), os.urandom(size)

    s3.put_object(Bucket=bucket, Key="k", Body=data)

    assert (
        hashlib.sha256(s3.get_object(Bucket=bucket, Key="k")["Body"].read()).digest()
        == hashlib.sha256(data).digest()
    )


async def test_head_request_keeps_the_length_and_has_no_body(target, bucket):
    s3 = target.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")

    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 5


async def test_path_and_query_pass_with_their_escapes(target, bucket):
    s3, key = target.client("s3"), "a b/ü+%2F?=&/c"
    s3.put_object(Bucket=bucket, Key=key, Body=b"found")

    listed = s3.list_objects_v2(Bucket=bucket, Prefix="a b/ü+")["Contents"]
    assert [stored["Key"] for stored in listed] == [key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"found"


async def test_one_connection_serves_many_requests(cloud):
    address = urlsplit(cloud.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    connection.connect()
    local_port = connection.sock.getsockname()[1]
    for _ in range(3):
        connection.request("GET", "/_ministack/ready")
        response = connection.getresponse()
        response.read()
        assert response.status == 200

    assert connection.sock.getsockname()[1] == local_port
    connection.close()


async def test_body_of_unknown_length_passes_as_it_comes(cloud, target, bucket):
    address = urlsplit(cloud.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    # S3 takes a body that the signature does not cover.
    request = AWSRequest("PUT", f"{cloud.endpoint}/{bucket}/k", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    SigV4Auth(Credentials("test", "test"), "s3", cloud.region).add_auth(request)
    headers = dict(request.headers) | {"Transfer-Encoding": "chunked"}
    connection.request(
        "PUT", f"/{bucket}/k", body=iter([b"first ", b"second"]), headers=headers, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()

    assert target.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"first second"


async def test_api_is_also_served_by_its_host_name(api, dial, cloud):
    url = f"ws://{api.api_id}.execute-api.localhost:{cloud.port}/test"

    event = await (await dial(url, host="127.0.0.1", port=cloud.port)).ask(action="echo")

    assert event["requestContext"]["apiId"] == api.api_id


async def test_answer_of_an_unknown_control_call_names_it(cloud):
    with pytest.raises(Exception, match="GET nowhere: no such call"):
        cloud.control("GET", "nowhere")


async def test_calls_of_functions_pass_the_front_too(api, dial, cloud):
    """The emulator's functions inherit the proxy as their endpoint, so faults reach them."""
    event = await (await dial(api.url)).ask(action="echo", environment="AWS_ENDPOINT_URL")

    assert event["environment"] == cloud.endpoint
