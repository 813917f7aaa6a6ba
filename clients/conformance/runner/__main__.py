"""Plays the scenarios against the clients' drivers."""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clients.conformance.runner.driver import Driver, Unfulfilled
from clients.conformance.runner.player import LeftOut, Player, answer_token
from clients.conformance.runner.scenario import Scenario, find, load
from clients.conformance.runner.server import ScenarioServer
from clients.conformance.runner.service import Service

DRIVERS = Path(__file__).parents[1] / "drivers"


async def play(scenario: Scenario, command: str) -> str | None:
    """Play one scenario; returns why it was left out, or None. Raises Unfulfilled."""
    settings = {_to_snake_case(name): value for name, value in scenario.service.items()}
    service = Service(**settings)
    if isinstance(service.features, list):
        service.features = tuple(service.features)
    tokens: list[Mapping[str, Any]] = []
    async with ScenarioServer(service) as server:
        driver = await Driver.start(command, lambda notice: answer_token(service, tokens, notice))
        try:
            await Player(scenario, driver, server, tokens).play()
        except LeftOut as reason:
            return str(reason)
        finally:
            await driver.stop()
    return None


def known_drivers() -> list[str]:
    """Return the command lines of the drivers whose interpreter is here."""
    commands = {
        "python_driver.py": sys.executable,
        "javascript_driver.mjs": shutil.which("node"),
    }
    return [
        f"{interpreter} {DRIVERS / name}"
        for name, interpreter in commands.items()
        if interpreter and (DRIVERS / name).exists()
    ]


def main() -> int:
    """Play the scenarios; returns 1 if a promise is broken."""
    parser = argparse.ArgumentParser(prog="clients.conformance.runner", description=__doc__)
    parser.add_argument("--driver", action="append", help="command line of a driver (default: every client)")
    parser.add_argument("scenarios", nargs="*", help="names of scenarios (default: all)")
    options = parser.parse_args()

    broken = 0
    for command in options.driver or known_drivers():
        print(command)
        for path in find(options.scenarios):
            scenario, started = load(path), time.monotonic()
            try:
                left_out = asyncio.run(play(scenario, command))
            except Unfulfilled as failure:
                broken += 1
                print(f"  BROKEN {scenario.name}: {scenario.promise}\n         {failure}")
            else:
                mark = f"left out: {left_out}" if left_out else f"{time.monotonic() - started:.1f} s"
                print(f"  {'-' if left_out else 'holds':<6} {scenario.name} ({mark})")
    return 1 if broken else 0


def _to_snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


if __name__ == "__main__":
    sys.exit(main())
