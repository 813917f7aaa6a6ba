"""Writes the tables of docs/operations.md that follow from the code: settings, error codes, monthly cost.

python -m deals_ops.reference_tables     # replaces what is between their marks; a test compares the two
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from deals_ops.cost import Traffic
from deals_ops.cost_table import CONNECTION_COUNTS, compare, describe_traffic, format_markdown
from message_router.limits import Limit
from realtime_core import errors
from realtime_core.settings import declared

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"


def build_tables() -> dict[str, str]:
    """Return each table by the name of its marks."""
    costs = compare(Traffic(), CONNECTION_COUNTS)
    return {
        "settings": _build_settings_table(),
        "errors": _build_errors_table(),
        "cost": f"{describe_traffic(Traffic())}\n\n{format_markdown(costs)}",
    }


def update_tables(text: str) -> str:
    """Return the page with its tables up to date. Raises ValueError if the marks of one are missing."""
    for name, table in build_tables().items():
        begin, end = f"<!-- {name}: make reference -->\n", f"<!-- end of {name} -->\n"
        before, mark, rest = text.partition(begin)
        _, closing, after = rest.partition(end)
        if not mark or not closing:
            raise ValueError(f"{PAGE.name} has no marks for the table {name!r}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def _build_settings_table() -> str:
    """One row for each variable: its values, its default, and the functions that read it."""
    readers: dict[tuple[str, str, str], list[str]] = {}
    for path in sorted((ROOT / "lambdas").glob("*/settings.py")):
        function = path.parent.name
        if function == "realtime_core":
            continue
        settings_class = importlib.import_module(f"{function}.settings").Settings
        for name, setting in declared(settings_class).items():
            default = "required" if setting.required else _format_default(setting.default)
            key = (name.upper(), setting.expected, default)
            readers.setdefault(key, []).append(function)

    # The variables of the base class are read by every function, whatever their number.
    all_functions = max(len(functions) for functions in readers.values())
    rows = []
    for (name, expected, default), functions in sorted(readers.items()):
        read_by = "all" if len(functions) == all_functions else ", ".join(functions)
        rows.append(f"| `{name}` | {expected} | {default} | {read_by} |\n")
    return "| variable | value | default | read by |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _format_default(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, Limit):
        return f"`{value.rate:g}/{value.burst}`"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _build_errors_table() -> str:
    """One row for each error code, from the docstrings of the classes that have them."""
    classes: list[type[errors.ActionError]] = [errors.ActionError, *errors.ActionError.__subclasses__()]
    meaning = {error.code: (error.__doc__ or "").partition("\n")[0] for error in classes}
    meaning[errors.ActionError.code] = "A fault of ours; `details.correlationId` finds it in the logs."
    rows = (f"| `{code}` | {about} | {_REMEDY[code]} |\n" for code, about in sorted(meaning.items()))
    return "| code | when | what to do |\n| --- | --- | --- |\n" + "".join(rows)


# A new error code raises KeyError until it has an entry: what an operator does about it.
_REMEDY = {
    "AUTHENTICATION_ERROR": "the client fetches a new token; for many at once look at the issuer",
    "CONNECTION_ERROR": "the client reconnects; for many at once look at `who` of one, and the janitor's log",
    "FORBIDDEN": "the token does not permit it: the issuer decides; `who` shows what a token permits",
    "INTERNAL_ERROR": "look for the correlation id in the router's log",
    "MESSAGE_ERROR": "the client tries again; look at the messages table's throttles",
    "NOT_FOUND": "the client's mistake, or the message was older than the inbox keeps",
    "RATE_LIMITED": "the client waits `details.retryAfterMs`; `action_limits` are the limits",
    "SUBSCRIPTION_ERROR": "the client tries again, or ends a subscription; look at the tables' throttles. "
    "`too_many_new_filters`: `action_limits.new_filters`; `topic_full`: `topic_filters_max`",
    "VALIDATION_ERROR": "the client's mistake; `details` names the fields",
}


def main() -> int:
    """Update the tables of the page."""
    PAGE.write_text(update_tables(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
