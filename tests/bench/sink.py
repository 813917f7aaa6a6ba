"""The sink of posts: nginx with TLS, which answers at once or after a service time; and wrk."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_cloud.certificates import self_signed

ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
SERVICE_MS = 10

_CONFIG = """
{load}
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_max_body_size 1m; client_body_buffer_size 256k; client_body_temp_path {folder}/body;
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ return 200 ""; }}
    {slow}
  }}
}}
"""
# Another location answers, because echo's own response is chunked, and API Gateway's is not.
_SLOW = """
    location /slow/ {{ echo_read_request_body; echo_sleep {seconds}; echo_exec @answer; }}
    location @answer {{ return 200 ""; }}
"""

# As many bytes as one of our posts.
_POSTS = """
wrk.method = "POST"
wrk.body = string.rep("x", {size})
wrk.headers["X-Amz-Date"] = "20261123T225000Z"
wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/execute-api/" ..
  "aws4_request, SignedHeaders=host;x-amz-date, Signature=" .. string.rep("a", 64)
"""


def missing() -> str:
    """Return what the posting benches need and this machine lacks, with the way to install it, or ""."""
    lacking = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
    if not lacking:
        return ""
    packages = " ".join(
        {"nginx": "nginx-light libnginx-mod-http-echo", "wrk": "wrk"}[name] for name in lacking
    )
    return f"{' and '.join(lacking)} missing: apt-get install {packages}"


@dataclass(frozen=True, slots=True)
class Sink:
    """A running nginx: an endpoint that answers at once and, with the echo module, one that is slow."""

    folder: Path
    certificate: Path
    port: int

    @property
    def at_once(self) -> str:
        """Endpoint that answers at once."""
        return f"https://localhost:{self.port}/live"

    @property
    def slow(self) -> str | None:
        """Endpoint that answers after SERVICE_MS; None without nginx's echo module."""
        return f"https://localhost:{self.port}/slow" if ECHO.exists() else None

    def wrk(self, endpoint: str, *, connections: int, seconds: float, size: int) -> float:
        """Return the posts a second that wrk makes to the endpoint from one thread."""
        script = self.folder / "post.lua"
        script.write_text(_POSTS.format(size=size))
        url = f"{endpoint}/@connections/L0SM9cOFvHcCIhw%3D"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", script, url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in output or "Socket errors" in output:
            raise RuntimeError(f"wrk was refused:\n{output}")
        rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
        assert rate, output
        return float(rate[1])


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """Run nginx on a core of its own where there are two."""
    certificate, key = self_signed(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            port=port,
            certificate=certificate,
            key=key,
            load=f"load_module {ECHO};" if ECHO.exists() else "",
            slow=_SLOW.format(seconds=SERVICE_MS / 1000) if ECHO.exists() else "",
        )
    )

    with (folder / "nginx.log").open("w") as log:
        process = subprocess.Popen(["nginx", "-p", folder, "-c", config], stderr=log)
    try:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process.pid, cores[-1:])
        _wait_for(port, process, folder / "nginx.log")
        yield Sink(folder, certificate, port)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def on_first_core() -> Iterator[None]:
    """Keep this process and its children on the first core; the sink has another."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nginx did not start:\n{log.read_text()}")
