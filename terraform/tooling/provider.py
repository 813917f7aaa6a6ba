"""One provider process that many Terraform commands share."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from terraform.tooling import mirror
from terraform.tooling.session import Session

_ATTACH = re.compile(r"TF_REATTACH_PROVIDERS='(.*)'")
_STOP_SECONDS = 10


class SharedProviders:
    """AWS providers that Terraform attaches to instead of starting its own.

    Terraform starts the provider, a binary of 700 MB, for every command and every `run` block of a test,
    even where the test mocks it and only its schema is read. That start is most of a module test's time.
    Leaving the context stops the providers. Several threads may use one object.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._processes: list[subprocess.Popen[str]] = []
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGINT)  # the provider then removes its socket
        for process in self._processes:
            try:
                process.communicate(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def attach(self, session: Session, folder: Path) -> Session:
        """A session whose commands in `folder`, initialised before, use the shared provider.

        If the folder has no AWS provider, or the provider cannot be attached to, this is `session` itself
        and Terraform starts providers as usual.
        """
        executable = _installed(session, folder)
        if not executable:
            return session

        # Folders link to one copy or have copies of their own: the same version is the same provider.
        version = executable.parents[1].name
        with self._lock:
            if version not in self._addresses:
                self._addresses[version] = self._start(session, executable)

        address = self._addresses[version]
        return session.with_variables(TF_REATTACH_PROVIDERS=address) if address else session

    def _start(self, session: Session, executable: Path) -> str:
        process = subprocess.Popen(
            [executable, "-debug"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=session.environment,
        )
        self._processes.append(process)

        for line in process.stdout or ():
            if match := _ATTACH.search(line):
                # The provider names itself after HashiCorp's registry; OpenTofu knows it by its own.
                (address,) = json.loads(match[1]).values()
                registry = mirror.REGISTRIES[session.tool.product]
                return json.dumps({f"{registry}/{mirror.PROVIDER}": address})
        return ""


def _installed(session: Session, folder: Path) -> Path | None:
    data = folder / session.environment.get("TF_DATA_DIR", ".terraform")
    provider = data / "providers" / mirror.REGISTRIES[session.tool.product] / mirror.PROVIDER
    return next(provider.glob("*/*/terraform-provider-aws*"), None)
