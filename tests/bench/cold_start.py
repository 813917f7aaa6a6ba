"""Cold start in Lambda's own order: CPU of INIT, and from its end until the first answer.

INIT imports the function's module, which builds its parts and opens its first connections. Lambda gives it
a burst of processor whatever the function's memory; an invocation has a share of a core, a seventh on 256 MB.
So the two are reported apart, and together as the estimate of what the first caller waits for. INIT is held
to its targets without connecting, which the guide's router does in its first invocation.

Our functions come from the zips as they are built. Every module was compiled before: ours as in zips that
ship compiled modules (BYTECODE_PYTHON), boto3 as in the runtime.
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

TITLE = "Cold start, CPU of INIT and from its end until the first answer"
BUILT_TARGETS = {
    "authorizer": 10.0,
    "connection_handler": None,
    "message_router": 4.0,
    "broadcast": 4.0,
    "delivery": None,
}
ANSWER_TARGETS = {"authorizer": 32.0, "message_router": 30.0, "broadcast": 15.0}
"""Four times what they were when the first invocation built and connected the function."""
FUNCTIONS = tuple(BUILT_TARGETS)
ZIPS = ROOT / "dist" / "local"
SLOWER = 7
"""An invocation on 256 MB has a seventh of a core (a whole one is 1,769 MB); INIT has a whole one."""


def run(*, quick: bool) -> Report | Skipped:
    """Start each function that often, in turn."""
    manifest = ZIPS / "manifest.json"
    if not manifest.is_file():
        return Skipped(TITLE, f"{manifest} is missing: run `make package TARGET=local`")
    files = {package["name"]: package["file"] for package in json.loads(manifest.read_text())["packages"]}
    rounds = 3 if quick else 15
    ready: dict[str, list[float]] = {name: [] for name in ("guide", *FUNCTIONS)}
    built: dict[str, list[float]] = {name: [] for name in ready}
    answer: dict[str, list[float]] = {name: [] for name in ready}
    modules = {
        "guide": "tests.bench.baseline.guide_router",
        **{name: f"{name}.handler" for name in FUNCTIONS},
    }
    secret = secrets.token_urlsafe(40)

    with tempfile.TemporaryDirectory() as scratch, cloud(secret) as environment:
        folders = {name: Path(scratch, name) for name in FUNCTIONS}
        for name, folder in folders.items():
            with zipfile.ZipFile(ZIPS / files[name]) as zipped:
                zipped.extractall(folder)
        bundles = _bundles(Path(scratch), Path(environment["AWS_CA_BUNDLE"]))

        for turn in range(rounds + 1):
            events = first_events(secret, turn)
            for name, module in modules.items():
                bundle = bundles["guide" if name == "guide" else "ours"]
                figures = run_function(
                    module,
                    folders.get(name, ROOT),
                    [],
                    first_event=events[name],
                    **{**environment, "AWS_CA_BUNDLE": str(bundle)},
                )
                # The first turn compiles.
                if turn:
                    _check(name, figures)
                    ready[name].append(figures["ready_ms"])
                    built[name].append(figures["ready_ms"] - figures["connecting_ms"])
                    answer[name].append(figures["answer_ms"])

    waits = {
        name: [init + SLOWER * rest for init, rest in zip(ready[name], answer[name], strict=True)]
        for name in ready
    }
    return Report(
        title=TITLE,
        ratios=(
            *_ratios("INIT without connecting", built, BUILT_TARGETS),
            *_ratios("INIT, until ready", ready, {}),
            *_ratios("from INIT's end until the first answer", answer, ANSWER_TARGETS),
            *_ratios("INIT and the first answer on 256 MB", waits, {}),
        ),
        absolutes={
            **{f"{name}, INIT (ms)": tuple(each) for name, each in ready.items()},
            **{f"{name}, INIT without connecting (ms)": tuple(each) for name, each in built.items()},
            **{
                f"{name}, from INIT's end until the first answer (ms)": tuple(each)
                for name, each in answer.items()
            },
            **{
                f"{name}, INIT and the first answer on 256 MB (ms)": tuple(each)
                for name, each in waits.items()
            },
        },
        notes=(
            "Loaded before, as in Lambda: what awslambdaric imports (see function_child.py).",
            "INIT of ours includes the first connections, with TLS; the guide's opens its in the invocation.",
            "First events: a handshake; a connect; getStatus; an event that reaches nobody; a post to one.",
            "TLS trusts the stand-in, and in ours Amazon's roots, in the guide's botocore's bundle.",
            f"256 MB is an estimate: INIT on a whole core, and {SLOWER} times the invocation's CPU.",
        ),
    )


def _ratios(what: str, spent: Mapping[str, list[float]], targets: Mapping[str, float | None]) -> list[Ratio]:
    return [
        Ratio(
            f"{what}: the guide's router against {name}",
            tuple(guides / ours for guides, ours in zip(spent["guide"], spent[name], strict=True)),
            target=targets.get(name),
        )
        for name in FUNCTIONS
    ]


def _check(name: str, figures: Mapping[str, Any]) -> None:
    """Raise if the first answer was a failure: that would be no figure."""
    answer = figures["answer"]
    good = {
        "authorizer": lambda: answer["policyDocument"]["Statement"][0]["Effect"] == "Allow",
        "delivery": lambda: answer["batchItemFailures"] == [],
    }.get(name, lambda: answer["statusCode"] == 200 and '"error"' not in answer.get("body", ""))
    if not good():
        raise RuntimeError(f"{name} answered {answer}")


def _bundles(folder: Path, certificate: Path) -> dict[str, Path]:
    """Write the authorities that each side loads in Lambda, with the stand-in's certificate; by side."""
    # Slow to import, and not needed to find this bench.
    import botocore

    from realtime_core.aws.amazon_roots import AMAZON_ROOTS

    usual = {"guide": Path(botocore.__file__).with_name("cacert.pem").read_text(), "ours": AMAZON_ROOTS}
    bundles = {}
    for name, text in usual.items():
        bundles[name] = folder / f"{name}.pem"
        bundles[name].write_text(text + certificate.read_text())
    return bundles
