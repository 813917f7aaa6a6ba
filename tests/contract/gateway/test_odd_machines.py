"""The local cloud where much is odd at once: proxies, profiles, settings, names of folders, file rights."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud import LocalCloud
from local_cloud.settings import REPOSITORY

HOSTILE = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "AWS_PROFILE": "does-not-exist",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_REGION": "mars-north-1",
    "AWS_CA_BUNDLE": "/nowhere/ca.pem",
    "AWS_CONFIG_FILE": "/nowhere/config",
    "PYTHONPATH": "/nowhere",
}
CONFIG = "[default]\nregion = mars-north-1\nmax_attempts = none\nuse_fips_endpoint = true\n[broken"

# What every local command does first, then a cloud with all its parts, and a function that calls back.
COMMAND = """
import io, json, pathlib, sys, zipfile
sys.path.insert(0, sys.argv[2])
from local_cloud.isolation import isolate
isolate()
import boto3, redis
from local_cloud import LocalCloud

FUNCTION = '''
import json, os, urllib.request
def handler(event, context):
    url = os.environ["AWS_ENDPOINT_URL"] + "/_local_cloud/status"
    return {"status": urllib.request.urlopen(url, timeout=20).status, "said": event["say"]}
'''
zipped = io.BytesIO()
with zipfile.ZipFile(zipped, "w") as archive:
    archive.writestr("main.py", FUNCTION)

with LocalCloud.start(state_dir=pathlib.Path(sys.argv[1]), persist=True, redis_server=True) as cloud:
    session = boto3.Session("test", "test", region_name="us-east-1")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = session.client("iam", endpoint_url=cloud.endpoint)
    iam.create_role(RoleName="speaker", AssumeRolePolicyDocument=document)
    functions = session.client("lambda", endpoint_url=cloud.endpoint)
    functions.create_function(
        FunctionName="speaker", Runtime="python3.13", Handler="main.handler",
        Role="arn:aws:iam::000000000000:role/speaker", Code={"ZipFile": zipped.getvalue()},
    )
    answer = functions.invoke(FunctionName="speaker", Payload=json.dumps({"say": "Größe"}))
    print(json.dumps(json.load(answer["Payload"])))
    server = redis.Redis.from_url(cloud.redis.url, **cloud.redis.options())
    print(server.ping(), oct(cloud.redis.password_file.stat().st_mode & 0o777))
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    (tmp_path / "home" / ".aws" / "config").write_text(CONFIG)
    return tmp_path / "home"


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_cloud_serves_where_the_environment_is_meant_for_others(tmp_path, home, umask):
    folder = tmp_path / "Ordner für Prüfungen, it's 'new' & $HOME %20"
    command = [sys.executable, "-c", COMMAND, str(folder), str(REPOSITORY)]
    environment = {**HOSTILE, "PATH": os.environ["PATH"], "HOME": str(home)}

    completed = subprocess.run(
        command,
        env=environment,
        cwd=tmp_path,
        umask=umask,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert completed.returncode == 0, completed.stderr
    answer, redis = completed.stdout.splitlines()
    assert json.loads(answer) == {"status": 200, "said": "Größe"}
    assert redis == "True 0o600"


def test_cloud_of_another_checkout_goes_on_when_this_one_stops(tmp_path):
    with LocalCloud.start(state_dir=tmp_path / "theirs" / "cloud") as theirs:
        with LocalCloud.start(state_dir=tmp_path / "ours" / "cloud") as ours:
            assert ours.port != theirs.port
        assert theirs.control("GET", "status")["port"] == theirs.port
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", ours.port), 5)
        assert Path(theirs.state).is_dir()
