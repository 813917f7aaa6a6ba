#!/usr/bin/env python3
"""Build the functions' zips: `dist/<function>-<version>.zip` and `dist/manifest.json`.

With `--target local` they hold this machine's wheels, for a local cloud that runs functions on its own
Python, and go to `dist/local/`. A zip depends only on the sources, the locks and, where it holds compiled
modules, the version of Python that compiled them: every build of these, in any folder, gives the same bytes.
So where none of them has changed since the last build, its zips are kept.

Zips of earlier versions stay in the folder, and the manifest lists them under `earlier`: the stack's
`function_versions` rolls a function back to one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import ZLIB_RUNTIME_VERSION

from builder import bytecode, reuse
from builder.closure import SHARED
from builder.earlier import find_earlier
from builder.errors import BuildError
from builder.functions import discover, read_shared_version
from builder.package import Builder
from builder.targets import resolve_target

ROOT = Path(__file__).resolve().parent
PROJECT = ROOT.parent

_NO_COMPILER = """\
lambdas/build.py: this machine has no Python {python}, so the zips hold no compiled modules, and every cold
start compiles them, which doubles its time. Install it (`brew install python@{python}`, python.org), set
BYTECODE_PYTHON=/path/to/python{python}, or set BYTECODE_PYTHON=none to build without it.
"""


def main(arguments: Sequence[str]) -> int:
    """Build, print a table of the zips, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        manifest = build(options)
    except BuildError as error:
        sys.stderr.write(f"lambdas/build.py: {error}\n")
        return 1

    for package in manifest["packages"]:
        name = f"{package['name']} {package['version']}"
        sys.stdout.write(
            f"{name:<28}{package['size']:>10,} bytes  {package['sha256'][:16]}  {package['file']}\n"
        )
    return 0


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Build the zips, write the manifest and return it. Raises BuildError."""
    functions = discover(options.root)
    if not functions:
        raise BuildError(f"there is no function to build: no folder in {options.root} has a handler.py")

    target = resolve_target(options.target, options.architecture)
    output: Path = options.output or PROJECT / "dist" / ("" if target.name == "lambda" else target.name)
    compiler = bytecode.find_compiler(options.bytecode_python, target)
    compiler_version = bytecode.read_version(compiler, target) if compiler else None
    if not compiler and not options.bytecode_python and target.platform:
        sys.stderr.write(_NO_COMPILER.format(python=target.python))

    inputs = reuse.digest_inputs(
        options.root,
        repr(target),
        str(compiler_version),
        sys.version,
        platform.machine(),
        ZLIB_RUNTIME_VERSION,
    )
    known = reuse.find_archives(output, inputs)
    if not known:
        reuse.forget_inputs(output)
    builder = Builder(options.root, output, options.cache, target, compiler)
    packages = []
    for function in functions:
        archive = known.get(function.name) or builder.build(function)
        packages.append(
            {
                "name": function.name,
                "version": function.version,
                "file": archive.path.name,
                "sha256": archive.sha256,
                "size": archive.size,
            }
        )

    manifest = {
        "target": target.name,
        "architecture": target.architecture,
        "python": target.python,
        "bytecode": compiler_version,
        SHARED: read_shared_version(options.root / SHARED),
        "packages": packages,
        "earlier": find_earlier(output, functions, target.suffix),
    }
    # Replaced at once, so that a reader never sees half a manifest.
    scratch = output / ".manifest.json"
    scratch.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    scratch.replace(output / "manifest.json")
    reuse.note_inputs(output, inputs)
    return manifest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lambdas/build.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--target",
        default=os.environ.get("TARGET") or "lambda",
        help="lambda (python3.13) or local; default: TARGET, else lambda",
    )
    parser.add_argument(
        "--architecture",
        default=os.environ.get("ARCHITECTURE") or "arm64",
        help="arm64 or x86_64, as the stack's variable `architecture`; default: ARCHITECTURE, else arm64",
    )
    parser.add_argument("--output", type=Path, help="folder of the zips (default: dist/, or dist/local/)")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, default=PROJECT / ".cache" / "lambdas", help=argparse.SUPPRESS)
    parser.add_argument(
        "--bytecode-python",
        default=os.environ.get("BYTECODE_PYTHON"),
        metavar="PYTHON",
        help="interpreter that compiles the modules, or `none` (default: BYTECODE_PYTHON, or for lambda a "
        "python3.13 of this machine); a zip then depends on its version, which the manifest names",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
