"""What `make test-local` builds for the cloud at LOCALSTACK_ENDPOINT, and where functions reach it."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local_cloud.named_cloud import NamedCloud, find_named_cloud

SCRIPT = Path(__file__).resolve().parents[3] / ".ci" / "localstack_packages.py"
LOCALSTACK = {"/_localstack/health": 200}
OWN = {"/_local_cloud/status": 200, "/_localstack/health": 200}
MINISTACK = {"/_ministack/ready": 200, "/_localstack/health": 200}
REFUSING = {}
FOR_LOCALSTACK = "--target lambda --architecture {} --output dist/localstack"


def ask(endpoint, **environment):
    return subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "LOCALSTACK_ENDPOINT": endpoint, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def cloud(request):
    """A cloud that answers some paths, and refuses all others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"services": {}}).encode()
            self.send_response(request.param.get(self.path, 403))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def docker(tmp_path):
    """A Docker whose host has an architecture."""

    def install(answer, status=0):
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\necho '{answer}'\nexit {status}\n")
        program.chmod(0o755)
        return f"{tmp_path}:{os.environ['PATH']}"

    return install


@pytest.mark.parametrize("cloud", [LOCALSTACK, REFUSING], indirect=True)
@pytest.mark.parametrize(("host", "architecture"), [("aarch64", "arm64"), ("x86_64", "x86_64")])
def test_localstack_gets_zips_for_lambdas_python_on_the_architecture_of_dockers_host(
    cloud, docker, host, architecture
):
    asked = ask(f"{cloud}/", PATH=docker(host))

    assert (asked.returncode, asked.stdout) == (0, FOR_LOCALSTACK.format(architecture))


@pytest.mark.parametrize("cloud", [LOCALSTACK], indirect=True)
def test_without_an_answer_of_docker_the_architecture_is_this_machines_or_the_one_named(cloud, docker):
    path = docker("", status=1)

    assert ask(cloud, PATH=path).stdout in {FOR_LOCALSTACK.format(name) for name in ("arm64", "x86_64")}
    assert ask(cloud, PATH=path, ARCHITECTURE="arm64").stdout == FOR_LOCALSTACK.format("arm64")


@pytest.mark.parametrize("cloud", [LOCALSTACK], indirect=True)
def test_docker_that_does_not_run_gives_no_answer(cloud, docker, tmp_path):
    docker("")
    (tmp_path / "docker").write_text("#!/nonexistent/interpreter\n")

    assert ask(cloud, PATH=str(tmp_path)).stdout in {
        FOR_LOCALSTACK.format(name) for name in ("arm64", "x86_64")
    }


def test_docker_that_hangs_gives_no_answer(docker, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", docker(""))
    (tmp_path / "docker").write_text("#!/bin/sh\nexec sleep 30\n")
    spec = importlib.util.spec_from_file_location("localstack_packages", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "_TIMEOUT_SECONDS", 0.2)

    assert script.read_architecture() in {"arm64", "x86_64"}


@pytest.mark.parametrize("cloud", [OWN, MINISTACK], indirect=True)
def test_cloud_that_runs_functions_on_this_machine_gets_zips_for_its_python(cloud):
    asked = ask(cloud)

    assert (asked.returncode, asked.stdout) == (0, "--target local")


def test_without_an_endpoint_zips_are_for_the_embedded_local_cloud():
    asked = ask("")

    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "--target local", "")


def test_endpoint_that_is_named_and_does_not_answer_is_an_error_with_the_remedy():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        asked = ask(f"http://127.0.0.1:{unused.getsockname()[1]}")

    assert (asked.returncode, asked.stdout) == (1, "")
    assert "does not answer" in asked.stderr
    assert "unset it" in asked.stderr


def test_port_that_speaks_no_http_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet():
            accepted, _ = other.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(b"220 mail ready\r\n")

        threading.Thread(target=greet, daemon=True).start()
        asked = ask(f"http://127.0.0.1:{other.getsockname()[1]}")

    assert (asked.returncode, asked.stdout) == (1, "")
    assert "does not answer" in asked.stderr
    assert "Traceback" not in asked.stderr


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:4566",
        "http://127.0.0.1:4566/v1",
        "ftp://x",
        "http://127.0.0.1:abc",
        "http://127.0.0.1:99999",
        "http://[::1",
        "http://127.0.0.1:4566?a=1",
        "http://127.0.0.1:4566#a",
    ],
)
def test_what_is_no_endpoint_is_refused_with_an_example(endpoint):
    asked = ask(endpoint)

    assert asked.returncode == 1
    assert "Traceback" not in asked.stderr
    assert "give one like http://127.0.0.1:4566" in asked.stderr


def test_functions_in_containers_reach_localstack_by_its_name_or_the_one_it_was_given(monkeypatch):
    monkeypatch.delenv("LOCALSTACK_HOST", raising=False)
    localstack = NamedCloud("http://127.0.0.1:4566", has_control_api=False, runs_on_host=False)

    assert localstack.functions_endpoint == "http://localhost.localstack.cloud:4566"
    monkeypatch.setenv("LOCALSTACK_HOST", "cloud.internal:4567")
    assert localstack.functions_endpoint == "http://cloud.internal:4567"


@pytest.mark.parametrize(("cloud", "takes_faults"), [(OWN, True), (MINISTACK, False)], indirect=["cloud"])
def test_functions_on_this_machine_reach_the_cloud_as_it_does(cloud, takes_faults, monkeypatch):
    monkeypatch.setenv("LOCALSTACK_ENDPOINT", cloud)
    named = find_named_cloud()

    assert (named.functions_endpoint, named.has_control_api) == (cloud, takes_faults)
