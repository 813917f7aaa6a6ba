"""Cold start: CPU from where Lambda hands over until a function is ready, and until its first answer.

Held to its targets until ready, against the guide's router. What people wait for is the first answer, so that
is told too: a cost that is only put off shows there. Ours come from the zips as they are built. Every module
is compiled before: ours as in zips that ship compiled modules (BYTECODE_PYTHON), boto3 as in the runtime.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.first_events import first_events
from tests.bench.functions import ROOT, cloud, run_function
from tests.bench.report import Ratio, Report, Skipped

TITLE = "Cold start, CPU until ready and until the first answer"
TARGETS = {
    "authorizer": 10.0,
    "connection_handler": None,
    "message_router": 4.0,
    "broadcast": 4.0,
    "delivery": None,
}
ZIPS = ROOT / "dist" / "local"


def run(*, quick: bool) -> Report | Skipped:
    """Start each function so often, in turn."""
    manifest = ZIPS / "manifest.json"
    if not manifest.is_file():
        return Skipped(TITLE, f"{manifest} is missing: run `make package TARGET=local`")
    files = {one["name"]: one["file"] for one in json.loads(manifest.read_text())["packages"]}
    rounds = 3 if quick else 15
    ready: dict[str, list[float]] = {name: [] for name in ("guide", *TARGETS)}
    answered: dict[str, list[float]] = {name: [] for name in ready}
    modules = {"guide": "tests.bench.baseline.guide_router", **{name: f"{name}.handler" for name in TARGETS}}
    secret = secrets.token_urlsafe(40)
    with tempfile.TemporaryDirectory() as scratch, cloud(secret) as where:
        folders = {name: Path(scratch, name) for name in TARGETS}
        for name, folder in folders.items():
            with zipfile.ZipFile(ZIPS / files[name]) as zipped:
                zipped.extractall(folder)
        trusted = _trusted(Path(scratch), Path(where["AWS_CA_BUNDLE"]))
        for turn in range(rounds + 1):  # the first compiles
            events = first_events(secret, turn)
            for name, module in modules.items():
                settings = {**where, "AWS_CA_BUNDLE": str(trusted["guide" if name == "guide" else "ours"])}
                figures = run_function(
                    module, folders.get(name, ROOT), [], first_event=events[name], **settings
                )
                if turn:
                    _check(name, figures)
                    ready[name].append(figures["ready_ms"])
                    answered[name].append(figures["ready_ms"] + figures["answer_ms"])
    return Report(
        title=TITLE,
        ratios=(
            *[
                Ratio(f"until ready: the guide's router against {name}", _ratios(ready, name), target=target)
                for name, target in TARGETS.items()
            ],
            *[
                Ratio(f"until the first answer: the same against {name}", _ratios(answered, name))
                for name in TARGETS
            ],
        ),
        absolutes={
            **{f"{name}, until ready (ms)": tuple(each) for name, each in ready.items()},
            **{f"{name}, until the first answer (ms)": tuple(each) for name, each in answered.items()},
        },
        notes=(
            "Loaded before, as in Lambda: what awslambdaric imports (see function_child.py).",
            "First events: a handshake; a connect; getStatus; an event that reaches nobody; a post to one.",
            "TLS trusts the stand-in, and in ours Amazon's roots, in the guide's botocore's bundle.",
        ),
    )


def _ratios(spent: Mapping[str, list[float]], name: str) -> tuple[float, ...]:
    return tuple(old / new for old, new in zip(spent["guide"], spent[name], strict=True))


def _check(name: str, figures: Mapping[str, Any]) -> None:
    """Raise where the first answer was a failure: that would be no figure."""
    answer = figures["answer"]
    good = {
        "authorizer": lambda: answer["policyDocument"]["Statement"][0]["Effect"] == "Allow",
        "delivery": lambda: answer["batchItemFailures"] == [],
    }.get(name, lambda: answer["statusCode"] == 200 and '"error"' not in answer.get("body", ""))
    if not good():
        raise RuntimeError(f"{name} answered {answer}")


def _trusted(folder: Path, certificate: Path) -> dict[str, Path]:
    """Bundles of what each side loads in Lambda, with the stand-in's certificate."""
    # Slow to import, and not needed to find this bench.
    import botocore

    from realtime_core.aws.amazon_roots import AMAZON_ROOTS

    usual = {"guide": Path(botocore.__file__).with_name("cacert.pem").read_text(), "ours": AMAZON_ROOTS}
    bundles = {}
    for name, text in usual.items():
        bundles[name] = folder / f"{name}.pem"
        bundles[name].write_text(text + certificate.read_text())
    return bundles
