import datetime
from dataclasses import dataclass
from urllib.parse import unquote

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from realtime_core.aws.credentials import Credentials
from realtime_core.aws.endpoint import Endpoint
from realtime_core.push.management_api.requests import ConnectionRequests, path_segment

REGION = "eu-west-1"
GATEWAY = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/live"
LOCAL = "http://127.0.0.1:4566/_aws/execute-api/a1b2c3/live"

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
ids = st.text("ABCxyz019_-", min_size=1, max_size=20).map(lambda text: text + "=") | texts
moments = st.datetimes(
    datetime.datetime.fromisoformat("2020-01-01"),
    datetime.datetime.fromisoformat("2099-12-31"),
    timezones=st.just(datetime.UTC),
).map(lambda moment: moment.replace(microsecond=0))


class FrozenAuth(SigV4Auth):
    """botocore's signer at a given moment."""

    def __init__(self, credentials, moment):
        super().__init__(credentials, "execute-api", REGION)
        self.moment = moment

    def add_auth(self, request):
        request.context["timestamp"] = f"{self.moment:%Y%m%dT%H%M%SZ}"
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        signature = self.signature(self.string_to_sign(request, canonical), request)
        self._inject_signature_to_request(request, signature)


def parsed(request):
    head, _, body = request.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    return line, dict(header.split(": ", 1) for header in headers), body


@dataclass
class Case:
    method: str
    url: str
    connection_id: str
    payload: bytes
    access_key: str
    secret_key: str
    token: str | None
    moment: datetime.datetime


cases = st.builds(
    Case,
    method=st.sampled_from(["POST", "GET", "DELETE"]),
    url=st.sampled_from([GATEWAY, LOCAL, "https://ws.example.com", "https://ws.example.com:8443/a/b"]),
    connection_id=ids,
    payload=st.binary(max_size=300),
    access_key=st.text("ABCDEFGHIJ234567", min_size=16, max_size=20),
    secret_key=keys,
    token=st.none() | keys,
    moment=moments,
)
NIGHT = datetime.datetime(2026, 11, 23, 23, 59, 59, tzinfo=datetime.UTC)


@given(cases)
@example(
    Case("POST", GATEWAY, "L0SM9cOFvHcCIhw=", b'{"type":"dealUpdate"}', "AKIDEXAMPLE", "s", "t/=", NIGHT)
)
def test_every_request_is_signed_as_botocore_signs_it(case):
    requests = ConnectionRequests(Endpoint.of(case.url), REGION)
    credentials = Credentials(case.access_key, case.secret_key, case.token)
    request = requests.prepare(case.method, case.payload, credentials, case.moment.timestamp())
    line, headers, body = parsed(request(case.connection_id))

    path = f"{Endpoint.of(case.url).path}/@connections/{path_segment(case.connection_id)}"
    theirs = AWSRequest(
        case.method, f"{case.url.removesuffix(Endpoint.of(case.url).path)}{path}", data=case.payload
    )
    FrozenAuth(BotocoreCredentials(*credentials), case.moment).add_auth(theirs)

    assert headers["authorization"] == theirs.headers["Authorization"]
    assert headers["x-amz-date"] == theirs.headers["X-Amz-Date"]
    assert headers.get("x-amz-security-token") == theirs.headers.get("X-Amz-Security-Token")
    assert line == f"{case.method} {path} HTTP/1.1"
    assert headers["host"] == case.url.split("/")[2]
    assert (body, headers["content-length"]) == (case.payload, str(len(case.payload)))


@given(ids)
@example(".")
@example("..")
@example("a/../b?c#d e%")
def test_an_id_is_one_segment_of_the_path_and_comes_out_as_it_went_in(connection_id):
    encoded = path_segment(connection_id)
    assert unquote(encoded) == connection_id
    assert encoded.isascii()
    assert not set(encoded) & set("/?# =&")
    assert encoded not in {".", ".."}


@pytest.mark.parametrize("connection_id", ["L0SM9cOFvHcCIhw=", "a b/ü~_-.", "a..b", "%3D"])
def test_an_id_is_encoded_as_botocore_encodes_it(connection_id):
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=GATEWAY,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    urls = []

    def stop(request, **_):
        urls.append(request.url)
        raise ConnectionAbortedError

    client.meta.events.register("before-send.*", stop)
    with pytest.raises(ConnectionAbortedError):
        client.post_to_connection(ConnectionId=connection_id, Data=b"{}")
    assert urls == [f"{GATEWAY}/@connections/{path_segment(connection_id)}"]


def test_the_key_of_the_day_changes_with_the_day_and_with_the_secret():
    requests = ConnectionRequests(Endpoint.of(GATEWAY), REGION)
    day = 86_400

    def signature(secret, now):
        return requests.prepare("POST", b"", Credentials("A", secret), now)("a")[-68:]

    first = signature("s", 20_000 * day)
    others = {signature("s", 20_001 * day), signature("t", 20_001 * day), signature("t", 20_000 * day)}
    assert first not in others
    assert len(others) == 3
    assert signature("s", 20_000 * day) == first


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        (
            GATEWAY,
            "a1b2c3.execute-api.eu-west-1.amazonaws.com",
            443,
            "a1b2c3.execute-api.eu-west-1.amazonaws.com",
        ),
        (LOCAL, "127.0.0.1", 4566, "127.0.0.1:4566"),
        ("http://Localhost", "localhost", 80, "localhost"),
        ("https://localhost:80/live/", "localhost", 80, "localhost:80"),
        ("https://[::1]:8443", "::1", 8443, "[::1]:8443"),
    ],
)
def test_an_endpoint_is_read_from_its_url(url, host, port, authority):
    endpoint = Endpoint.of(url)
    assert (endpoint.host, endpoint.port, endpoint.authority) == (host, port, authority)
    assert endpoint.tls == url.startswith("https")
    assert not endpoint.path.endswith("/")


@pytest.mark.parametrize("url", ["wss://a.example/live", "https:///live", "a.example"])
def test_an_endpoint_that_cannot_be_posted_to_is_refused(url):
    with pytest.raises(ValueError, match="http"):
        Endpoint.of(url)
