"""Runs Terraform or OpenTofu with the binary and the providers of this machine.

    python3 -m terraform.toolchain COMMAND

    path                 print the path of the binary; download the pinned release if there is none
    mirror               print the path of the provider mirror, if any
    folders              list the modules, stacks, environments and examples
    init DIR [ARG...]    initialise a folder, with providers from the mirror if there is one
    run ARG...           run any command, such as: run -chdir=terraform/environments/local plan
    fmt                  format every file
    validate [DIR...]    validate these folders, or all of them
    check-format         check the format of every file
    docs [DIR...]        write the reference of inputs and outputs into the READMEs of folders, or of all
    env DIR [ARG...]     print an applied root's output `env` as NAME=value lines (ARG such as -state=FILE)
    test [DIR...]        run `terraform test` in these folders, or in all that have tests (not with OpenTofu)

Settings: TERRAFORM (the binary), TF_PLUGIN_DIR (a provider mirror), TERRAFORM_RELEASES_URL (a copy of the
releases site). Run it from the root of the repository, with Python 3.11 or newer; it needs no packages.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from terraform.tooling import readme, suite
from terraform.tooling.errors import ToolchainError
from terraform.tooling.session import ROOT, Session

__all__ = ["Session", "ToolchainError", "main", "suite"]


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; print a ToolchainError as one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.do(options)
    except ToolchainError as error:
        sys.stderr.write(f"terraform.toolchain: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m terraform.toolchain",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    commands.add_parser("path").set_defaults(do=_path)
    commands.add_parser("mirror").set_defaults(do=_mirror)
    commands.add_parser("folders").set_defaults(do=_folders)
    commands.add_parser("fmt").set_defaults(do=lambda _: _become(["fmt", "-recursive", str(suite.TERRAFORM)]))
    commands.add_parser("check-format").set_defaults(do=_check_format)
    for name, do in (("validate", _validate), ("test", _test), ("docs", _docs)):
        command = commands.add_parser(name)
        command.add_argument("folders", nargs="*", metavar="DIR", type=Path)
        command.set_defaults(do=do)
    for name, do in (("init", _init), ("env", _env)):
        command = commands.add_parser(name)
        command.add_argument("folder", metavar="DIR", type=Path)
        command.add_argument("rest", nargs=argparse.REMAINDER, metavar="ARG")
        command.set_defaults(do=do)
    command = commands.add_parser("run", prefix_chars="\0")  # every word is Terraform's, dashes and all
    command.add_argument("rest", nargs=argparse.REMAINDER, metavar="ARG")
    command.set_defaults(do=lambda options: _become(options.rest))
    return parser


def _path(_: argparse.Namespace) -> int:
    return _say(str(Session.start().tool.path))


def _mirror(_: argparse.Namespace) -> int:
    return _say(str(Session.start().plugin_directory or "none: providers come from the registry"))


def _folders(_: argparse.Namespace) -> int:
    return _say("\n".join(str(folder.relative_to(ROOT)) for folder in suite.folders()))


def _init(options: argparse.Namespace) -> int:
    return _become([f"-chdir={_existing(options.folder)}", "init", "-input=false", *options.rest])


def _env(options: argparse.Namespace) -> int:
    folder = _existing(options.folder)
    completed = Session.start().run(f"-chdir={folder}", "output", "-json", "-no-color", *options.rest)
    try:
        values = json.loads(completed.stdout)["env"]["value"]
    except (ValueError, KeyError) as error:
        reason = "it has not been applied, or has no output `env`"
        if completed.returncode:
            reason = completed.stdout.strip()
        raise ToolchainError(f"Cannot read the addresses of {options.folder}: {reason}") from error
    return _say("\n".join(f"{name}={shlex.quote(value)}" for name, value in sorted(values.items())))


def _check_format(_: argparse.Namespace) -> int:
    formatted = suite.check_format(Session.start())
    suite.report(formatted)
    return int(not formatted.passed)


def _docs(options: argparse.Namespace) -> int:
    chosen = _existing_all(options.folders) or [
        path for path in suite.folders() if (path / "README.md").exists()
    ]
    for folder in chosen:
        (folder / "README.md").write_text(readme.render(folder), "utf-8")
    return 0


def _validate(options: argparse.Namespace) -> int:
    return _each(Session.start(), suite.validate, _existing_all(options.folders) or suite.folders())


def _test(options: argparse.Namespace) -> int:
    session = Session.start_for_tests()
    return _each(session, suite.run_tests, _existing_all(options.folders) or suite.folders_with_tests())


def _each(session: Session, job: suite.Job, folders: Sequence[Path]) -> int:
    results = suite.run_all(session, job, folders)
    failed = sum(not result.passed for result in results)
    _say(f"{len(results) - failed} of {len(results)} folders ok")
    return int(bool(failed))


def _become(arguments: Sequence[str]) -> int:
    """Replace this process by Terraform, which then gets the signals and the terminal."""
    session = Session.start()
    command = session.command(arguments)
    os.execve(command[0], command, session.environment)  # noqa: S606 (no shell is what is wanted)


def _existing_all(folders: Sequence[Path]) -> list[Path]:
    return [_existing(folder) for folder in folders]


def _existing(folder: Path) -> Path:
    path = folder.resolve()
    if not any(path.glob("*.tf")):
        raise ToolchainError(f"{folder} is not a folder with Terraform files")
    return path


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
