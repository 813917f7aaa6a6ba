"""Which authorities TLS trusts: Amazon's for AWS names, the system's for all others."""

import socket
import ssl
import threading
import time
from pathlib import Path

import botocore
import pytest

from local_cloud.certificates import self_signed
from realtime_core.aws import endpoint
from realtime_core.aws.amazon_roots import AMAZON_ROOTS
from realtime_core.aws.client import client
from realtime_core.aws.endpoint import tls_context
from realtime_core.aws.errors import Unreachable
from realtime_core.push.management_api.client import ManagementApiClient
from tests.contract.support.faulty_api import faulty_api
from tests.contract.support.scripted_service import answer, scripted_service

NAME = "dynamodb.eu-west-1.amazonaws.com"
AMAZON = [f"Amazon Root CA {number}" for number in range(1, 5)]
STARFIELD = "Starfield Services Root Certificate Authority - G2"


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setattr(endpoint, "_system_authorities", threading.Event())
    endpoint._context.cache_clear()
    yield
    endpoint._context.cache_clear()


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A certificate for an AWS name by an authority of the system, not of Amazon; the name resolves here."""
    files = self_signed(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **named: look_up("127.0.0.1", *more, **named)
    )
    return files


def trusted(host):
    """Return the common names of the authorities that TLS trusts for a host."""
    names = [
        dict(pair for part in authority["subject"] for pair in part)
        for authority in tls_context(host).get_ca_certs()
    ]
    return sorted(name.get("commonName", "") for name in names)


def certificates(text):
    """Return the certificates in a PEM text, in DER."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    texts = [item.partition(end)[0] for item in text.split(begin)[1:]]
    return [ssl.PEM_cert_to_DER_cert(begin + item + end) for item in texts]


def test_amazons_authorities_are_in_botocores_bundle_and_expire_in_years():
    bundle = certificates(Path(botocore.__file__).with_name("cacert.pem").read_text())
    assert len(set(certificates(AMAZON_ROOTS))) == 5
    assert set(certificates(AMAZON_ROOTS)) <= set(bundle)

    ends = [ssl.cert_time_to_seconds(authority["notAfter"]) for authority in tls_context(NAME).get_ca_certs()]
    assert min(ends) > time.time() + 3 * 365 * 86_400


def test_an_aws_name_is_verified_by_amazons_authorities_alone():
    for host in (NAME, "a1b2c3.execute-api.eu-west-1.amazonaws.com"):
        assert trusted(host) == [*AMAZON, STARFIELD]


@pytest.mark.parametrize(
    "host", ["issuer.example", "dynamodb.cn-north-1.amazonaws.com.cn", "amazonaws.com.example", "127.0.0.1"]
)
def test_any_other_name_is_verified_by_the_systems(host, certificate):
    assert trusted(host) == [NAME]


def test_the_operators_own_bundle_verifies_every_name(certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    assert trusted(NAME) == trusted("issuer.example") == [NAME]


def test_a_call_behind_a_proxy_that_the_system_trusts_is_retried_and_succeeds(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with scripted_service(context) as service:
        service.script = [answer({"Item": {}})]
        url = service.url.replace("127.0.0.1", NAME)
        once = client("dynamodb", region_name="eu-west-1", endpoint_url=url, attempts=1)

        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            once.get_item(TableName="t", Key={})
        assert once.get_item(TableName="t", Key={}) == {"Item": {}}
        assert len(service.requests) == 1


def test_a_post_behind_a_proxy_that_the_system_trusts_is_retried_and_arrives(certificate):
    with faulty_api(certificate) as api:
        api.plans["a"] = ["ok"]
        report = ManagementApiClient(f"https://{NAME}:{api.port}/live").post("{}", ["a"], 5.0)

    assert report.delivered == ("a",)
    assert api.attempts["a"] == 1


def test_an_aws_name_that_neither_verifies_gets_nothing(certificate, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed(tmp_path_factory.mktemp("other"), NAME)[0]))
    with faulty_api(certificate) as api:
        report = ManagementApiClient(f"https://{NAME}:{api.port}/live").post("{}", ["a"], 0.5)

    assert report.unsent == ("a",)
    assert not api.attempts
