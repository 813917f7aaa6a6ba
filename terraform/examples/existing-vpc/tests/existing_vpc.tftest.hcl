mock_provider "aws" {
  source = "../../mocks"
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  vpc_id            = "vpc-0123456789abcdef0"
  subnet_ids        = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

run "makes_no_endpoint_where_the_vpc_has_them" {
  command = plan

  assert {
    condition     = length(aws_vpc_endpoint.dynamodb) + length(aws_vpc_endpoint.interface) + length(aws_security_group.endpoints) == 0
    error_message = "an endpoint with private DNS twice is refused by AWS"
  }

  assert {
    condition     = output.redis_publisher.vpc_id == "vpc-0123456789abcdef0"
    error_message = "Redis must be in the given VPC"
  }
}

run "makes_the_endpoints_that_are_missing_and_no_other" {
  command = plan

  variables {
    missing_endpoints = ["dynamodb", "sqs"]
    route_table_ids   = ["rtb-0123456789abcdef0"]
  }

  override_data {
    target = data.aws_vpc_endpoint_service.missing["sqs"]
    values = { service_name = "com.amazonaws.eu-west-1.sqs" }
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["sqs"] && aws_vpc_endpoint.interface["sqs"].service_name == "com.amazonaws.eu-west-1.sqs" && aws_vpc_endpoint.interface["sqs"].private_dns_enabled
    error_message = "the functions call SQS by its usual name"
  }

  assert {
    condition     = aws_vpc_endpoint.dynamodb[0].route_table_ids == toset(["rtb-0123456789abcdef0"])
    error_message = "a gateway endpoint is a route of the subnets"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.20.0.0/16" && aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443
    error_message = "the endpoints must be reached from the whole VPC, by HTTPS alone"
  }
}

run "needs_no_endpoint_behind_a_nat_gateway" {
  command = plan

  variables {
    internet_egress = true
  }
}

run "refuses_a_gateway_endpoint_without_its_routes" {
  command = plan

  variables {
    missing_endpoints = ["dynamodb"]
  }

  expect_failures = [var.route_table_ids]
}

run "refuses_endpoints_that_would_not_help" {
  command = plan

  variables {
    missing_endpoints = ["execute-api"]
  }

  expect_failures = [var.missing_endpoints]
}
