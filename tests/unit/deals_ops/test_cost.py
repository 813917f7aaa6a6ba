"""The cost estimate follows from the documented call budgets, the prices and the stack's defaults."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from deals_ops import prices
from deals_ops.cost import (
    CACHE_NODES,
    CALLS,
    DIRECT_AUDIENCE_MAX,
    ENDPOINTS,
    FORWARDING,
    FORWARDING_ALARMS,
    GROWS_WITH,
    MEMORY_MB,
    REDIS,
    Traffic,
    count_heartbeats,
    estimate_monthly_cost,
    estimate_with_options,
)
from deals_ops.cost_design import FIRST_RELEASE, FIRST_RELEASE_UNITS, NOW, UNITS
from deals_ops.cost_table import compare
from deals_ops.main import main
from tests.e2e.documented_shapes import documented_shape, key_paths

ROOT = Path(__file__).resolve().parents[3]
_BUDGET = re.compile(r"^\| `\$?(\w+)`[^|]*\| ([^|]+) \| ([^|]+) \|", re.MULTILINE)
IDLE = Traffic(connections=1_000, connects=0, heartbeats=0, messages=0, refreshes=0, events=0, matched=0)


def test_calls_are_those_of_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    budgets = page.partition("## What an action costs")[2].partition("## ")[0]
    documented = {}
    for action, reads, writes in _BUDGET.findall(budgets):
        # "1 to 3" starts with an existing group; "1 (2)" has the more expensive case in brackets.
        first, *more = [int(number) for number in re.findall(r"\d+", reads)]
        documented[action] = (more[0] if more else first, int(re.findall(r"\d+", writes)[0]))
    assert {action: documented[action] for action in CALLS} == CALLS


def test_memory_and_the_direct_audience_are_the_stacks_defaults():
    text = (ROOT / "terraform" / "stacks" / "deals-websocket" / "capacity.tf").read_text("utf-8")
    memory = text.partition("default_memory_mb = {")[2].partition("}\n")[0]
    large, small = (
        {"broadcast", "delivery", "janitor", "index_projector"},
        {"authorizer", "connection_handler", "message_router", "redis_relay"},
    )
    defaults = dict(re.findall(r"(\w+) += (\d+)", memory))
    assert {int(defaults[function]) for function in large} == {MEMORY_MB["large"]}
    assert {int(defaults[function]) for function in small} == {MEMORY_MB["small"]}
    text = (ROOT / "terraform" / "stacks" / "deals-websocket" / "variables_rules.tf").read_text("utf-8")
    direct = text.partition('variable "direct_audience_max"')[2].partition("\n}\n")[0]
    assert re.search(r"default +=\s*(\d+)", direct)[1] == str(DIRECT_AUDIENCE_MAX)


def test_actions_take_units_exactly_if_they_make_calls():
    for action, (reads, writes) in CALLS.items():
        units = UNITS.get(action, (0, 0))
        assert (units[0] > 0) == (reads > 0), action
        assert (units[1] > 0) == (writes > 0), action


def test_idle_connections_cost_their_minutes_and_their_probes():
    dollars = estimate_monthly_cost(IDLE).dollars
    assert dollars["API Gateway, connection minutes"] == pytest.approx(1_000 * 43_200 * 0.25e-6)
    assert dollars["API Gateway, messages"] == 0
    probes = 1_000 * 144 * 30 * 0.02 * prices.DYNAMODB_READ_UNIT
    counting = 1_000 * 43_200 * 150 / 8_192 * prices.DYNAMODB_READ_UNIT
    assert dollars["DynamoDB, requests"] == pytest.approx(probes + counting)


def test_a_ping_costs_two_messages_and_touches_no_store():
    before, after = estimate_monthly_cost(IDLE), estimate_monthly_cost(replace(IDLE, pings=10))
    frames = 1_000 * 10 * 30
    more = {name: after.dollars[name] - before.dollars[name] for name in GROWS_WITH}
    assert more["API Gateway, messages"] == pytest.approx(2 * frames * 1e-6)
    assert more["DynamoDB, requests"] == pytest.approx(0)
    assert more["CloudWatch, logs"] > 0


def test_a_heartbeat_costs_one_message_and_a_line_and_runs_nothing():
    before, after = estimate_monthly_cost(IDLE), estimate_monthly_cost(replace(IDLE, heartbeats=10))
    frames = 1_000 * 10 * 30
    more = {name: after.dollars[name] - before.dollars[name] for name in GROWS_WITH}
    assert more == pytest.approx(
        {
            **dict.fromkeys(GROWS_WITH, 0),
            "API Gateway, messages": frames * 1e-6,
            "CloudWatch, logs": frames * NOW.access_log_bytes / 1024**3 * prices.LOGS_GB,
        }
    )


def test_a_heartbeat_of_the_first_release_was_a_ping():
    pinged = estimate_monthly_cost(replace(IDLE, pings=10), FIRST_RELEASE)
    assert estimate_monthly_cost(replace(IDLE, heartbeats=10), FIRST_RELEASE).dollars == pinged.dollars


def test_heartbeats_are_sent_only_where_no_other_frame_came():
    quiet = replace(IDLE, heartbeats=160)
    assert count_heartbeats(quiet, NOW) == 160
    usual, busy = (count_heartbeats(replace(quiet, statuses=count), NOW) for count in (66, 10_000))
    assert 125 < usual < 135
    assert busy < 1
    assert count_heartbeats(replace(quiet, statuses=66), FIRST_RELEASE) == 160


def test_a_connection_of_a_hundred_thousand_costs_less_than_three_cents():
    [compared] = compare(Traffic(), [100_000]).values()
    assert compared.now.total / 100_000 <= 0.030
    assert compared.before.total / 100_000 >= 0.050


def test_no_component_costs_more_than_in_the_first_release():
    for compared in compare(Traffic(), [1_000, 10_000, 100_000, 1_000_000]).values():
        for component, dollars in compared.now.dollars.items():
            assert dollars <= compared.before.dollars[component], component


def test_both_designs_have_units_of_the_same_operations():
    assert set(FIRST_RELEASE_UNITS) == set(UNITS)


def test_messages_above_a_billion_cost_less():
    assert prices.price_messages(1e9) == pytest.approx(1_000)
    assert prices.price_messages(3e9) == pytest.approx(1_000 + 1_600)
    assert prices.count_messages(10, 32 * 1024 + 1) == 20


def test_frames_and_pushes_share_the_step_of_the_price():
    pushed = replace(IDLE, connections=1_000_000, events=20, matched=1.0)
    asked = replace(IDLE, connections=1_000_000, pings=10)
    both = replace(pushed, pings=10)
    name = "API Gateway, messages"
    each = [estimate_monthly_cost(traffic).dollars[name] for traffic in (pushed, asked)]
    assert each == pytest.approx([600, 600])
    assert estimate_monthly_cost(both).dollars[name] == pytest.approx(1_000 + 0.2e9 * 0.8e-6)


def test_the_access_log_has_the_size_of_a_heartbeats_line():
    text = (ROOT / "terraform" / "modules" / "websocket-api" / "logs.tf").read_text("utf-8")
    variables = re.findall(
        r'^    (\w+) += "(\$context[.\w]+)"$', text.partition("jsonencode(")[2], re.MULTILINE
    )
    values = {
        "requestId": "XtgGNEkHjoEFeWA=", "connectionId": "XtgF1deKDoECJLQ=", "eventType": "MESSAGE",
        "routeKey": "keepAlive", "status": "200", "requestTimeEpoch": "1795382480123",
        "sourceIp": "203.0.113.70", "userId": "a-user-id-of-usual-length",
    }  # fmt: skip
    line = json.dumps({name: values.get(name, "-") for name, _ in variables}, separators=(",", ":"))
    assert NOW.access_log_bytes == pytest.approx(len(line), rel=0.1)


def test_a_push_of_more_than_32_kb_costs_two():
    pushed = replace(IDLE, events=100, matched=1.0)
    small, large = (estimate_monthly_cost(replace(pushed, payload_bytes=size)) for size in (600, 33_000))
    name = "API Gateway, messages"
    assert small.dollars[name] == pytest.approx(100 * 1_000 * 30 * 1e-6)
    assert large.dollars[name] == pytest.approx(2 * small.dollars[name])


def test_a_large_audience_goes_through_the_queue_in_chunks_and_a_small_one_does_not():
    idle = estimate_monthly_cost(IDLE).dollars["SQS"]
    direct = replace(IDLE, events=1_000, matched=0.1)
    assert estimate_monthly_cost(direct).dollars["SQS"] == idle
    queued = estimate_monthly_cost(replace(direct, matched=0.2)).dollars["SQS"]
    assert queued - idle == pytest.approx(30_000 * 3 * prices.SQS_REQUEST)


def test_every_component_names_what_it_grows_with():
    assert list(estimate_monthly_cost(Traffic()).dollars) == list(GROWS_WITH)


def test_redis_is_one_component_and_mostly_fixed_cost():
    idle, busy = (
        estimate_with_options(IDLE, redis=True).dollars,
        estimate_with_options(replace(IDLE, connects=12), redis=True).dollars,
    )
    assert {name: idle[name] for name in GROWS_WITH} == estimate_monthly_cost(IDLE).dollars
    # A node costs $9.34 and an endpoint $7.30, as the READMEs of the modules say.
    assert idle[REDIS] > CACHE_NODES * 9.34 + ENDPOINTS * 7.30 + prices.price_always_running(512, 60)
    changes = 1_000 * 12 * 30
    writes = changes * 3 * prices.DYNAMODB_WRITE_UNIT
    assert busy[REDIS] - idle[REDIS] == pytest.approx(
        writes + prices.price_lambda_time(changes, changes * 0.005, 1769)
    )


def test_nodes_and_endpoints_are_the_stacks_defaults():
    modules = ROOT / "terraform" / "modules"
    nodes = (modules / "cache" / "README.md").read_text("utf-8")
    endpoints = (modules / "network" / "README.md").read_text("utf-8")
    assert f"cache.t4g.micro ${prices.CACHE_NODE_HOUR * 730:.2f} a month" in nodes
    assert f"interface endpoint costs ${prices.VPC_ENDPOINT_HOUR * 730:.2f} a month" in endpoints
    cache = (modules / "cache" / "variables.tf").read_text("utf-8")
    replicas = cache.partition('variable "replicas"')[2].partition("\n}\n")[0]
    assert re.search(r"default +=\s*(\d+)", replicas)[1] == str(CACHE_NODES - 1)


def test_the_table_has_redis_only_if_requested(capsys):
    assert main(["cost", "--connections", "1000", "--redis"]) == 0
    assert REDIS in capsys.readouterr().out
    assert main(["cost", "--connections", "1000"]) == 0
    assert REDIS not in capsys.readouterr().out


def test_the_table_takes_other_traffic_and_prints_json(capsys):
    assert main(["cost", "--connections", "25000", "--events", "50000", "--matched", "0.001", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert key_paths(printed) == key_paths(documented_shape("cost"))
    wanted = estimate_monthly_cost(Traffic(connections=25_000, events=50_000, matched=0.001))
    assert printed["total"] == pytest.approx(wanted.total)
    assert printed["connections"] == 25_000


def test_markdown_is_no_json(capsys):
    assert main(["cost", "--markdown", "--json"]) == 2
    assert "--markdown and --json" in json.loads(capsys.readouterr().err)["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        ["--matched", "2"],
        ["--forward-to", "0"],
        ["--forward-to", "11"],
        ["--connections", "0"],
        ["--pings", "-1"],
        ["--events", "many"],
        ["--pings", "nan"],
    ],
)
def test_invalid_traffic_is_refused_and_the_option_named(capsys, line):
    assert main(["cost", *line]) == 2
    assert line[0] in capsys.readouterr().err


def test_forwarding_is_one_component_that_grows_with_events_and_regions():
    quiet = estimate_with_options(IDLE, regions=1).dollars
    busy = estimate_with_options(replace(IDLE, events=100_000 / 3), regions=1).dollars[FORWARDING]
    twice = estimate_with_options(replace(IDLE, events=100_000 / 3), regions=2).dollars[FORWARDING]

    assert {name: quiet[name] for name in GROWS_WITH} == estimate_monthly_cost(IDLE).dollars
    # ADR 26: a million events cost $1.00 of EventBridge, $0.40 to queue, and up to $3.30 one by one.
    assert 1.4 + 0.5 < busy - quiet[FORWARDING] < 1.4 + 3.3
    assert twice - busy == pytest.approx(busy - quiet[FORWARDING])


def test_an_event_of_more_than_64_kb_is_forwarded_as_several():
    def priced(size):
        return prices.price_forwarded_events(1e6, size)

    assert priced(64 * 1024) == pytest.approx(1 + 1e6 * 64 * 1024 / 1024**3 * 0.02)
    assert priced(64 * 1024 + 1) > priced(64 * 1024) + 0.99


def test_alarms_of_forwarding_are_those_of_the_stack():
    text = (ROOT / "terraform/stacks/deals-websocket/tests/regions.tftest.hcl").read_text("utf-8")
    listed = text.partition("FORWARDING_ALARMS")[2].partition("toset([\n")[2].partition("])")[0]
    assert len(re.findall(r'"[a-z_]+/forward(?:er|s)"', listed)) == FORWARDING_ALARMS


def test_the_table_has_forwarding_only_if_requested(capsys):
    assert main(["cost", "--connections", "1000", "--forward-to", "2"]) == 0
    assert FORWARDING in capsys.readouterr().out
    assert main(["cost", "--connections", "1000"]) == 0
    assert FORWARDING not in capsys.readouterr().out


def test_the_table_has_the_publish_api_only_if_requested(capsys):
    arguments = ["--connections", "1000", "--events", "1000000"]
    assert main(["cost", *arguments, "--publish-api", "--markdown"]) == 0
    [row] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| Publish API")]
    assert "30.30" in row, "30 million requests at a dollar a million, and three alarm metrics"
    assert main(["cost", *arguments, "--markdown"]) == 0
    assert "Publish API" not in capsys.readouterr().out
