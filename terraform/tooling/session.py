"""One way to call Terraform: the same binary, environment and provider source for every command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from terraform.tooling import binary, mirror, release

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "terraform"


@dataclass(frozen=True)
class Session:
    """The binary and environment of every call; `variables` are set on top of the process's own."""

    tool: binary.Tool
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls) -> Session:
        """Find Terraform or OpenTofu, fetching Terraform if there is neither. Raises ToolchainError."""
        return cls(binary.find(TOOLS))

    @classmethod
    def start_for_tests(cls) -> Session:
        """Find or fetch Terraform, since OpenTofu's `test` reads no shared mocks. Raises ToolchainError."""
        return cls(binary.find(TOOLS, products=("Terraform",)))

    def with_variables(self, **variables: str) -> Session:
        """The same session with these environment variables set."""
        return Session(self.tool, {**self.variables, **variables})

    @cached_property
    def plugin_directory(self) -> Path | None:
        """The provider mirror, or None. Providers in it are linked to, not copied."""
        return mirror.find(self.tool.product, release.current_platform())

    @cached_property
    def environment(self) -> dict[str, str]:
        """The process's environment, set for commands that nobody watches: no prompts, no version check."""
        environment = {
            **os.environ,
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            **self.variables,
        }

        if not Path(environment.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
            del environment["TF_CLI_CONFIG_FILE"]  # Terraform would warn in every output, JSON included

        if not self.plugin_directory and "TF_PLUGIN_CACHE_DIR" not in environment:
            cache = TOOLS / "providers"
            cache.mkdir(parents=True, exist_ok=True)
            environment["TF_PLUGIN_CACHE_DIR"] = str(cache)
            # Otherwise Terraform ignores the cache where no lock file names the provider yet, and downloads
            # the AWS provider (600 MB unpacked) once per module.
            environment["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
        return environment

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command line; an `init` gets the provider mirror as `-plugin-dir`."""
        words = list(arguments)
        position = next((i for i, word in enumerate(words) if not word.startswith("-")), None)
        if position is not None and words[position] == "init" and self.plugin_directory:
            words.insert(position + 1, f"-plugin-dir={self.plugin_directory}")
        return [str(self.tool.path), *words]

    def run(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; `stdout` of the result holds standard output and standard error together."""
        return subprocess.run(
            self.command(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=environment or self.environment,
        )
