"""Every code block of the documentation is run, or checked as far as it can be here, or has a reason.

What runs elsewhere: the Python client's examples (tests/unit/deals_client/test_examples.py), and the shapes
of the operator's command line (tests/e2e).
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from deals_ops.command_parsers import ArgumentsRefused
from deals_ops.main import build_parser
from message_router.requests import ACTIONS
from realtime_core.filters.filters import parse_filter
from realtime_core.wire.events import parse_event
from terraform.tooling.hcl import read_blocks, read_folder
from tests.documented_frames import find_problems
from tests.unit.tooling.test_contributing import ROOT, list_pages

STACK = ROOT / "terraform" / "stacks" / "deals-websocket"
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile("\N{HORIZONTAL ELLIPSIS}")


class Snippet(NamedTuple):
    """A code block of a page."""

    page: str
    language: str
    text: str


def find_snippets(text: str, page: str) -> list[Snippet]:
    return [
        Snippet(page, language, re.sub(f"^{indent}", "", body, flags=re.MULTILINE))
        for indent, language, body in _BLOCK.findall(text)
    ]


SNIPPETS = [
    snippet
    for page in list_pages()
    if "/adr/" not in page and not page.endswith("CHANGELOG.md")
    for snippet in find_snippets((ROOT / page).read_text("utf-8"), page)
]
NOT_RUN = {
    "mermaid": "a drawing: GitHub draws it",
    "text": "what something prints",
    "ini": "a file of another program",
    "css": "styles of the reader's own page",
    "html": "a part of the reader's own page",
}
"""By language: why its blocks are not checked."""
NOT_HERE = {
    "aws": "it needs an account",
    "npm": "it installs a package of a release",
    "pip": "it installs a package of a release",
    "npx": "it fetches a package, and talks to the service",
    "terraform": "the folders that it names are validated and planned by tests/terraform",
    "docker": "LocalStack needs Docker and a token",
}
"""By command: why a shell snippet that calls it is parsed and not run."""
SHELL_WORDS = {
    "export",
    "alias",
    "cd",
    "eval",
    "echo",
    "source",
    "for",
    "while",
    "do",
    "done",
    "read",
    "openssl",
}


def of(*languages: str) -> list:
    return [
        pytest.param(snippet, id=f"{snippet.page}-{number}")
        for number, snippet in enumerate(SNIPPETS)
        if snippet.language in languages
    ]


def test_every_language_of_the_documentation_is_checked_or_has_a_reason():
    checked = {"sh", "bash", "json", "yaml", "python", "js", "ts", "hcl"}
    assert {snippet.language for snippet in SNIPPETS} <= checked | set(NOT_RUN)
    assert len(SNIPPETS) > 50


@cache
def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def list_commands(text: str) -> list[list[str]]:
    """The simple commands of a shell snippet, without here-documents, functions, comments and variables."""
    text = re.sub(r"<<'(\w+)'.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^\w+\(\) \{.*\}\s*$", "", text, flags=re.MULTILINE)
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("> ", "< ")))
    lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    commands: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(";|&()"):
            commands.append([])
        elif re.match(r"\w+=", word) and not commands[-1]:
            continue
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


def drop_comments(text: str) -> str:
    return re.sub(r"(^|\s)#(?![!{]).*$", r"\1", text, flags=re.MULTILINE)


def check_command(command: list[str]) -> str | None:
    """Return what is wrong with a command of the documentation, or None."""
    program, *arguments = command
    program = program.rpartition("/")[2]
    if program == "make":
        targets = [word for word in arguments if not re.match(r"[A-Z_]+=|-", word)]
        unknown = [target for target in targets if target not in make_targets()]
        return f"no such targets: {unknown}" if unknown else None
    if program in {"ops", "deals-ops"}:
        return check_operator_arguments(arguments)
    if re.fullmatch(r"python3?", program):
        return check_python_command(arguments)
    if program in NOT_HERE or program in SHELL_WORDS:
        return None
    if program.startswith("${") or program.endswith(("=", "}")):
        return None
    return None if shutil.which(program) else f"{program} is neither here nor listed in NOT_HERE"


def check_operator_arguments(arguments: list[str]) -> str | None:
    try:
        build_parser().parse_args(arguments)
    except ArgumentsRefused as refused:
        return refused.message
    return None


def check_python_command(arguments: list[str]) -> str | None:
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        module = arguments[1]
        return None if importlib.util.find_spec(module) else f"there is no module {module}"
    named = next((word for word in arguments if word.endswith(".py")), None)
    # A module's copy of this repository, as Terraform unpacks it.
    path = re.sub(r"^\.terraform/modules/\w+/", "", named or "")
    return None if (ROOT / path).exists() else f"there is no file {named}"


@pytest.mark.parametrize("snippet", of("sh", "bash"))
def test_shell_snippet_is_valid_and_calls_what_exists(snippet):
    text = drop_comments(
        "\n".join(line for line in snippet.text.splitlines() if line[:2] not in {"> ", "< "})
    )
    parsed = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert parsed.returncode == 0, parsed.stderr

    problems = {" ".join(command): check_command(command) for command in list_commands(text)}
    assert {command: problem for command, problem in problems.items() if problem} == {}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("make demonstrate", "no such targets"),
        ("deals-ops status --bogus", "unrecognized arguments: --bogus"),
        ("ops dlq redrive nowhere", "invalid choice"),
        ("python -m deals_nothing", "no module"),
        ("nosuchprogram x", "neither here nor listed"),
        ("export A=1 && cd x && make nothing", "no such targets"),
    ],
)
def test_mistake_in_a_shell_snippet_is_found(line, problem):
    assert any(problem in (check_command(command) or "") for command in list_commands(line))


def check_json(value) -> list[str]:
    """What of a JSON example breaks the protocol: a client's frame, the service's, an event."""
    if not isinstance(value, dict):
        return []
    if "action" in value:
        return [] if value["action"] in ACTIONS else [f"no action {value['action']}"]
    if "messageType" in value:
        parse_event(value)
    elif value.get("type"):
        return find_problems(value)
    return []


def has_placeholder(snippet: Snippet) -> bool:
    return bool(PLACEHOLDER.search(snippet.text))


@pytest.mark.parametrize("snippet", of("json"))
def test_json_snippet_is_json_and_keeps_the_protocol(snippet):
    value = json.loads(snippet.text)
    if "operator_cli" not in snippet.page and "conformance" not in snippet.page:
        assert [problem for problem in check_json(value) if not has_placeholder(snippet)] == []
    if isinstance(value, dict) and {"price", "category"} & value.keys():
        parse_filter(value, "filters")


@pytest.mark.parametrize("snippet", of("yaml"))
def test_yaml_snippet_is_yaml(snippet):
    assert yaml.safe_load(snippet.text)


@pytest.mark.parametrize("snippet", of("python"))
def test_python_snippet_compiles_and_imports_what_exists(snippet):
    tree = compile(snippet.text, snippet.page, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert not missing, f"{node.module} has no {missing}"


@pytest.mark.skipif(not shutil.which("node"), reason="node is not on PATH")
@pytest.mark.parametrize("snippet", of("js"))
def test_javascript_snippet_is_valid_and_imports_what_exists(snippet, tmp_path):
    file = tmp_path / "snippet.mjs"
    file.write_text(snippet.text)
    checked = subprocess.run(["node", "--check", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr

    sources = (ROOT / "clients/javascript/src").glob("*.ts")
    source = " ".join(map(Path.read_text, sources))
    exported = set(re.findall(r"\bexport (?:class|function|const) (\w+)", source))
    for names in re.findall(r'import \{([^}]+)\} from "deals-client"', snippet.text):
        for name in names.split(","):
            assert name.strip() in exported


@pytest.mark.parametrize("snippet", of("hcl"))
def test_hcl_snippet_gives_the_stack_its_variables_and_no_others(snippet):
    stack = read_folder(STACK)
    variables = {block.labels[0]: block for block in stack if block.kind == "variable"}
    outputs = {block.labels[0] for block in stack if block.kind == "output"}
    modules = [block for block in read_blocks(snippet.text) if block.kind == "module"]
    for block in modules:
        if "stacks/deals-websocket" not in block.attributes["source"]:
            continue
        given = set(block.attributes) - {"source", "version", "providers"}
        assert given <= set(variables), given - set(variables)
        required = {name for name, variable in variables.items() if "default" not in variable.attributes}
        if "# ..." not in block.body:
            assert required <= given, required - given
    assert set(re.findall(r"module\.deals\.(\w+)", snippet.text)) <= outputs
