"""What of the dependencies is worth shipping: every file costs cold start or download."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# Folders that are never entered, by path under the installation.
_FOLDERS = re.compile(
    r"""bin                             # console scripts
      | .*/__pycache__
      | [^/]+/(tests?|examples)         # of the dependencies themselves
    """,
    re.VERBOSE,
)
_FILES = re.compile(
    r"""(.*/)?\.[^/]*                   # what installers leave, such as .lock
      | .*\.(pyc|pyi|pxd|pyx|c|h)
      | (.*/)?py\.typed
    """,
    re.VERBOSE,
)
# Of a distribution's metadata stay its name and version and its terms.
_METADATA = re.compile(r"[^/]+\.dist-info/(METADATA|licenses/.*|(LICEN[CS]E|NOTICE|COPYING|AUTHORS)[^/]*)")


def shipped(directory: Path) -> Iterator[tuple[str, bytes]]:
    """The files of an installation that ship, as (name in the zip, content)."""
    return ((name, path.read_bytes()) for name, path in _walk(directory, PurePosixPath()))


def _walk(folder: Path, name: PurePosixPath) -> Iterator[tuple[str, Path]]:
    for child in sorted(folder.iterdir()):
        inner = name / child.name
        if child.is_dir():
            if not _FOLDERS.fullmatch(inner.as_posix()):
                yield from _walk(child, inner)
        elif _ships(inner.as_posix()):
            yield inner.as_posix(), child


def _ships(name: str) -> bool:
    if ".dist-info/" in name:
        return bool(_METADATA.fullmatch(name))
    return not _FILES.fullmatch(name)
