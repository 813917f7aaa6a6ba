"""What people copy from the documentation invokes the version in service, and leaves no secret in a plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.tooling.test_contributing import ROOT, list_pages, list_tracked

# An invocation by name; what follows is the name.
INVOKED = re.compile(
    r"(?:lambda invoke .*?--function-name\s+|FunctionName=|LambdaInvoke\()"
    r"[\"']?(\$\([^)]*\)|[^\s\"',)]+)",
    re.DOTALL,
)
IN_SERVICE = re.compile(r":live$|arn|^function$|^os\.environ")
GIVEN = re.compile(r"jwt_secret *= var\.jwt_secret$", re.MULTILINE)
PAGES = [page for page in list_pages() if "/adr/" not in page and not page.endswith("CHANGELOG.md")]
ROOTS = [
    name
    for name in sorted(list_tracked())
    if name.endswith(".tf") and "/stacks/" not in name and GIVEN.search((ROOT / name).read_text())
]


@pytest.mark.parametrize("page", PAGES)
def test_documentation_invokes_the_alias(page: str) -> None:
    bare = [name for name in INVOKED.findall((ROOT / page).read_text()) if not IN_SERVICE.search(name)]
    assert not bare, "the bare function is the code uploaded last; publishers' policies do not allow it"


@pytest.mark.parametrize("file", ["local_cloud/up.py", "examples/publish_paths.py", "examples/publisher.py"])
def test_examples_and_printed_commands_invoke_the_alias(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "function_names" not in text
    assert "function_arns" in text or "BROADCAST_FUNCTION" in text


def find_secret_variables(text: str) -> list[str]:
    """The blocks of the variable that holds the signing secret, in a page's snippets or a root."""
    return re.findall(r'^variable "jwt_secret" \{\n.*?^\}', text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "place", [*ROOTS, *(page for page in PAGES if GIVEN.search((ROOT / page).read_text()))]
)
def test_variable_of_the_signing_secret_is_ephemeral(place: str) -> None:
    """The value of any other variable of a root is in a saved plan, whatever the module does with it."""
    path = ROOT / place
    folder = path.parent.glob("*.tf") if path.suffix == ".tf" else [path]
    blocks = [block for file in folder for block in find_secret_variables(Path(file).read_text())]
    assert blocks
    for block in blocks:
        assert re.search(r"^  ephemeral += true\b", block, re.MULTILINE)
