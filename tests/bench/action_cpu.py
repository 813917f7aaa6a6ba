"""CPU of one action in a warm function: ours against the guide's router, over TLS to a stand-in DynamoDB."""

from __future__ import annotations

from tests.bench.functions import ROOT, cloud, run_function
from tests.bench.report import Ratio, Report

TITLE = "CPU of an action, warm"
TARGETS = {"ping": 20.0, "getStatus": 5.0, "subscribeToDeals": 5.0}


def run(*, quick: bool) -> Report:
    """Measure both routers, each in a process of its own, in turn."""
    actions = list(TARGETS)
    rounds, repeats = (2, 20) if quick else (5, 60)
    ours: dict[str, list[float]] = {action: [] for action in actions}
    guides: dict[str, list[float]] = {action: [] for action in actions}
    first: list[float] = []
    with cloud() as where:
        for _ in range(rounds):
            new = run_function("message_router.handler", ROOT / "lambdas", actions, rounds=repeats, **where)
            old = run_function("tests.bench.baseline.guide_router", ROOT, actions, rounds=repeats, **where)
            for action in actions:
                ours[action].append(new["warm_us"][action])
                guides[action].append(old["warm_us"][action])
            first.append(_until_first_status(old) / _until_first_status(new))
    return Report(
        title=TITLE,
        ratios=(
            *[
                Ratio(
                    f"{action}: the guide's against ours",
                    tuple(old / new for old, new in zip(guides[action], ours[action], strict=True)),
                    target=target,
                )
                for action, target in TARGETS.items()
            ],
            Ratio("from nothing to the first answers: the guide's against ours", tuple(first)),
        ),
        absolutes={
            **{f"{action}, ours (µs)": tuple(ours[action]) for action in actions},
            **{f"{action}, the guide's (µs)": tuple(guides[action]) for action in actions},
        },
        notes=(
            "The guide's reads the record and posts the reply; ours gets the identity and returns the reply.",
            "Ours also counts the action against a rate limit, a write that is sent with its reads.",
        ),
    )


def _until_first_status(figures: dict[str, object]) -> float:
    first = figures["first_ms"]
    assert isinstance(first, dict)
    return float(figures["ready_ms"]) + sum(first.values())  # type: ignore[arg-type]
