"""Runs Terraform against a local cloud and reports its progress."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_cloud.progress import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TOOLCHAIN = Path(__file__).resolve().parent.parent / "terraform" / "toolchain.py"

STOP_SECONDS = 10
"""How long an interrupted Terraform may take to finish the operations in progress."""


class TerraformFailed(RuntimeError):
    """Terraform failed; the message holds its diagnostics."""


class Terraform:
    """One root module, with its state and data outside the source tree."""

    def __init__(
        self,
        root: Path,
        state: Path,
        environment: Mapping[str, str],
        explain: Callable[[], str] | None = None,
    ) -> None:
        """Add `environment` (endpoint, credentials, TF_VAR_…) to that of this process.

        `explain` returns what the other side has to say when Terraform fails, for the error's message.
        """
        self._root = root
        self._explain = explain
        self._state = state.resolve()
        self._state.parent.mkdir(parents=True, exist_ok=True)
        self._environment = {
            **os.environ,
            **environment,
            "TF_DATA_DIR": str(self._state.parent / "terraform-data"),
            "TF_IN_AUTOMATION": "1",
        }
        self._declared: dict[str, Any] | None = None

    def with_variables(self, variables: Mapping[str, str]) -> Terraform:
        """Return the same root and state with further input variables, JSON where they are no strings."""
        further = {f"TF_VAR_{name}": value for name, value in variables.items()}
        return Terraform(self._root, self._state, {**self._environment, **further}, self._explain)

    @property
    def folder(self) -> Path:
        """The folder of the state and of Terraform's own data."""
        return self._state.parent

    def init(self) -> None:
        """Install the provider."""
        self._run([sys.executable, str(TOOLCHAIN), "init", str(self._root)])

    def apply(self, progress: Callable[[str], None]) -> None:
        """Apply without asking; `progress` gets a line for each finished resource."""
        self._change("apply", progress)

    def destroy(self, progress: Callable[[str], None]) -> None:
        """Destroy without asking; `progress` gets a line for each deleted resource."""
        self._change("destroy", progress)

    def outputs(self) -> dict[str, Any]:
        """Return the root's outputs by name."""
        text = self._run([*self._command("output"), "-json", f"-state={self._state}"])
        return {name: output["value"] for name, output in json.loads(text).items()}

    def changes(self) -> dict[str, list[str]]:
        """Return the actions that a plan holds now, by resource address, without no-ops and reads."""
        return {
            change["address"]: change["change"]["actions"]
            for change in self._plan().get("resource_changes", [])
            if change["change"]["actions"] not in (["no-op"], ["read"])
        }

    def declared(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the declared resources of a type by address, with the attributes that a plan knows.

        A plan takes ten seconds of processor, so its answer is kept until the next apply or destroy.
        """

        def walk(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
            yield from module.get("resources", [])
            for child in module.get("child_modules", []):
                yield from walk(child)

        self._declared = self._declared or self._plan()["planned_values"]["root_module"]
        resources = walk(self._declared)
        return {resource["address"]: resource["values"] for resource in resources if resource["type"] == kind}

    def _plan(self) -> dict[str, Any]:
        plan = self._state.parent / "plan.tfplan"
        options = ["-input=false", "-lock=false", f"-state={self._state}", f"-out={plan}"]
        self._run([*self._command("plan"), *options])
        return dict(json.loads(self._run([*self._command("show"), "-json", str(plan)])))

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, str(TOOLCHAIN), "run", f"-chdir={self._root}", verb]

    def _run(self, command: list[str]) -> str:
        completed = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        if completed.returncode:
            said = completed.stderr.strip() or completed.stdout.strip()
            raise self._failure(f"{' '.join(command[2:])} failed:\n{said}")
        return completed.stdout

    def _failure(self, message: str) -> TerraformFailed:
        return TerraformFailed(f"{message}\n{self._explain()}" if self._explain else message)

    def _change(self, verb: str, progress: Callable[[str], None]) -> None:
        options = ["-auto-approve", "-input=false", "-json", f"-state={self._state}"]
        problems: list[str] = []
        planned = done = 0
        since: dict[str, float] = {}
        self._declared = None

        with (
            subprocess.Popen(
                [*self._command(verb), *options],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # A terminal's Ctrl-C shall not reach Terraform: _stop_on_error ends it with its providers.
                start_new_session=True,
            ) as process,
            _stop_on_error(process),
        ):
            assert process.stdout is not None  # noqa: S101 - stdout is a pipe

            for line in process.stdout:
                event = _parse_event(line)
                match event.get("type"):
                    case "change_summary":
                        planned = planned or sum(
                            event["changes"][kind] for kind in ("add", "change", "remove")
                        )
                    case "apply_start" if event["hook"]["action"] != "read":
                        since[event["hook"]["resource"]["addr"]] = time.monotonic()
                    case "apply_progress":
                        progress(Step(f"{done}/{planned}", done, planned, since))
                    case "apply_complete" if event["hook"]["action"] != "read":
                        done += 1
                        address = event["hook"]["resource"]["addr"]
                        since.pop(address, None)
                        progress(Step(f"{done}/{planned} {address}", done, planned, since))
                    case "diagnostic" if event["diagnostic"]["severity"] == "error":
                        problems.append(_format_problem(event["diagnostic"]))
                    case "text":
                        problems.append(event["text"])

        if process.returncode:
            raise self._failure(f"terraform {verb} failed:\n" + "\n".join(problems))


@contextmanager
def _stop_on_error(process: subprocess.Popen[str]) -> Iterator[None]:
    """When the block raises, end Terraform and the providers that it started."""
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
        raise


def _parse_event(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {"type": "text", "text": line.rstrip()}


def _format_problem(diagnostic: Mapping[str, Any]) -> str:
    return f"{diagnostic.get('address', '')}: {diagnostic['summary']} {diagnostic.get('detail', '')}".strip(
        ": "
    )
