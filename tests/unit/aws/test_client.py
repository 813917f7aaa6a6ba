import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from realtime_core.aws.client import client
from realtime_core.aws.errors import CONFLICTS, FAULTS, THROTTLING, is_retryable_status
from realtime_core.errors import SettingsInvalid

LAMBDAS = Path(__file__).parents[3] / "lambdas"


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in [("REGION", "eu-central-1"), ("ACCESS_KEY_ID", "AKIA"), ("SECRET_ACCESS_KEY", "s")]:
        monkeypatch.setenv(f"AWS_{name}", value)


def url_of(aws_client):
    endpoint = aws_client.endpoint
    return f"{'https' if endpoint.tls else 'http'}://{endpoint.authority}{endpoint.path}"


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "secretsmanager"])
def test_client_gives_up_before_a_function_does(service):
    assert client(service).seconds_max < 29, "API Gateway waits 29 s"


def test_client_takes_its_region_from_where_lambda_gives_it(monkeypatch):
    assert client("dynamodb").region == "eu-central-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert client("dynamodb").region == "us-west-2"


@pytest.mark.parametrize(
    ("service", "region", "url"),
    [
        ("dynamodb", "eu-central-1", "https://dynamodb.eu-central-1.amazonaws.com"),
        ("sqs", "us-gov-west-1", "https://sqs.us-gov-west-1.amazonaws.com"),
        ("secretsmanager", "cn-north-1", "https://secretsmanager.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_client_calls_the_service_of_its_region(service, region, url):
    assert url_of(client(service, region_name=region)) == url


def test_override_replaces_one_choice_and_leaves_the_others():
    sqs = client("sqs", endpoint_url="http://127.0.0.1:4566", attempts=1, read_timeout=2)

    assert (url_of(sqs), sqs.region) == ("http://127.0.0.1:4566", "eu-central-1")
    assert (sqs.seconds_max, client("sqs").attempts) == (3, 3)


def test_endpoint_comes_from_the_environment_and_the_services_own_first(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://vault.internal/aws")

    assert url_of(client("dynamodb")) == "http://127.0.0.1:4566"
    assert url_of(client("secretsmanager")) == "https://vault.internal/aws"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_client_names_the_variable_that_is_missing(monkeypatch, name):
    monkeypatch.delenv(name)
    with pytest.raises(SettingsInvalid, match=name):
        client("dynamodb")


def test_codes_that_are_retried_are_those_of_botocore_and_overlap_nourl_of():
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) > THROTTLING
    timeouts = {code for code in FAULTS if code.startswith("RequestTimeout")}
    assert timeouts == {*TransientRetryableChecker._TRANSIENT_ERROR_CODES} - {"PriorRequestNotComplete"}
    assert len(THROTTLING | FAULTS | CONFLICTS) == len(THROTTLING) + len(FAULTS) + len(CONFLICTS)


def test_statuses_that_are_retried_are_throttling_and_server_errors():
    assert [status for status in range(200, 600) if is_retryable_status(status)] == [429, *range(500, 600)]


def test_no_module_of_the_library_imports_botocore():
    """botocore costs a quarter of a second of every cold start."""
    modules = sorted((LAMBDAS / "realtime_core").glob("**/*.py"))
    names = [
        ".".join(path.relative_to(LAMBDAS).with_suffix("").parts)
        for path in modules
        if path.stem not in {"__init__", "jwks", "public_keys"}
    ]
    program = (
        "import sys\n"
        + "".join(f"import {name}\n" for name in names)
        + "sys.exit(bool({'boto3', 'botocore', 'urllib3', 'http.client'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=False)
    assert ran.returncode == 0
