"""The emulator behind the proxy: MiniStack in an environment of its own, started clean.

boto3 and MiniStack pin different botocores, hence the second environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from local_cloud.settings import HOST, CloudFailed, find_python

# What Lambda waits before it tries an asynchronous invocation again, the second time twice as long:
# docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
ASYNC_RETRY_S = 60
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def read_port(state: Path) -> int:
    """Return the port that the saved state belongs to: the emulator writes it into queue URLs."""
    note = state / "emulator" / "port"
    if not note.exists():
        note.write_text(str(free_port()))
    return int(note.read_text())


def build_environment(
    state: Path, *, port: int, proxy_url: str, region: str, persist: bool, extra: Mapping[str, str]
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
        self.url, self.log, self._scratch = url, state / "emulator.log", state / "tmp"
        self._processes: list[asyncio.subprocess.Process] = []

    @classmethod
    async def start(
        cls, state: Path, *, proxy_url: str, region: str, persist: bool, extra: Mapping[str, str]
    ) -> Emulator:
        """Start the emulator and wait until it is ready. Raises CloudFailed."""
        python = find_python()
        (state / "emulator").mkdir(exist_ok=True)
        port = read_port(state) if persist else free_port()
        emulator = cls(f"http://{HOST}:{port}", state)
        shutil.rmtree(emulator._scratch, ignore_errors=True)
        emulator._scratch.mkdir(parents=True)

        variables = build_environment(
            state, port=port, proxy_url=proxy_url, region=region, persist=persist, extra=extra
        )
        with emulator.log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                python, "-m", "ministack", env=variables, cwd=state, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        # Ends the emulator's process group when this process is killed.
        watchdog = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("watchdog.py")), str(process.pid),
            stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        emulator._processes = [process, watchdog]

        await emulator._wait_until_ready()
        return emulator

    async def _wait_until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while asyncio.get_running_loop().time() < deadline and self._processes[0].returncode is None:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(f"{self.url}/_ministack/ready") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.05)

        await self.stop()
        raise CloudFailed(f"the emulator was not ready within {READY_WITHIN_S:g} s; see {self.log}")

    async def ended(self) -> None:
        """Wait until the emulator or its watchdog ends by itself, which neither should."""
        waits = [asyncio.create_task(process.wait()) for process in self._processes]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Let the emulator save its state and end, together with the functions' processes it started."""
        process, watchdog = self._processes
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOPPED_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            watchdog.kill()
        await watchdog.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)
