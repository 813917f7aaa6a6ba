"""The AWS client on real sockets: what it sends, and how it handles every kind of response."""

import json
import re
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_cloud.certificates import self_signed
from realtime_core.aws import backoff
from realtime_core.aws.client import client
from realtime_core.aws.errors import AwsError, Refused, Unreachable
from tests.contract.support.scripted_service import Scripted, answer, error, scripted_service


@pytest.fixture
def service():
    with scripted_service() as scripted:
        yield scripted


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Records the pauses between attempts, which take no time here."""
    slept = []
    monkeypatch.setattr(backoff.time, "sleep", slept.append)
    return slept


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")


@pytest.fixture
def dynamodb(service):
    return client("dynamodb", region_name="eu-west-1", endpoint_url=service.url, read_timeout=0.3)


def get(dynamodb):
    return dynamodb.get_item(TableName="t", Key={"pk": {"S": "é\u2028"}})


def test_request_that_nobody_takes_times_out():
    """The connection is made by the kernel, and its buffers take less than the request."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        dynamodb = client("dynamodb", region_name="eu-west-1", endpoint_url=url, attempts=1, read_timeout=0.2)
        with pytest.raises(Unreachable, match="timed out"):
            dynamodb.get_item(TableName="t", Key={"pk": {"S": "x" * 20_000_000}})


def test_request_follows_the_protocol(service, dynamodb):
    service.script = [answer({"Item": {"pk": {"S": "é"}}})]

    assert get(dynamodb) == {"Item": {"pk": {"S": "é"}}}

    [(headers, body)] = service.requests
    assert json.loads(body) == {"TableName": "t", "Key": {"pk": {"S": "é\u2028"}}}
    assert headers["x-amz-target"] == "dynamodb_20120810.getitem"  # in lower case, as the test reads headers
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["host"] == service.url.removeprefix("http://")
    assert headers["x-amz-security-token"] == "token"
    signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert re.fullmatch(
        rf"aws4-hmac-sha256 credential=akia/\d{{8}}/eu-west-1/dynamodb/aws4_request, signedheaders={signed}, "
        r"signature=[0-9a-f]{64}",
        headers["authorization"],
    )


@pytest.mark.parametrize(
    ("name", "call", "target"),
    [
        ("sqs", lambda sqs: sqs.send_message(QueueUrl="q", MessageBody="b"), "amazonsqs.sendmessage"),
        (
            "secretsmanager",
            lambda secrets: secrets.get_secret_value(SecretId="s"),
            "secretsmanager.getsecretvalue",
        ),
    ],
)
def test_each_service_gets_its_version_of_the_protocol(service, name, call, target):
    call(client(name, region_name="eu-west-1", endpoint_url=service.url))

    [(headers, _)] = service.requests
    assert headers["x-amz-target"] == target
    assert headers["content-type"] == f"application/x-amz-json-1.{int(name == 'secretsmanager')}"


def test_connection_is_reused(service, dynamodb):
    for _ in range(5):
        get(dynamodb)
    assert (len(service.requests), service.connections) == (5, 1)


def test_threads_do_not_share_a_connection_at_a_time(service, dynamodb):
    together = threading.Barrier(8)

    def echo(number):
        together.wait()
        return [dynamodb.get_item(TableName=f"{number}-{turn}")["echo"] for turn in range(20)]

    service.script = [None]
    service.step = lambda headers, body: answer({"echo": json.loads(body)["TableName"]})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(echo, range(8)))

    assert answers == [[f"{number}-{turn}" for turn in range(20)] for number in range(8)]
    assert service.connections <= 8


def chunked(*pieces):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.parametrize(
    "script",
    [
        [bytes([byte]) for byte in answer({"a": 1})],
        [b"HTTP/1.1 100 Continue\r\n\r\n", answer({"a": 1})],
        chunked(b'{"a"', b": 1}") + b"0\r\n\r\n",
        chunked(b'{"a": 1}') + b"0\r\nTrailer: x\r\n\r\n",
        b'HTTP/1.1 200\r\ncontent-LENGTH:8\r\n\r\n{"a": 1}',
    ],
)
def test_response_is_parsed_in_any_form_and_pieces(service, dynamodb, script):
    service.script = [script]

    assert [get(dynamodb), get(dynamodb)] == [{"a": 1}] * 2
    assert service.connections == 1


@pytest.mark.parametrize(
    "ending",
    [
        answer({"a": 1}, Connection="close"),
        b'HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}',
        answer({"a": 1}) + b"more than was asked for",
    ],
)
def test_connection_that_must_not_be_reused_is_not(service, dynamodb, ending):
    service.script = [ending]

    assert [get(dynamodb), get(dynamodb)] == [{"a": 1}] * 2
    assert service.connections == 2


def test_response_may_end_with_the_connection(service, dynamodb):
    service.script, service.closing = [b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}'], [1]

    assert get(dynamodb) == {"a": 1}


def test_large_page_is_read_whole(service, dynamodb):
    items = [{"sk": {"S": f"L{number:014}="}} for number in range(50_000)]
    service.script = [answer({"Items": items})]

    assert dynamodb.query(TableName="t")["Items"] == items


def test_connections_that_died_while_idle_cost_no_attempt(service, dynamodb, pauses):
    """A function that was frozen for a while finds its connections closed."""
    service.closing = [1]
    get(dynamodb)

    assert get(dynamodb) == {}
    assert (service.connections, pauses) == (2, [])


@pytest.mark.parametrize(
    "failure",
    [
        Scripted.CLOSE,
        Scripted.HANG,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        answer(b"<html>Bad Gateway</html>", 502),
        error("InternalServerError", 500),
        error("ThrottlingException"),
        error("ProvisionedThroughputExceededException"),
        error("Whatever", 429),
    ],
)
def test_passing_error_is_retried(service, dynamodb, pauses, failure):
    service.closing = [1]  # half a response ends with the connection
    service.script = [failure, failure, answer({"a": 1})]

    assert get(dynamodb) == {"a": 1}
    assert len(service.requests) == 3
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.05
    assert 0 <= pauses[1] <= 0.1


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (error("ThrottlingException"), "ThrottlingException"),
        (answer(b"", 503), "503"),
        (Scripted.HANG, "timed out"),
        (Scripted.CLOSE, "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer encoding"),
        (chunked() + b"zz\r\n", "chunk"),
        (chunked() + b"1\r\nab\r\n", "chunk"),
    ],
)
def test_lasting_error_is_given_up_after_three_attempts(service, dynamodb, failure, expected):
    service.script = [failure]

    with pytest.raises(AwsError, match=expected) as raised:
        get(dynamodb)

    assert "GetItem" in str(raised.value)
    assert len(service.requests) == 3


@pytest.mark.parametrize("status", [400, 403])
def test_refusal_is_final_and_carries_the_body_but_does_not_quote_it(service, dynamodb, status):
    service.script = [error("ConditionalCheckFailedException", status, Item={"pk": {"S": "x"}})]

    with pytest.raises(Refused) as raised:
        get(dynamodb)

    refused = raised.value
    assert (refused.operation, refused.code, refused.status) == (
        "GetItem",
        "ConditionalCheckFailedException",
        status,
    )
    assert refused.body["Item"] == {"pk": {"S": "x"}}
    assert "secret" not in str(refused)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"__type": "AccessDeniedException"}, "AccessDeniedException"),
        ({"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, "QueueDoesNotExist"),
        ({"__type": "ValidationException:http://internal.amazon.com/"}, "ValidationException"),
        ({}, "400"),
        ([], "400"),
        (b"not json", "400"),
    ],
)
def test_refusal_is_named_as_the_service_names_it(service, dynamodb, body, code):
    service.script = [answer(body, 400)]

    with pytest.raises(Refused) as raised:
        get(dynamodb)

    assert raised.value.code == code


def test_transaction_has_one_token_however_often_it_is_sent(service, dynamodb):
    service.script = [Scripted.CLOSE, answer({})]

    dynamodb.transact_write_items(TransactItems=[])
    dynamodb.transact_write_items(TransactItems=[])

    tokens = [json.loads(body)["ClientRequestToken"] for _, body in service.requests]
    assert tokens[0] == tokens[1] != tokens[2]
    assert all(1 <= len(token) <= 36 for token in tokens)


def test_service_that_cannot_be_reached_is_reported_with_the_reason(monkeypatch):
    nowhere = client("dynamodb", region_name="eu-west-1", endpoint_url="http://127.0.0.1:9")

    with pytest.raises(Unreachable, match="ConnectionRefused"):
        get(nowhere)


@pytest.fixture
def certificate(tmp_path):
    return self_signed(tmp_path)


def over_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return scripted_service(context)


def test_service_is_called_over_tls(monkeypatch, certificate):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    items = [{"sk": {"S": f"L{number:014}="}} for number in range(50_000)]

    with over_tls(certificate) as service:
        dynamodb = client("dynamodb", region_name="eu-west-1", endpoint_url=service.url)
        service.script = [answer({"Items": items})]

        assert get(dynamodb)["Items"] == get(dynamodb)["Items"] == items
        assert service.connections == 1


def test_service_whose_certificate_does_not_verify_gets_no_request(monkeypatch, certificate):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)

    with over_tls(certificate) as service:
        dynamodb = client("dynamodb", region_name="eu-west-1", endpoint_url=service.url)
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            get(dynamodb)

        assert service.requests == []
