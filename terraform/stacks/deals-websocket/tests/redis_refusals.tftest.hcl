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

run "refuses_redis_without_the_packages_of_its_functions" {
  command = plan

  variables {
    packages_manifest = "tests/fixtures/manifest.json"
  }

  expect_failures = [var.packages_manifest]
}

run "refuses_a_name_invalid_in_elasticache" {
  command = plan

  variables {
    name = "deals--2"
  }

  expect_failures = [var.redis_enabled]
}

run "refuses_cache_settings_without_redis" {
  command = plan

  variables {
    redis_enabled = false
    redis         = { node_type = "cache.t4g.small" }
  }

  expect_failures = [var.redis]
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

run "refuses_an_auth_token_with_iam_users" {
  command = plan

  variables {
    redis_auth_token = "a-token-of-at-least-sixteen-characters"
  }

  expect_failures = [var.redis_auth_token]
}

run "refuses_token_authentication_without_a_token" {
  command = plan

  variables {
    redis = { authentication = "auth_token" }
  }

  expect_failures = [var.redis_auth_token]
}

run "refuses_an_unknown_authentication" {
  command = plan

  variables {
    redis = { authentication = "none" }
  }

  expect_failures = [var.redis]
}

run "refuses_iam_users_with_redis_6" {
  command = plan

  variables {
    redis = { engine = "redis", engine_version = "6.2" }
  }

  expect_failures = [var.redis]
}

run "refuses_several_availability_zones_for_one_node" {
  command = plan

  variables {
    redis = { replicas = 0, multi_az_enabled = true }
  }

  expect_failures = [var.redis]
}

run "refuses_failover_without_a_replica" {
  command = plan

  variables {
    redis = { replicas = 0, automatic_failover_enabled = true }
  }

  expect_failures = [var.redis]
}

run "refuses_subnets_without_their_vpc" {
  command = plan

  variables {
    network = { subnet_ids = ["subnet-1", "subnet-2"] }
  }

  expect_failures = [var.network]
}

run "refuses_a_vpc_without_subnets" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1" }
  }

  expect_failures = [var.network]
}

run "refuses_a_cidr_block_with_an_existing_vpc" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], cidr_block = "10.0.0.0/24" }
  }

  expect_failures = [var.network]
}

run "refuses_endpoints_in_an_existing_vpc" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], interface_endpoints = ["sqs"] }
  }

  expect_failures = [var.network]
}

run "refuses_internet_egress_with_a_new_vpc" {
  command = plan

  variables {
    network = { internet_egress = true }
  }

  expect_failures = [var.network]
}

run "refuses_security_groups_with_a_new_vpc" {
  command = plan

  variables {
    network = { security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.network]
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

run "refuses_a_relay_without_a_successor" {
  command = plan

  variables {
    reserved_concurrency = { redis_relay = 1 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "refuses_an_index_window_of_a_minute" {
  command = plan

  variables {
    index_stream = { batching_window_seconds = 60 }
  }

  expect_failures = [var.index_stream]
}

run "refuses_a_fractional_batch_size" {
  command = plan

  variables {
    index_stream = { batch_size = 1.5 }
  }

  expect_failures = [var.index_stream]
}

run "refuses_a_relay_without_parallel_publishes" {
  command = plan

  variables {
    relay = { parallel = 0 }
  }

  expect_failures = [var.relay]
}

run "refuses_a_stream_retention_of_months" {
  command = plan

  variables {
    relay = { stream_keep_seconds = 604801 }
  }

  expect_failures = [var.relay]
}

run "refuses_more_parallel_batches_than_lambda_allows" {
  command = plan

  variables {
    index_stream = { parallelization_factor = 11 }
  }

  expect_failures = [var.index_stream]
}

run "refuses_a_remote_redis_without_tls" {
  command = plan

  variables {
    local_endpoints = {
      websocket_url       = "ws://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      management_endpoint = "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}"
      redis_url           = "redis://redis.example:6379"
    }
  }

  expect_failures = [var.local_endpoints]
}
