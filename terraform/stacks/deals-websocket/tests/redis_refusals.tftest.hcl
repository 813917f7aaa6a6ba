# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  redis_enabled     = true
}

run "refuses_each_of_these_values_1" {
  command = plan

  variables {
    # Redis without the packages of its functions.
    packages_manifest = "tests/fixtures/manifest.json"

    # An auth token with IAM users.
    redis_auth_token = "a-token-of-at-least-sixteen-characters"

    # Security groups without their VPC.
    existing_security_groups = { ids = ["sg-1"] }

    # A relay without a successor.
    reserved_concurrency = { redis_relay = 1 }

    # An index window of a minute.
    index_stream_batching_window_seconds = 60

    # A relay without parallel publishes.
    relay_parallel = 0

    # A remote Redis without TLS.
    local_endpoints = {
      websocket_url       = "ws://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      management_endpoint = "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      redis_url           = "redis://redis.example:6379"
    }
  }

  expect_failures = [
    var.packages_manifest,
    var.redis_auth_token,
    var.existing_security_groups,
    var.reserved_concurrency,
    var.index_stream_batching_window_seconds,
    var.relay_parallel,
    var.local_endpoints,
  ]
}

run "refuses_each_of_these_values_2" {
  command = plan

  variables {
    # A name invalid in ElastiCache.
    name = "deals--2"

    # A fractional batch size.
    index_stream_batch_size = 1.5

    # A stream retention of months.
    relay_stream_keep_seconds = 604801
  }

  expect_failures = [
    var.redis_enabled,
    var.index_stream_batch_size,
    var.relay_stream_keep_seconds,
  ]
}

run "refuses_each_of_these_values_3" {
  command = plan

  variables {
    # More parallel batches than Lambda allows.
    index_stream_parallelization_factor = 11
  }

  expect_failures = [
    var.index_stream_parallelization_factor,
  ]
}

run "refuses_a_vpc_without_redis" {
  command = plan

  variables {
    redis_enabled = false
    existing_vpc  = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  }

  expect_failures = [var.existing_vpc]
}

run "refuses_an_auth_token_without_redis" {
  command = plan

  variables {
    redis_enabled    = false
    redis_auth_token = "a-token-of-at-least-sixteen-characters"
  }

  expect_failures = [var.redis_auth_token]
}

run "refuses_each_of_these_values_4" {
  command = plan

  variables {
    # Token authentication without a token.
    redis_authentication = "auth_token"

    # Availability Zones of an existing VPC.
    existing_vpc               = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    network_availability_zones = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [
    var.redis_auth_token,
    var.network_availability_zones,
  ]
}

run "refuses_each_of_these_values_5" {
  command = plan

  variables {
    # An unknown authentication.
    redis_authentication = "none"

    # A CIDR block with an existing VPC.
    existing_vpc       = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    network_cidr_block = "10.0.0.0/24"
  }

  expect_failures = [
    var.redis_authentication,
    var.network_cidr_block,
  ]
}

run "refuses_each_of_these_values_6" {
  command = plan

  variables {
    # IAM users with Redis 6.
    redis_engine         = "redis"
    redis_engine_version = "6.2"

    # Endpoints in an existing VPC.
    existing_vpc                = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
    network_interface_endpoints = ["sqs"]
  }

  expect_failures = [
    var.redis_engine_version,
    var.network_interface_endpoints,
  ]
}

run "refuses_each_of_these_values_7" {
  command = plan

  variables {
    # Several availability zones for one node.
    redis_replicas         = 0
    redis_multi_az_enabled = true

    # Internet egress with a new VPC.
    internet_egress = true
  }

  expect_failures = [
    var.redis_multi_az_enabled,
    var.internet_egress,
  ]
}

run "refuses_each_of_these_values_8" {
  command = plan

  variables {
    # Failover without a replica.
    redis_replicas                   = 0
    redis_automatic_failover_enabled = true
  }

  expect_failures = [var.redis_automatic_failover_enabled]
}

run "refuses_limits_in_redis_without_redis" {
  command = plan

  variables {
    redis_enabled = false
    limits_store  = "redis"
  }

  expect_failures = [var.limits_store]
}

run "refuses_limits_in_redis_without_internet_egress" {
  command = plan

  variables {
    limits_store = "redis"
  }

  expect_failures = [var.limits_store]
}

run "refuses_an_unknown_store_of_limits" {
  command = plan

  variables {
    limits_store = "file"
  }

  expect_failures = [var.limits_store]
}

run "refuses_to_drop_the_network_while_functions_have_interfaces_in_it" {
  command = plan

  variables {
    redis_enabled = false
  }

  override_data {
    target = data.aws_network_interfaces.left_behind[0]
    values = { ids = ["eni-1", "eni-2"] }
  }

  expect_failures = [data.aws_network_interfaces.left_behind]
}

run "keeps_the_network_while_functions_have_interfaces_in_it" {
  command = plan

  variables {
    redis_enabled    = false
    network_retained = true
  }

  assert {
    condition     = length(module.network) == 1 && length(data.aws_network_interfaces.left_behind) == 0
    error_message = "network_retained must keep the network, whatever is in it"
  }
}
