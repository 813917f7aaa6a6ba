"""The client's filters match by the table that the service's own are tested by."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from deals_client.filters import compile_filters
from tests.unit.filters.filter_cases import EVENT_PARTS, FILTERS, naive_matches

TABLE = json.loads((Path(__file__).parents[3] / "clients/conformance/filter_cases.json").read_text())


@pytest.mark.parametrize("case", TABLE, ids=lambda case: str(case["filter"])[:40])
def test_filter_accepts_exactly_the_events_of_the_table(case):
    matches = compile_filters(case["filter"])
    assert matches(case["filters"], case["data"]) is case["matches"]


@given(FILTERS, EVENT_PARTS, EVENT_PARTS)
@settings(max_examples=500)
def test_filter_agrees_with_the_reference_evaluator(raw, filters, data):
    assert compile_filters(raw)(filters, data) is naive_matches(raw, filters, data)


def test_condition_of_a_newer_service_is_left_to_it():
    assert compile_filters({"place": {"near": [1, 2]}})({}, {"place": "x"})
