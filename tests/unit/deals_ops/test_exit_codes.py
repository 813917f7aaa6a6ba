"""Every exit code that docs/operator_cli.md lists, as the command line returns it, also with `--json`."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from deals_ops.errors import EXIT_CODES, Missing
from deals_ops.main import main

EXPIRED = ClientError({"Error": {"Code": "ExpiredToken", "Message": "it is old"}}, "GetItem")


class Blocked:
    """A stack with one blocked user, or one whose every call raises."""

    prefix = "deals-production"

    def __init__(self, failure: BaseException | None = None) -> None:
        self._failure = failure

    def __getattr__(self, name: str):
        if self._failure is not None:
            raise self._failure
        raise AttributeError(name)


CASES = [
    (0, ["completion", "bash"], None),
    (2, ["tail"], None),
    (3, ["connections", "count"], Missing("there is none")),
    (4, ["connections", "count"], EXPIRED),
    (5, ["connections", "count"], EndpointConnectionError(endpoint_url="https://elsewhere")),
    (6, ["revoke", "ann"], None),
    (130, ["connections", "count"], KeyboardInterrupt()),
]


@pytest.mark.parametrize(("code", "line", "failure"), CASES, ids=[str(case[0]) for case in CASES])
def test_command_line_returns_the_documented_exit_code(capsys, code, line, failure):
    assert main(line, lambda _: Blocked(failure)) == code
    text = capsys.readouterr().err
    assert ("error:" in text) == (code not in {0, 130})

    assert main([*line, "--json"], lambda _: Blocked(failure)) == code
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["error"]["exitCode"] for line in lines] == ([] if code in {0, 130} else [code])


def test_every_documented_exit_code_has_a_case_here_or_with_a_real_stack():
    """1, partly done, takes a stack: tests/e2e/test_operator_dlq.py."""
    assert {code for code, *_ in CASES} | {1} == set(EXIT_CODES)


def test_report_of_a_bug_is_one_line_of_json_with_its_traceback(capsys):
    assert main(["connections", "count", "--json"], lambda _: Blocked(KeyError("sweep"))) == 5
    [line] = capsys.readouterr().err.splitlines()
    assert "Traceback" in json.loads(line)["error"]["details"]
