"""The emulator behind the front: MiniStack in an environment of its own, started clean.

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

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def kept_port(state: Path) -> int:
    """The port that the state in a folder belongs to: the emulator names its queues by it."""
    note = state / "emulator" / "port"
    if not note.exists():
        note.write_text(str(free_port()))
    return int(note.read_text())


def environment(
    state: Path, *, port: int, front_url: str, region: str, persist: bool, extra: Mapping[str, str]
) -> dict[str, str]:
    """All that the emulator gets to see: nothing of the caller's environment but PATH and locale."""
    inherited = {k: os.environ[k] for k in ("PATH", "LANG", "LC_ALL") if k in os.environ}
    return inherited | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": region,
        # Functions inherit it, so their own AWS calls pass the front too.
        "AWS_ENDPOINT_URL": front_url,
        "PERSIST_STATE": "1" if persist else "0",
        "STATE_DIR": str(state / "emulator"),
        "S3_PERSIST": "1" if persist else "0",
        "S3_DATA_DIR": str(state / "emulator" / "s3"),
        "TMPDIR": str(state / "tmp"),
        "HOME": str(state / "tmp"),  # where no ~/.aws is
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


class Emulator:
    """The running emulator, in a process group of its own; a keeper ends it if this process is killed."""

    def __init__(self, url: str, state: Path) -> None:
        self.url, self.log, self._scratch = url, state / "emulator.log", state / "tmp"
        self._processes: list[asyncio.subprocess.Process] = []

    @classmethod
    async def start(
        cls, state: Path, *, front_url: str, region: str, persist: bool, extra: Mapping[str, str]
    ) -> Emulator:
        """Start it and wait until it is ready. Raises CloudFailed."""
        python = find_python()
        (state / "emulator").mkdir(exist_ok=True)
        port = kept_port(state) if persist else free_port()
        emulator = cls(f"http://{HOST}:{port}", state)
        shutil.rmtree(emulator._scratch, ignore_errors=True)
        emulator._scratch.mkdir(parents=True)
        variables = environment(
            state, port=port, front_url=front_url, region=region, persist=persist, extra=extra
        )
        with emulator.log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                python, "-m", "ministack", env=variables, cwd=state, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        keeper = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("keeper.py")), str(process.pid),
            stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        emulator._processes = [process, keeper]
        await emulator._wait_until_ready()
        return emulator

    async def _wait_until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while asyncio.get_running_loop().time() < deadline and self._processes[0].returncode is None:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(f"{self.url}/_ministack/ready") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        await self.stop()
        raise CloudFailed(f"the emulator did not get ready within {READY_WITHIN_S:g} s; see {self.log}")

    async def ended(self) -> None:
        """Wait until it, or its keeper, ends by itself, which neither should."""
        waits = [asyncio.create_task(process.wait()) for process in self._processes]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Let it save its state and end, and with it the functions' processes that it has started."""
        process, keeper = self._processes
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOPPED_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            keeper.kill()
        await keeper.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)
