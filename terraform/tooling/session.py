"""One way to call Terraform: the same binary, environment and provider source for every command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from terraform.tooling import binary, mirror, release

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "terraform"


@dataclass(frozen=True)
class Session:
    """What every call shares; found once."""

    tool: binary.Tool

    @classmethod
    def start(cls) -> Session:
        """Find the binary, fetching it if need be. Raises ToolchainError."""
        return cls(binary.find(TOOLS))

    @cached_property
    def plugin_directory(self) -> Path | None:
        """The provider mirror, or None. Providers in it are linked to, not copied."""
        return mirror.find(self.tool.product, release.current_platform())

    @cached_property
    def environment(self) -> dict[str, str]:
        """The process's environment, made quiet and safe for a command that nobody watches."""
        environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        if not Path(environment.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
            del environment["TF_CLI_CONFIG_FILE"]  # Terraform would warn in every answer, JSON included
        if not self.plugin_directory and "TF_PLUGIN_CACHE_DIR" not in environment:
            cache = TOOLS / "providers"
            cache.mkdir(parents=True, exist_ok=True)
            environment["TF_PLUGIN_CACHE_DIR"] = str(cache)
            # Without it the cache is passed over wherever no lock file names the provider yet: the AWS
            # provider would be fetched (600 MB unpacked) once per module.
            environment["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
        return environment

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command line; an `init` is told of the provider mirror."""
        words = list(arguments)
        position = next((i for i, word in enumerate(words) if not word.startswith("-")), None)
        if position is not None and words[position] == "init" and self.plugin_directory:
            words.insert(position + 1, f"-plugin-dir={self.plugin_directory}")
        return [str(self.tool.path), *words]

    def run(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; standard output and errors come back together in `stdout`."""
        return subprocess.run(
            self.command(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=environment or self.environment,
        )
