"""What a page of another site can send to the port of the local cloud changes nothing and reads nothing."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

import local_cloud

pytestmark = pytest.mark.local_only("AWS has no proxy")

JSON = {"Content-Type": "application/json", "X-Local-Cloud": "1"}


@pytest.fixture
def ask(cloud):
    """Send one request with exactly these headers; return status, headers and text."""
    address = urlsplit(cloud.endpoint)

    def ask(method, path, headers, body=None):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        # A host of the test's own replaces the one that http.client would send.
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value.format(port=address.port))
        data = b"" if body is None else body.encode()
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers, text

    return ask


FOREIGN_HOSTS = [
    "evil.example:{port}",
    "evil.example",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "notlocalhost:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost:{port}@evil.example",
    "192.168.0.7:{port}",
    "127.0.0.1:{port}:{port}",
    "",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", ["/_local_cloud/status", "/_ministack/ready", "/?Action=ListQueues"])
def test_request_under_another_name_is_refused(ask, host, path):
    status, _, text = ask("GET", path, {"Host": host})

    assert status == 403
    assert "is not this machine" in json.loads(text)["error"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "api.localhost:{port}", "[::1]:{port}"],
)
def test_names_of_this_machine_are_served(ask, host):
    assert ask("GET", "/_local_cloud/status", {"Host": host})[0] == 200


@pytest.mark.parametrize(
    "host", ["x.execute-api.localhost.localstack.cloud:{port}", "sqs.us-east-1.amazonaws.com"]
)
def test_hosts_that_the_cloud_stands_for_are_served(ask, host):
    assert ask("GET", "/_ministack/ready", {"Host": host})[0] == 200


FOREIGN_ORIGINS = [
    "http://evil.example",
    "https://evil.example:{port}",
    "null",
    "file://",
    "http://127.0.0.1.evil.example:{port}",
    "http://localhost:1",
    "http://127.0.0.1",
    "http://localhost:{port}@evil.example",
    "chrome-extension://abc",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_local_cloud/faults"), ("POST", "/_ministack/reset"), ("POST", "/"), ("OPTIONS", "/")],
)
def test_request_of_another_origin_is_refused_and_does_nothing(ask, cloud, method, path, origin):
    body = '{"service": "dynamodb", "status": 500}'

    status, headers, text = ask(method, path, {**JSON, "Origin": origin}, body)

    assert (status, cloud.control("GET", "faults")) == (403, [])
    assert "may not call" in json.loads(text)["error"]
    assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_reading_by_an_element_of_another_page_is_refused(ask, site):
    status, _, _ = ask("GET", "/?Action=DeleteQueue", {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})

    assert status == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1:{port}", "http://localhost:{port}"])
def test_page_of_the_own_port_may_call(ask, origin):
    headers = {**JSON, "Origin": origin, "Sec-Fetch-Site": "same-origin"}

    assert ask("POST", "/_local_cloud/lose-disconnects", headers, '{"times": 0}')[0] == 200


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"Content-Type": "application/json"}, (403, "X-Local-Cloud")),
        ({"X-Local-Cloud": "1"}, (415, "Content-Type")),
        ({"X-Local-Cloud": "1", "Content-Type": "text/plain"}, (415, "Content-Type")),
        ({"X-Local-Cloud": "1", "Content-Type": "application/x-www-form-urlencoded"}, (415, "Content-Type")),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_control_call_without_what_a_page_cannot_send_names_it(ask, cloud, method, headers, answer):
    status, _, text = ask(method, "/_local_cloud/faults", headers, '{"service": "sqs", "status": 500}')

    assert (status, json.loads(text)["error"].partition(":")[0]) == answer
    assert cloud.control("GET", "faults") == []


def list_control_calls():
    """Every control call that there is, with a name in the place of an id."""
    folder = Path(local_cloud.__file__).parent
    texts = [file.read_text() for part in ("gateway", "console") for file in (folder / part).glob("*.py")]
    patterns = {match for text in texts for match in re.findall(r'"((?:GET|POST|DELETE) [a-z][^" ]*)"', text)}
    return sorted(re.sub(r"\([^)]*\)", "1", pattern) for pattern in patterns)


CALLS = list_control_calls()


def test_all_parts_of_the_control_api_are_tried():
    assert {"POST faults", "POST tokens", "POST feed", "GET picture", "POST functions/1/kill"} <= set(CALLS)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "attack",
    [
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=lambda attack: " ".join(attack.values()),
)
def test_no_control_call_is_open_to_another_sites_page(ask, call, attack):
    method, _, path = call.partition(" ")

    status, headers, text = ask(method, f"/_local_cloud/{path}", {**JSON, **attack}, "{}")

    assert status == 403, text
    assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("call", [call for call in CALLS if not call.startswith("GET ")])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 403),
        ({"Content-Type": "application/json"}, 403),
        ({"X-Local-Cloud": "1"}, 415),
        ({"X-Local-Cloud": "1", "Content-Type": "text/plain"}, 415),
    ],
)
def test_every_change_needs_what_no_page_can_send(ask, call, headers, expected):
    method, _, path = call.partition(" ")

    assert ask(method, f"/_local_cloud/{path}", headers, "{}")[0] == expected


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/console", "/console/"])
def test_link_to_the_console_on_another_page_opens_it(ask, path, site):
    visit = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    assert ask("GET", path, visit)[0] != 403


@pytest.mark.parametrize(
    "attack",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Host": "evil.example:{port}"},
        {"Origin": "https://evil.example"},
    ],
    ids=lambda attack: " ".join(attack.values()),
)
def test_console_is_no_part_of_another_page(ask, attack):
    assert ask("GET", "/console/", attack)[0] == 403


def test_emulator_permits_no_other_origin_to_read(ask, target):
    """The emulator itself sends `Access-Control-Allow-Origin: *`."""
    status, headers, _ = ask("GET", "/_ministack/ready", {})

    assert status == 200
    assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000"])
async def test_socket_from_a_page_under_development_opens(dial, api, origin):
    assert (await (await dial(api.url, origin=origin)).ask(action="echo"))["requestContext"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example:5173"])
async def test_socket_from_another_sites_page_is_refused(dial, api, origin):
    with pytest.raises(InvalidStatus) as refused:
        await dial(api.url, origin=origin)

    assert refused.value.response.status_code == 403
