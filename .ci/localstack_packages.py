"""Print the options of lambdas/build.py for the cloud on which `make test-local` runs its tests.

LocalStack runs functions in containers of Lambda's own Python on the architecture of Docker's host; the
embedded local cloud runs them on this machine's. A cloud that LOCALSTACK_ENDPOINT names and that does not
answer is an error: tests that run elsewhere prove nothing about it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local_cloud.named_cloud import find_named_cloud
from local_cloud.settings import CloudFailed

_NAMES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}
_TIMEOUT_SECONDS = 20


def read_architecture() -> str:
    """Return Lambda's name of the architecture of Docker's host, which may be another machine."""
    reported = ""
    if shutil.which("docker"):
        # One that does not run or answer is like none.
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            asked = subprocess.run(
                ["docker", "info", "--format", "{{.Architecture}}"],  # noqa: S607 - the user's Docker
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
            reported = asked.stdout.strip()
    return _NAMES.get(reported) or _NAMES.get(platform.machine().lower(), "x86_64")


def choose_options() -> str:
    """Return the options of lambdas/build.py. Raises CloudFailed if the named cloud does not answer."""
    named = find_named_cloud()
    if named is None or named.runs_on_host:
        return "--target local"
    architecture = os.environ.get("ARCHITECTURE") or read_architecture()
    return f"--target lambda --architecture {architecture} --output dist/localstack"


if __name__ == "__main__":
    try:
        sys.stdout.write(choose_options())
    except CloudFailed as error:
        sys.exit(str(error))
