"""Prints the report and returns 1 if something is missing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from doctor import machine, programs
from doctor.finding import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from doctor.finding import Finding

CHECKS = (
    programs.check_python,
    programs.check_git,
    programs.check_terraform,
    programs.check_node,
    programs.check_redis,
    programs.check_browser,
    programs.check_docker,
    machine.check_folder,
    machine.check_disk,
    machine.check_port,
    machine.check_ipv6,
    machine.check_variables,
)
_DEMO = {"tools", "Terraform", "AWS provider", "Redis", "port"}
_TEST = _DEMO | {"Node.js", "Chromium"}
_COLORS = {Level.WELL: "32", Level.NOTE: "33", Level.TROUBLE: "1;31"}


def main() -> int:
    """Run every check, then say what `make demo` and `make test` will do."""
    findings = [finding for check in CHECKS for finding in check()]
    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for finding in findings:
        mark = f"{finding.level.value:<8}"
        mark = f"\x1b[{_COLORS[finding.level]}m{mark}\x1b[0m" if colored else mark
        print(f"{mark}{finding.subject:<14}{finding.text}")
        if finding.remedy:
            print(f"{'':<22}→ {finding.remedy}")

    print()
    print(*foretell(findings), sep="\n")
    return int(any(finding.level is Level.TROUBLE for finding in findings))


def foretell(findings: Sequence[Finding]) -> list[str]:
    """Say in a line each what `make demo` and `make test` will do on this machine."""
    missing = [finding.subject for finding in findings if finding.level is Level.TROUBLE]
    if missing:
        return [f"make demo, make test: will fail until this is mended: {', '.join(missing)}"]
    return [
        f"{target}: {_foretell(findings, parts)}"
        for target, parts in (("make demo", _DEMO), ("make test", _TEST))
    ]


def _foretell(findings: Sequence[Finding], parts: set[str]) -> str:
    different = [
        finding.subject for finding in findings if finding.level is Level.NOTE and finding.subject in parts
    ]
    return "will run" + (
        f"; see the notes on {', '.join(different)}" if different else ", everything is here"
    )


if __name__ == "__main__":
    sys.exit(main())
