"""`make audit`: what it takes for an answer, and that no answer is never taken for a good one."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / ".ci" / "scan"))

import audit  # noqa: E402

CONTROL = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [
        {
            "id": "CVE-2019-10906",
            "fix_versions": ["2.10.1"],
            "aliases": ["GHSA-462w-v97r-4m45"],
            "description": "Sandbox escape",
        }
    ],
}
CLEAN = {"name": "hiredis", "version": "3.5.0", "vulns": []}
HIT = {
    "name": "redis",
    "version": "4.5.3",
    "vulns": [{"id": "GHSA-24wv", "fix_versions": ["4.5.4"], "description": "Race\n\nMore"}],
}
SKIPPED = {
    "name": "cffi",
    "skip_reason": "Dependency not found on PyPI and could not be audited: cffi (2.1.1)",
}


def _pip_audit(*dependencies: dict[str, object]) -> list[audit.Finding]:
    return audit.read_pip_audit(json.dumps({"dependencies": dependencies, "fixes": []}), "")


def test_python_findings_are_those_beside_the_control() -> None:
    assert _pip_audit(CLEAN, CONTROL) == []
    assert _pip_audit(CLEAN, HIT, CONTROL) == [
        audit.Finding("redis 4.5.3", ("GHSA-24wv",), "Race", "fixed in 4.5.4")
    ]


@pytest.mark.parametrize(
    ("dependencies", "why"),
    [
        ([CLEAN], "does not know the old advisories of jinja2"),
        ([], "does not know"),
        ([CLEAN, SKIPPED, CONTROL], "not found on PyPI"),
    ],
    ids=["control-is-unknown", "nothing", "package-is-skipped"],
)
def test_python_answer_that_leaves_something_out_is_none(dependencies, why) -> None:
    with pytest.raises(audit.Unreachable, match=why):
        _pip_audit(*dependencies)


def test_python_without_an_answer_says_why() -> None:
    with pytest.raises(audit.Unreachable, match="Failed to resolve"):
        audit.read_pip_audit("", "Traceback\nConnectionError: Failed to resolve 'example'\n")


def test_all_locks_are_found() -> None:
    python, npm = ([path.relative_to(ROOT).as_posix() for path in kind] for kind in audit.list_locks())
    assert {"tests/requirements.txt", "lambdas/authorizer/requirements.txt", ".ci/scan/requirements.txt"} <= {
        *python
    }
    assert {"clients/javascript/package-lock.json", "clients/console/package-lock.json"} <= {*npm}
    pinning = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("lambdas/*/requirements.txt")
        if "==" in path.read_text()
    }
    assert pinning <= {*python}


@contextmanager
def _registry(status: int, advisories: dict[str, object]) -> Iterator[str]:
    """A registry that answers npm's question with the advisories of the packages that were asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                asked = gzip.decompress(asked)
            known = {name: [entry] for name, entry in advisories.items() if name in json.loads(asked)}
            answer = json.dumps(known).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _advisory(title: str) -> dict[str, object]:
    return {
        "id": 1,
        "url": "https://github.com/advisories/GHSA-vh95",
        "title": title,
        "severity": "moderate",
        "vulnerable_versions": "<99",
        "cwe": [],
        "cvss": {"score": 5.6, "vectorString": None},
    }


LOCKS = [ROOT / "clients" / "console" / "package-lock.json"]
npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is missing: install Node.js")


@npm
def test_npm_findings_are_those_of_the_locks() -> None:
    known = {"minimist": _advisory("Old"), "preact": _advisory("New")}
    with _registry(200, known) as url:
        found = audit.audit_npm(LOCKS, "--registry", url)
    assert found == [audit.Finding("preact", ("GHSA-vh95",), "New", "moderate; affected <99")]


@npm
def test_npm_registry_that_knows_no_advisory_is_no_proof() -> None:
    with _registry(200, {}) as url, pytest.raises(audit.Unreachable, match=r"does not know .* minimist"):
        audit.audit_npm(LOCKS, "--registry", url)


@npm
def test_npm_registry_that_takes_no_question_is_named() -> None:
    with _registry(405, {}) as url, pytest.raises(audit.Unreachable, match="405 Method Not Allowed"):
        audit.audit_npm(LOCKS, "--registry", url, "--fetch-retries=0")


def _answers(*findings: audit.Finding, why: str = "") -> object:
    def answer(_locks: object) -> list[audit.Finding]:
        if why:
            raise audit.Unreachable(why)
        return [*findings]

    return answer


FOUND = audit.Finding("redis 4.5.3", ("GHSA-24wv", "CVE-2023-28858"), "Race", "fixed in 4.5.4")


@pytest.mark.parametrize(
    ("python", "npm", "accepted", "code", "said"),
    [
        (_answers(), _answers(), {}, 0, "npm: 0 advisories apply"),
        (_answers(FOUND), _answers(), {}, 1, "redis 4.5.3: GHSA-24wv, CVE-2023-28858: Race (fixed in 4.5.4)"),
        (_answers(FOUND), _answers(), {"CVE-2023-28858": "Only asyncio"}, 0, "Python: 0 advisories apply"),
        (_answers(why="no route"), _answers(), {}, 2, "Python: NOT CHECKED"),
        (_answers(FOUND), _answers(why="405"), {}, 1, "npm: NOT CHECKED"),
    ],
    ids=["clean", "found", "accepted", "unreachable", "found-and-unreachable"],
)
def test_exit_code_tells_findings_from_no_answer(
    *, python, npm, accepted, code, said, monkeypatch, tmp_path, capsys
) -> None:
    monkeypatch.setattr(audit, "audit_python", python)
    monkeypatch.setattr(audit, "audit_npm", npm)
    monkeypatch.setattr(audit, "ACCEPTED", tmp_path / "advisories.json")
    audit.ACCEPTED.write_text(json.dumps(accepted))
    assert audit.main() == code
    assert said in capsys.readouterr().out
