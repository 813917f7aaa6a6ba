mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  vpc_functions     = ["authorizer", "broadcast"]
  existing_vpc      = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
}

run "functions_are_in_the_given_vpc_without_redis" {
  assert {
    condition     = local.vpc_functions == tolist(["authorizer", "broadcast"]) && local.vpc_config.subnet_ids == tolist(["subnet-1", "subnet-2"]) && length(local.vpc_config.security_group_ids) == 1
    error_message = "the named functions must be in the given subnets, with their own security group and none of a cache"
  }

  assert {
    condition     = length(module.cache) == 0 && length(local.vpc_config.security_group_ids) == 1
    error_message = "there is no cache, and functions carry nothing of it"
  }

  # No VPC endpoint serves @connections.
  assert {
    condition     = local.functions["broadcast"].environment.DIRECT_AUDIENCE_MAX == "0" && !strcontains(output.function_policies.broadcast, "execute-api:") && local.post_percents.broadcast == 0
    error_message = "broadcast must queue what it cannot post"
  }

  assert {
    condition     = strcontains(output.function_policies.authorizer, "ec2:CreateNetworkInterface") && !strcontains(output.function_policies.delivery, "ec2:")
    error_message = "who is in the VPC alone needs network interfaces"
  }
}

run "vpc_that_is_made_has_the_endpoints_that_they_call" {
  variables {
    existing_vpc = null
  }

  assert {
    condition     = toset(keys(module.network[0].endpoint_policies)) == toset(["dynamodb", "secretsmanager", "sqs"])
    error_message = "the authorizer reads a secret, broadcast sends to queues, and nothing invokes Lambda"
  }
}

run "vpc_without_broadcast_needs_no_queues" {
  variables {
    existing_vpc  = null
    vpc_functions = ["authorizer"]
  }

  assert {
    condition     = toset(keys(module.network[0].endpoint_policies)) == toset(["dynamodb", "secretsmanager"]) && local.post_percents.broadcast > 0
    error_message = "broadcast posts from outside as before"
  }
}

run "refuses_endpoints_without_one_that_the_functions_call" {
  command = plan

  variables {
    existing_vpc                = null
    network_interface_endpoints = ["sqs"]
  }

  expect_failures = [var.network_interface_endpoints]
}

run "refuses_functions_that_post" {
  command = plan

  variables {
    vpc_functions = ["delivery"]
  }

  expect_failures = [var.vpc_functions]
}

run "refuses_an_authorizer_that_cannot_fetch_keys" {
  command = plan

  variables {
    jwt_secret     = null
    jwt_algorithms = ["RS256"]
    jwt_jwks_url   = "https://login.example.com/jwks.json"
  }

  expect_failures = [var.internet_egress]
}

run "refuses_a_vpc_with_nothing_in_it" {
  command = plan

  variables {
    vpc_functions = []
  }

  expect_failures = [var.existing_vpc]
}
