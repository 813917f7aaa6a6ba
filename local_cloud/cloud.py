"""Starts and stops the local cloud from Python, for tests, the demo and the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local_cloud import state_lock
from local_cloud.cloud_redis import RedisAccess
from local_cloud.control_client import call_control
from local_cloud.disk import require_room
from local_cloud.settings import REPOSITORY, STATE_FILE, CloudFailed, Settings, find_python

DEFAULT_STATE = REPOSITORY / ".local_cloud"
DEFAULT_REGION = "us-east-1"
STARTED_WITHIN_S = 40.0
STOPPED_WITHIN_S = 60.0
LOG_FILE = "proxy.log"


class LocalCloud:
    """A running local cloud. As a context manager it stops at the end of the block.

    `endpoint` is the URL for every AWS client; WebSockets are at
    `ws://HOST:PORT/_aws/execute-api/API_ID/STAGE`.
    """

    def __init__(self, about: Mapping[str, Any], process: subprocess.Popen[bytes] | None = None) -> None:
        self._about, self._process = dict(about), process
        self.endpoint: str = about["endpoint"]
        self.port: int = about["port"]
        self.region: str = about["region"]
        self.state = Path(about["state"])
        self.redis = RedisAccess.of(about)
        """The Redis that the cloud runs, or None."""

    @classmethod
    def start(
        cls,
        *,
        state_dir: Path | str = DEFAULT_STATE,
        port: int = 0,
        persist: bool = False,
        fresh: bool = False,
        passing: bool = False,
        region: str = DEFAULT_REGION,
        redis: str = "",
        redis_port: int = 0,
        redis_server: bool = False,
        emulator_env: Mapping[str, str] | None = None,
        limits: Mapping[str, int | bool | None] | None = None,
        detached: bool = False,
    ) -> Self:
        """Start a cloud and wait until it is ready.

        `port` 0 takes a free one. With `persist` the emulator keeps its state in the folder, which may
        be copied while stopped; `fresh` deletes what it kept, and a `passing` cloud reads it but saves
        nothing when it stops, which takes seconds. `redis` (`HOST:PORT`) is a server that
        stands for ElastiCache, reached through a tunnel on `redis_port`; with `redis_server` the cloud runs
        one itself. `emulator_env` adds variables to the emulator's clean environment, and
        `limits` replaces some of AWS's (local_cloud/limits/settings.py). Unless `detached`,
        the cloud ends with this process, even when that is killed. Raises CloudFailed.
        """
        find_python()  # fail before anything starts
        state = Path(state_dir).resolve()
        require_stopped(state)
        state.mkdir(parents=True, exist_ok=True)
        require_room(state)
        (state / STATE_FILE).unlink(missing_ok=True)  # a killed cloud leaves it

        settings = Settings(
            str(state), port, region, persist, tied=not detached, fresh=fresh, passing=passing,
            redis=redis, redis_port=redis_port, redis_server=redis_server,
            emulator_env=dict(emulator_env or {}), limits=dict(limits or {}),
        )  # fmt: skip
        command = [sys.executable, "-m", "local_cloud.daemon", settings.to_json()]
        with (state / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            )  # fmt: skip

        deadline = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                lines = (state / LOG_FILE).read_text(errors="replace").strip().splitlines()
                require_room(state)  # it may have filled up since, which leaves no log
                last = lines[-1] if lines else "the local cloud ended without a word"
                raise CloudFailed(last.partition(" ERROR ")[2] or "\n".join(lines[-20:]) or last)
            cloud = cls.find(state, process)
            if cloud is not None:
                return cloud
            time.sleep(0.05)

        process.terminate()
        raise CloudFailed(
            f"the local cloud was not ready within {STARTED_WITHIN_S:g} s; see {state / LOG_FILE}"
        )

    @classmethod
    def find(cls, state_dir: Path | str, process: subprocess.Popen[bytes] | None = None) -> Self | None:
        """Return the running cloud of a state folder; None if there is none, or not yet, or no more."""
        folder = Path(state_dir)
        try:
            about = json.loads((folder / STATE_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return cls(about, process) if state_lock.is_held(folder) else None

    def env(self) -> dict[str, str]:
        """Return the variables that point AWS clients and Terraform to this cloud, with root credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def websocket_url(self, api_id: str, stage: str) -> str:
        """Return the URL at which clients of a stage connect."""
        return f"ws://127.0.0.1:{self.port}/_aws/execute-api/{api_id}/{stage}"

    def management_url(self, api_id: str, stage: str) -> str:
        """Return the endpoint URL for the apigatewaymanagementapi client of a stage."""
        return f"{self.endpoint}/_aws/execute-api/{api_id}/{stage}"

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Call the control API (local_cloud/README.md). Raises CloudFailed with its message."""
        return call_control(self.endpoint, method, path, body or None)

    def wait(self) -> None:
        """Wait until the cloud that this process started ends. Raises CloudFailed when it failed."""
        if self._process is not None and self._process.wait() != 0:
            raise CloudFailed(f"the local cloud ended by itself; see {self.state / LOG_FILE}")

    def stop(self) -> None:
        """Stop proxy and emulator and wait until both have ended. Raises CloudFailed if they do not."""
        pid = self._about["pid"]
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return

        deadline = time.monotonic() + STOPPED_WITHIN_S
        while time.monotonic() < deadline:
            if self._process is not None:
                if self._process.poll() is not None:
                    return
            elif not _is_running(pid):
                return
            time.sleep(0.05)

        raise CloudFailed(
            f"process {pid} did not end within {STOPPED_WITHIN_S:g} s; see {self.state / LOG_FILE}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def require_stopped(state: Path) -> None:
    """Raise CloudFailed where a cloud owns the state folder, so nothing in it may be changed."""
    if not state_lock.is_held(state):
        return
    running = LocalCloud.find(state)
    where = f"is running at {running.endpoint}" if running else "is starting or stopping"
    raise CloudFailed(f"a local cloud of {state} {where}: stop it first ({state_lock.describe_stop(state)})")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
