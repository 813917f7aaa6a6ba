"""Users with the stack's operator policies only, who run the operator's command line."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from deals_ops.main import main
from local_cloud.client import WAIT_SECONDS
from local_cloud.stack import REGION, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.e2e.service import Service


@dataclass(frozen=True)
class Completed:
    """A command that has ended: its exit code and what it printed."""

    exit_code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The one line of JSON that it printed."""
        [line] = self.out.splitlines()
        return json.loads(line)


class Operator:
    """A user of the account with some of the stack's operator policies."""

    def __init__(
        self, service: Service, name: str, policies: tuple[str, ...], environment: str = "local"
    ) -> None:
        self._iam = service.stack.client("iam")
        self._name = name
        self._iam.create_user(UserName=name)
        for policy in policies:
            document = service.outputs["operator_policies"][policy]
            self._iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=document)
        self._key = self._iam.create_access_key(UserName=name)["AccessKey"]
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": service.stack.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self._key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._key["SecretAccessKey"],
            "DEALS_ENVIRONMENT": environment,
        }

    def delete(self) -> None:
        """Delete the user and its access key."""
        self._iam.delete_access_key(UserName=self._name, AccessKeyId=self._key["AccessKeyId"])
        for policy in self._iam.list_user_policies(UserName=self._name)["PolicyNames"]:
            self._iam.delete_user_policy(UserName=self._name, PolicyName=policy)
        self._iam.delete_user(UserName=self._name)

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Completed:
        """Run a command in this process; `environment` extends or overrides the operator's."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict("os.environ", {**self.environment, **environment}),
            mock.patch("sys.stdin", io.StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                code = main(arguments)
            except SystemExit as exited:  # raised by argparse
                code = int(exited.code or 0)
        return Completed(code, out.getvalue(), err.getvalue())

    async def expect(self, *arguments: str, code: int = 0, **options: Any) -> Completed:
        """Run a command in a thread, while the test's sockets stay served, and expect an exit code."""
        completed = await asyncio.to_thread(self.run, *arguments, **options)
        _check_exit_code(completed, code)
        return completed

    async def expect_process(
        self, *arguments: str, code: int = 0, stdin: str = "", **environment: str
    ) -> Completed:
        """Run a command as a process, for commands that continue while the test does something else."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deals_ops", *arguments),
            cwd=ROOT,
            env={**os.environ, **self.environment, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 2 * WAIT_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
        completed = Completed(process.returncode or 0, out.decode(), err.decode())
        _check_exit_code(completed, code)
        return completed


def _check_exit_code(completed: Completed, code: int) -> None:
    assert completed.exit_code == code, f"{completed.exit_code}: {completed.out}{completed.err}"
