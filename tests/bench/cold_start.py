"""Cold start: CPU from where Lambda hands over until a function is ready, against the guide's router.

Ours come from the zips as they are built. Every module is compiled before: ours where the zip ships compiled
modules (BYTECODE_PYTHON), boto3 in the runtime.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

from tests.bench.functions import ROOT, run_function
from tests.bench.report import Ratio, Report, Skipped

TITLE = "Cold start, CPU until ready"
TARGETS = {"authorizer": 10.0, "message_router": 4.0, "broadcast": 4.0}
ZIPS = ROOT / "dist" / "local"


def run(*, quick: bool) -> Report | Skipped:
    """Start each function so often, in turn."""
    manifest = ZIPS / "manifest.json"
    if not manifest.is_file():
        return Skipped(TITLE, f"{manifest} is missing: run `make package TARGET=local`")
    files = {one["name"]: one["file"] for one in json.loads(manifest.read_text())["packages"]}
    rounds = 3 if quick else 15
    spent: dict[str, list[float]] = {name: [] for name in ("guide", *TARGETS)}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch, name) for name in TARGETS}
        for name, folder in folders.items():
            with zipfile.ZipFile(ZIPS / files[name]) as zipped:
                zipped.extractall(folder)
        for turn in range(rounds + 1):  # the first compiles
            figures = {"guide": run_function("tests.bench.baseline.guide_router", ROOT, [])}
            figures |= {name: run_function(f"{name}.handler", folder, []) for name, folder in folders.items()}
            if turn:
                for name, one in figures.items():
                    spent[name].append(one["ready_ms"])
    return Report(
        title=TITLE,
        ratios=tuple(
            Ratio(
                f"the guide's router against {name}",
                tuple(old / new for old, new in zip(spent["guide"], spent[name], strict=True)),
                target=target,
            )
            for name, target in TARGETS.items()
        ),
        absolutes={f"{name} (ms)": tuple(each) for name, each in spent.items()},
        notes=("Loaded before, as in Lambda: what awslambdaric imports (see function_child.py).",),
    )
