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

    # Subnets without their VPC.
    network = { subnet_ids = ["subnet-1", "subnet-2"] }

    # A relay without a successor.
    reserved_concurrency = { redis_relay = 1 }

    # An index window of a minute.
    index_stream = { batching_window_seconds = 60 }

    # A relay without parallel publishes.
    relay = { parallel = 0 }

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
    var.network,
    var.reserved_concurrency,
    var.index_stream,
    var.relay,
    var.local_endpoints,
  ]
}

run "refuses_each_of_these_values_2" {
  command = plan

  variables {
    # A name invalid in ElastiCache.
    name = "deals--2"

    # A fractional batch size.
    index_stream = { batch_size = 1.5 }

    # A stream retention of months.
    relay = { stream_keep_seconds = 604801 }
  }

  expect_failures = [
    var.redis_enabled,
    var.index_stream,
    var.relay,
  ]
}

run "refuses_each_of_these_values_3" {
  command = plan

  variables {
    # Cache settings without Redis.
    redis_enabled = false
    redis         = { node_type = "cache.t4g.small" }

    # More parallel batches than Lambda allows.
    index_stream = { parallelization_factor = 11 }
  }

  expect_failures = [
    var.redis,
    var.index_stream,
  ]
}

run "refuses_network_settings_without_redis" {
  command = plan

  variables {
    redis_enabled = false
    network       = { cidr_block = "10.0.0.0/24" }
  }

  expect_failures = [var.network]
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
    redis = { authentication = "auth_token" }

    # A VPC without subnets.
    network = { vpc_id = "vpc-1" }
  }

  expect_failures = [
    var.redis_auth_token,
    var.network,
  ]
}

run "refuses_each_of_these_values_5" {
  command = plan

  variables {
    # An unknown authentication.
    redis = { authentication = "none" }

    # A CIDR block with an existing VPC.
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], cidr_block = "10.0.0.0/24" }
  }

  expect_failures = [
    var.redis,
    var.network,
  ]
}

run "refuses_each_of_these_values_6" {
  command = plan

  variables {
    # IAM users with Redis 6.
    redis = { engine = "redis", engine_version = "6.2" }

    # Endpoints in an existing VPC.
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], interface_endpoints = ["sqs"] }
  }

  expect_failures = [
    var.redis,
    var.network,
  ]
}

run "refuses_each_of_these_values_7" {
  command = plan

  variables {
    # Several availability zones for one node.
    redis = { replicas = 0, multi_az_enabled = true }

    # Internet egress with a new VPC.
    network = { internet_egress = true }
  }

  expect_failures = [
    var.redis,
    var.network,
  ]
}

run "refuses_each_of_these_values_8" {
  command = plan

  variables {
    # Failover without a replica.
    redis = { replicas = 0, automatic_failover_enabled = true }

    # Security groups with a new VPC.
    network = { security_group_ids = ["sg-1"] }
  }

  expect_failures = [
    var.redis,
    var.network,
  ]
}

run "refuses_limits_in_redis_without_redis" {
  command = plan

  variables {
    redis_enabled = false
    limits_store  = "redis"
    network       = null
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
