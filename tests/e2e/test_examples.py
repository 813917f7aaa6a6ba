"""Examples apply as they stand, and what they made serves: a deal reaches who is connected."""

from __future__ import annotations

import json
import os

import boto3
import pytest

from local_cloud import LocalCloud
from local_cloud.client import Person
from local_cloud.stack import REGION
from tests.e2e.conftest import APPLY_SECONDS_MAX
from tests.e2e.example_copies import apply_copy

pytestmark = pytest.mark.timeout(2 * APPLY_SECONDS_MAX)

# One server stands in for the cache: it knows no users by IAM, and is not always at the usual port.
WITH_A_PASSWORD = """
  redis_authentication          = "auth_token"
  redis_auth_token              = {password}
  redis_port                    = {port}
  redis_replicas                = 0
  redis_snapshot_retention_days = 0
"""


async def see_a_deal_arrive(stack, environment):
    headers = {"Authorization": f"Bearer {stack.token('someone')}"}
    person = await Person.connect(stack.outputs["websocket_url"], additional_headers=headers)
    await person.subscribe("travel.flights")

    event = {"messageType": "dealUpdate", "topic": "travel.flights", "data": {"title": "Lisbon"}}
    alias = f"deals-{environment}-broadcast:live"
    stack.client("lambda").invoke(FunctionName=alias, Payload=json.dumps(event).encode())
    assert (await person.hears("dealUpdate"))["data"]["title"] == "Lisbon"
    await person.leave()


@pytest.mark.parametrize(("name", "environment"), [("minimal", "minimal"), ("by-git-tag", "tagged")])
async def test_example_applies_and_serves(tmp_path, name, environment):
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the examples are applied on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path / "cloud") as cloud:
        await see_a_deal_arrive(apply_copy(name, cloud, tmp_path), environment)


async def test_example_in_an_existing_vpc_applies_and_serves_with_redis(tmp_path):
    if os.environ.get("LOCALSTACK_ENDPOINT"):
        pytest.skip("the examples are applied on an embedded local cloud: unset LOCALSTACK_ENDPOINT")
    with LocalCloud.start(state_dir=tmp_path / "cloud", redis_server=True) as cloud:
        redis = cloud.redis
        password = json.dumps(redis.password_file.read_text())
        stack = apply_copy(
            "existing-vpc",
            cloud,
            tmp_path,
            redis_url=None if redis.tls else redis.url,
            more=WITH_A_PASSWORD.format(password=password, port=redis.port),
            variables=make_vpc(cloud),
        )
        await see_a_deal_arrive(stack, "vpc")

        functions = stack.client("lambda")
        placed = {
            name: functions.get_function_configuration(FunctionName=f"deals-vpc-{name}")["VpcConfig"]
            for name in ("broadcast", "redis_relay", "index_projector")
        }
        assert {name: len(config["SubnetIds"]) for name, config in placed.items()} == dict.fromkeys(placed, 2)
        endpoints = boto_client(cloud, "ec2").describe_vpc_endpoints()["VpcEndpoints"]
        services = {endpoint["ServiceName"].rpartition(".")[2] for endpoint in endpoints}
        assert services == {"dynamodb", "lambda", "sqs"}


def boto_client(cloud, service):
    return boto3.Session("test", "test", region_name=REGION).client(service, endpoint_url=cloud.endpoint)


def make_vpc(cloud):
    """Make a VPC as somebody else would have; return the example's variables for it."""
    ec2 = boto_client(cloud, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return {
        "vpc_id": vpc,
        "subnet_ids": json.dumps(subnets),
        "missing_endpoints": json.dumps(["dynamodb", "lambda", "sqs"]),
        "route_table_ids": json.dumps([table]),
    }
