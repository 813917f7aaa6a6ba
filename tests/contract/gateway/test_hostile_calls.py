"""The control API under hostile calls: none is a fault of the cloud's own, and it goes on serving."""

from __future__ import annotations

import http.client
import json
import random
import socket
import string
from urllib.parse import quote_from_bytes, urlsplit

import pytest

from local_cloud import LocalCloud
from local_cloud.settings import CONTROL_CONTENT_TYPE, CONTROL_HEADER
from tests.fuzz.checks import find_leak
from tests.fuzz.mutation import Mutator

pytestmark = pytest.mark.local_only("AWS has no control API")

CASES, SEED = 1_500, 64
HEADERS = {CONTROL_HEADER: "1", "Content-Type": CONTROL_CONTENT_TYPE}
FAULT = {"service": "sqs", "operation": "*", "status": 500, "share": 0.5, "times": 1, "seconds": 0.01}
CALLS = [
    ("GET", "status", {}),
    ("GET", "faults", {}),
    ("POST", "faults", FAULT),
    ("POST", "faults", {"delay_ms": 1, "cut": "after", "times": 0}),
    ("DELETE", "faults", {}),
    ("DELETE", "faults/1", {}),
    ("POST", "clock", {"advance": 1, "speed": 1.5}),
    ("POST", "limits", {"requests": {"rate": 1000, "burst": 50}, "sqs_message_bytes": 1000}),
    ("POST", "redis", {"state": "paused", "delay_ms": 1, "seconds": 1}),
    ("GET", "connections", {}),
    ("POST", "connections/AbCdEf0123456789=/drop", {"lose_disconnect": True}),
    ("POST", "connections/AbCdEf0123456789=/half-open", {"seconds": 1}),
    ("POST", "connections/AbCdEf0123456789=/hand-over", {}),
    ("POST", "lose-disconnects", {"times": 0}),
    ("GET", "console", {}),
    ("GET", "kills", {}),
    ("POST", "functions/broadcast/kill", {}),
    ("GET", "functions/broadcast/logs", {}),
    ("GET", "handshakes", {}),
    ("GET", "picture", {}),
    ("POST", "feed", {"running": False, "per_second": 5}),
    ("GET", "feed/published", {}),
    ("POST", "feed/hostile", {}),
    ("POST", "tokens", {"user_id": "ann", "seconds": 60}),
    ("POST", "revocations", {"user_id": "ann"}),
]
SAFE = (string.ascii_letters + string.digits + "/=-_").encode().decode()


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory):
    """A cloud that no other test uses: its clock and limits become whatever the calls say."""
    with LocalCloud.start(state_dir=tmp_path_factory.mktemp("hostile")) as running:
        yield running


def hostile_calls():
    """Method, path and body of calls of which something was changed."""
    draw = random.Random(SEED)
    bodies = Mutator([json.dumps(body).encode() for _, _, body in CALLS], draw)
    paths = Mutator([path.encode() for _, path, _ in CALLS], draw)
    for body, path in zip(bodies.inputs(CASES), paths.inputs(CASES), strict=True):
        method, good_path, good_body = draw.choice(CALLS)
        if draw.random() < 0.2:
            yield method, quote_from_bytes(path[:2_000], safe=SAFE), json.dumps(good_body).encode()
        else:
            yield method, good_path, body


def call(cloud, method, path, body, headers=HEADERS):
    connection = http.client.HTTPConnection(urlsplit(cloud.endpoint).netloc, timeout=10)
    try:
        connection.request(method, f"/_local_cloud/{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_no_call_is_a_fault_of_the_clouds_own(own_cloud):
    statuses = set()
    for method, path, body in hostile_calls():
        status, text = call(own_cloud, method, path, body)
        assert status < 500 or status == 503, (method, path, body, text)
        assert find_leak(text, str(body)) is None, (method, path, body, text)
        statuses.add(status)
    assert {200, 400, 404} <= statuses
    assert call(own_cloud, "GET", "status", b"")[0] == 200


@pytest.mark.parametrize(
    "digits", ["9" * 5_000, "\u0663", "1\u00b2"], ids=["thousands-of-digits", "arabic", "superscript"]
)
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("DELETE", "faults/{}", 404),
        ("GET", "feed/published?after={}", 400),
        ("GET", "functions/broadcast/logs?lines={}", 400),
    ],
)
def test_number_that_int_takes_otherwise_or_not_at_all_is_refused(own_cloud, method, path, expected, digits):
    status, text = call(own_cloud, method, path.replace("{}", quote_from_bytes(digits.encode())), b"")
    assert (status, json.loads(text).keys()) == (expected, {"error"})


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00" * 64,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /_local_cloud/clock HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /_local_cloud/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        b"GET /_aws/execute-api/a/b HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\xff\xff",
    ],
    ids=["zeroes", "version", "length", "hosts", "path", "headers", "upgrade"],
)
def test_noise_on_the_socket_ends_that_connection_alone(own_cloud, noise):
    parts = urlsplit(own_cloud.endpoint)
    with socket.create_connection((parts.hostname, parts.port), 10) as raw:
        raw.settimeout(10)
        try:
            raw.sendall(noise)
            raw.shutdown(socket.SHUT_WR)
            answer = raw.recv(65_536)
        except ConnectionError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert call(own_cloud, "GET", "status", b"")[0] == 200
