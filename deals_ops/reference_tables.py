"""The tables of docs/operations.md that say what the code says: settings, error codes, the cost of a month.

python -m deals_ops.reference_tables     # writes them between their marks; a test finds them out of date
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from deals_ops.cost import Traffic, monthly
from deals_ops.cost_table import SIZES, markdown, said
from realtime_core import errors
from realtime_core.domain.limits import Limit
from realtime_core.settings import declared

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"


def blocks() -> dict[str, str]:
    """Each table by the name of its marks."""
    costs = {size: monthly(Traffic(connections=size)) for size in SIZES}
    return {
        "settings": _settings(),
        "errors": _errors(),
        "cost": f"{said(Traffic())}\n\n{markdown(costs)}",
    }


def written(text: str) -> str:
    """The page with every table as it should be. Raises ValueError where its marks are missing."""
    for name, block in blocks().items():
        begin, end = f"<!-- {name}: make reference -->\n", f"<!-- end of {name} -->\n"
        before, mark, rest = text.partition(begin)
        _, closing, after = rest.partition(end)
        if not mark or not closing:
            raise ValueError(f"{PAGE.name} has no marks for the table {name!r}")
        text = f"{before}{begin}\n{block}\n{end}{after}"
    return text


def _settings() -> str:
    """A row a variable: who reads it, what it may be, what it is when it is not set."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for path in sorted((ROOT / "lambdas").glob("*/settings.py")):
        function = path.parent.name
        if function == "realtime_core":
            continue
        kind = importlib.import_module(f"{function}.settings").Settings
        for name, setting in declared(kind).items():
            usual = "required" if setting.required else _usual(setting.default)
            row = (name.upper(), setting.expected, usual)
            found.setdefault(row, []).append(function)
    everyone = max(len(functions) for functions in found.values())
    rows = []
    for (name, expected, usual), functions in sorted(found.items()):
        readers = "all" if len(functions) == everyone else ", ".join(functions)
        rows.append(f"| `{name}` | {expected} | {usual} | {readers} |\n")
    return "| variable | value | default | read by |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _usual(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, Limit):
        return f"`{value.rate:g}/{value.burst}`"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _errors() -> str:
    """A row a code, from the classes that carry them."""
    kinds: list[type[errors.ActionError]] = [errors.ActionError, *errors.ActionError.__subclasses__()]
    meaning = {kind.code: (kind.__doc__ or "").partition("\n")[0] for kind in kinds}
    meaning[errors.ActionError.code] = "A fault of ours; `details.correlationId` finds it in the logs."
    rows = (f"| `{code}` | {about} | {_WHAT_TO_DO[code]} |\n" for code, about in sorted(meaning.items()))
    return "| code | when | what to do |\n| --- | --- | --- |\n" + "".join(rows)


# KeyError for a code that is new: whoever adds one says here what an operator does about it.
_WHAT_TO_DO = {
    "AUTHENTICATION_ERROR": "the client fetches a new token; for many at once look at the issuer",
    "CONNECTION_ERROR": "the client reconnects; for many at once look at `who` of one, and the janitor's log",
    "INTERNAL_ERROR": "look for the correlation id in the router's log",
    "MESSAGE_ERROR": "the client tries again; look at the messages table's throttles",
    "NOT_FOUND": "the client's mistake, or the message was older than the inbox keeps",
    "RATE_LIMITED": "the client waits `details.retryAfterMs`; `action_limits` are the limits",
    "SUBSCRIPTION_ERROR": "the client tries again, or ends a subscription; look at the tables' throttles",
    "VALIDATION_ERROR": "the client's mistake; `details` names the fields",
}


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
