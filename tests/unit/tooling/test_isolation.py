"""What this machine's environment says about other clouds does not reach a local command."""

from __future__ import annotations

import os
import urllib.request

import boto3
import pytest
from botocore.config import Config

from local_cloud.isolation import isolate

FOREIGN = {
    "AWS_PROFILE": "does-not-exist",
    "AWS_DEFAULT_PROFILE": "neither",
    "AWS_ENDPOINT_URL": "https://example.com",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://example.com",
    "AWS_CONFIG_FILE": "/nowhere/config",
    "AWS_SESSION_TOKEN": "t",
    "AWS_REGION": "mars-north-1",
    "AWS_CA_BUNDLE": "/nowhere/ca.pem",
    "AWS_RETRY_MODE": "never",
    "BOTO_CONFIG": "/nowhere/boto",
    "TF_VAR_region": "mars-north-1",
    "TF_CLI_ARGS": "-no-color",
    "TF_CLI_ARGS_apply": "-target=x",
    "TF_WORKSPACE": "production",
    "TF_DATA_DIR": "/nowhere",
}


def test_accounts_profiles_and_terraform_variables_are_forgotten():
    environment = {**FOREIGN, "PATH": "/bin", "TF_PLUGIN_DIR": "/mirror", "LOCALSTACK_ENDPOINT": "http://x"}

    isolate(environment)

    assert environment == {
        "PATH": "/bin",
        "TF_PLUGIN_DIR": "/mirror",
        "LOCALSTACK_ENDPOINT": "http://x",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "127.0.0.1,localhost,::1",
        "NO_PROXY": "127.0.0.1,localhost,::1",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"NO_PROXY": "corp.example"}, "corp.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": "localhost", "NO_PROXY": "other"}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": ""}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_hosts_that_need_no_proxy_stay_and_this_machine_is_added(before, after):
    environment = {"HTTPS_PROXY": "http://proxy:3128", **before}

    isolate(environment)

    assert (environment["no_proxy"], environment["NO_PROXY"]) == (after, after)
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"


def test_isolating_twice_is_isolating_once():
    environment = dict(FOREIGN)
    isolate(environment)
    once = dict(environment)

    isolate(environment)

    assert environment == once


def test_clients_work_under_a_hostile_environment(monkeypatch, tmp_path):
    """boto3 refuses a profile that does not exist, and reads odd settings from the user's own files."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nmax_attempts = none\nregion = mars-north-1\n[broken"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://x:1"}
    for name, value in {**FOREIGN, **proxies}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):  # restored at the end, whatever isolate() sets
        monkeypatch.setenv(name, "")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.setenv(name, "x")

    isolate()

    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client(
        "sqs", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1})
    )
    assert client.meta.region_name == "us-east-1"
    assert urllib.request.proxy_bypass("127.0.0.1")
