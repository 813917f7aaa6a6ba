"""Runs a function's zip as it is shipped, in a new process, with other settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

from local_cloud.stack import MANIFEST, REGION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.service import Service

_RUN = """
import json, sys
from {function} import handler

class Context:
    aws_request_id = "of-a-test"

    def get_remaining_time_in_millis(self):
        return {milliseconds_left}

for line in sys.stdin:
    try:
        result = {{"response": handler.handler(json.loads(line), Context())}}
    except Exception as error:
        result = {{"error": str(error)}}
    sys.stderr.write(json.dumps(result) + "\\n")
"""


class ShippedFunction:
    """The unpacked zip of a function, with the settings of the deployed one."""

    def __init__(self, service: Service, function: str, folder: Path) -> None:
        self._service, self._function, self._folder = service, function, folder
        packages = json.loads(MANIFEST.read_text())["packages"]
        file = next(package["file"] for package in packages if package["name"] == function)
        with zipfile.ZipFile(MANIFEST.parent / file) as packed:
            packed.extractall(folder)

        name = service.outputs["function_names"][function]
        declared = service.stack.client("lambda").get_function_configuration(FunctionName=name)
        self._settings = declared["Environment"]["Variables"]

    def invoke_all(
        self, events: Sequence[Any], *, milliseconds_left: int = 30_000, **environment: str | None
    ) -> list[dict[str, Any]]:
        """Pass the events to one new process in order; return a `response` or `error` for each.

        Each invocation has that time left, however long it takes. `environment` replaces settings of the
        deployed function; None removes one.
        """
        merged = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self._folder),
            "AWS_ENDPOINT_URL": self._service.stack.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            **self._settings,
            **environment,
        }

        completed = subprocess.run(
            [sys.executable, "-c", _RUN.format(function=self._function, milliseconds_left=milliseconds_left)],
            input="".join(json.dumps(event) + "\n" for event in events),
            env={name: value for name, value in merged.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert completed.returncode == 0, completed.stderr
        return [json.loads(line) for line in completed.stderr.splitlines()]
