"""The emulator behind the proxy: MiniStack in an environment of its own, started clean.

boto3 and MiniStack pin different botocores, hence the second environment.

Two clouds may be given the same free port, and another process may take it before the emulator listens. So
each emulator has a name of its own, which its health report repeats: an answer of another server is noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from local_cloud.settings import HOST, CloudFailed, find_python

logger = logging.getLogger(__name__)

LOG_FILE = "emulator.log"
PORTS_TRIED = 3
# What Lambda waits before it tries an asynchronous invocation again, the second time twice as long:
# docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
ASYNC_RETRY_S = 60
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0


class PortTaken(CloudFailed):
    """Another server listens on the port that the emulator was to have."""


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_note(state: Path) -> Path:
    """Return the file that notes the port to which the saved state belongs."""
    return state / "emulator" / "port"


def read_port(state: Path) -> int:
    """Return the port that the saved state belongs to: the emulator writes it into queue URLs."""
    note = port_note(state)
    if not note.exists():
        note.write_text(str(free_port()))
    return int(note.read_text())


def build_environment(
    state: Path,
    *,
    port: int,
    proxy_url: str,
    region: str,
    persist: bool,
    name: str,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """Return the emulator's whole environment: of the caller's own, only PATH and locale."""
    inherited = {k: os.environ[k] for k in ("PATH", "LANG", "LC_ALL") if k in os.environ}
    return inherited | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": region,
        # Its only effect: /_ministack/health reports it.
        "MINISTACK_EDITION": name,
        # Functions inherit it, so their own AWS calls pass the proxy too.
        "AWS_ENDPOINT_URL": proxy_url,
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(ASYNC_RETRY_S),
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": str(2 * ASYNC_RETRY_S),
        "PERSIST_STATE": "1" if persist else "0",
        "STATE_DIR": str(state / "emulator"),
        "S3_PERSIST": "1" if persist else "0",
        "S3_DATA_DIR": str(state / "emulator" / "s3"),
        "TMPDIR": str(state / "tmp"),
        "HOME": str(state / "tmp"),  # a folder without ~/.aws
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


class Emulator:
    """The running emulator, in a process group of its own; a watchdog ends it if this process is killed."""

    def __init__(self, url: str, state: Path) -> None:
        self.url, self.log, self._scratch = url, state / LOG_FILE, state / "tmp"
        self._name = f"local-cloud-{secrets.token_hex(8)}"
        self._processes: list[asyncio.subprocess.Process] = []

    @classmethod
    async def start(
        cls,
        state: Path,
        *,
        proxy_url: str,
        region: str,
        persist: bool,
        extra: Mapping[str, str],
        lock: int | None = None,
    ) -> Emulator:
        """Start the emulator and wait until it is ready. Raises CloudFailed.

        `lock` is the descriptor of the state's lock, which the watchdog holds until the emulator has ended.

        If its port is taken meanwhile it gets another, unless the state belongs to that port.
        """
        python = find_python()
        note = port_note(state)
        note.parent.mkdir(exist_ok=True)
        attempts = 1 if persist and note.exists() else PORTS_TRIED

        while True:
            attempts -= 1
            port = read_port(state) if persist else free_port()
            emulator = cls(f"http://{HOST}:{port}", state)
            shutil.rmtree(emulator._scratch, ignore_errors=True)
            emulator._scratch.mkdir(parents=True)
            variables = build_environment(
                state, port=port, proxy_url=proxy_url, region=region, persist=persist,
                name=emulator._name, extra=extra,
            )  # fmt: skip

            await emulator._spawn(python, variables, lock)
            try:
                await emulator._wait_until_ready()
            except PortTaken as taken:
                if not attempts:
                    raise
                logger.warning("%s; trying another port", taken)
                note.unlink(missing_ok=True)
            else:
                return emulator

    async def _spawn(self, python: Path, variables: Mapping[str, str], lock: int | None) -> None:
        with self.log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                python, "-m", "ministack", env=variables, cwd=self._scratch.parent, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        # Ends the emulator's process group when this process is killed.
        watchdog = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("watchdog.py")), str(process.pid),
            stdin=asyncio.subprocess.PIPE, pass_fds=() if lock is None else (lock,),
        )  # fmt: skip
        self._processes = [process, watchdog]

    async def _wait_until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        ended = False
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while asyncio.get_running_loop().time() < deadline:
                ended = self._processes[0].returncode is not None
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    if other := await self._find_other(http):
                        await self.stop()
                        raise PortTaken(f"the emulator's address {self.url} was taken meanwhile by {other}")
                    async with http.get(f"{self.url}/_ministack/ready") as response:
                        if response.status == 200:
                            return
                if ended:
                    break
                await asyncio.sleep(0.05)

        await self.stop()
        if ended:
            raise CloudFailed(f"the emulator ended while it started; see {self.log}")
        raise CloudFailed(f"the emulator was not ready within {READY_WITHIN_S:g} s; see {self.log}")

    async def _find_other(self, http: aiohttp.ClientSession) -> str:
        """Return the name of the server on this emulator's port; empty if it is this emulator.

        Raises aiohttp's ClientError if none answers.
        """
        async with http.get(f"{self.url}/_ministack/health") as response:
            try:
                name = str((await response.json(content_type=None))["edition"])
            except (ValueError, TypeError, LookupError):
                return "a server that is no emulator"
        return "" if name == self._name else name

    async def ended(self) -> None:
        """Wait until the emulator or its watchdog ends by itself, which neither should."""
        waits = [asyncio.create_task(process.wait()) for process in self._processes]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self, *, save: bool = False) -> None:
        """End the emulator together with the functions' processes it started; with `save` it saves first."""
        process, watchdog = self._processes
        if save:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOPPED_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        with contextlib.suppress(ProcessLookupError):
            watchdog.kill()
        await watchdog.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)
