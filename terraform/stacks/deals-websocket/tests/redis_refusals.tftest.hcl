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

run "refuses_a_name_that_elasticache_does_not_take" {
  command = plan

  variables {
    name = "deals--2"
  }

  expect_failures = [var.redis_enabled]
}

run "refuses_settings_of_a_cache_that_is_not_there" {
  command = plan

  variables {
    redis_enabled = false
    redis         = { node_type = "cache.t4g.small" }
  }

  expect_failures = [var.redis]
}

run "refuses_a_network_for_nothing" {
  command = plan

  variables {
    redis_enabled = false
    network       = { cidr_block = "10.0.0.0/24" }
  }

  expect_failures = [var.network]
}

run "refuses_a_token_for_nothing" {
  command = plan

  variables {
    redis_enabled    = false
    redis_auth_token = "a-token-of-at-least-sixteen-characters"
  }

  expect_failures = [var.redis_auth_token]
}

run "refuses_a_token_beside_users_by_iam" {
  command = plan

  variables {
    redis_auth_token = "a-token-of-at-least-sixteen-characters"
  }

  expect_failures = [var.redis_auth_token]
}

run "refuses_an_auth_token_that_is_not_given" {
  command = plan

  variables {
    redis = { authentication = "auth_token" }
  }

  expect_failures = [var.redis_auth_token]
}

run "refuses_an_authentication_that_elasticache_does_not_have" {
  command = plan

  variables {
    redis = { authentication = "none" }
  }

  expect_failures = [var.redis]
}

run "refuses_users_by_iam_in_redis_6" {
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

run "refuses_a_failover_to_nobody" {
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

run "refuses_addresses_for_a_vpc_that_exists" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], cidr_block = "10.0.0.0/24" }
  }

  expect_failures = [var.network]
}

run "refuses_endpoints_in_a_vpc_that_others_use" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], interface_endpoints = ["sqs"] }
  }

  expect_failures = [var.network]
}

run "refuses_a_nat_gateway_in_a_vpc_that_has_none" {
  command = plan

  variables {
    network = { internet_egress = true }
  }

  expect_failures = [var.network]
}

run "refuses_security_groups_of_a_vpc_that_is_yet_to_be_made" {
  command = plan

  variables {
    network = { security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.network]
}

run "refuses_limits_in_a_redis_that_is_not_there" {
  command = plan

  variables {
    redis_enabled = false
    limits_store  = "redis"
    network       = null
  }

  expect_failures = [var.limits_store]
}

run "refuses_limits_in_redis_where_the_router_could_not_post" {
  command = plan

  variables {
    limits_store = "redis"
  }

  expect_failures = [var.limits_store]
}

run "refuses_limits_in_a_file" {
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

run "refuses_an_index_that_waits_for_a_minute" {
  command = plan

  variables {
    index_stream = { batching_window_seconds = 60 }
  }

  expect_failures = [var.index_stream]
}

run "refuses_half_a_record_in_a_batch" {
  command = plan

  variables {
    index_stream = { batch_size = 1.5 }
  }

  expect_failures = [var.index_stream]
}

run "refuses_a_relay_that_does_nothing_at_once" {
  command = plan

  variables {
    relay = { parallel = 0 }
  }

  expect_failures = [var.relay]
}

run "refuses_a_stream_that_keeps_things_for_months" {
  command = plan

  variables {
    relay = { stream_keep_seconds = 604801 }
  }

  expect_failures = [var.relay]
}

run "refuses_more_parallel_batches_than_lambda_has" {
  command = plan

  variables {
    index_stream = { parallelization_factor = 11 }
  }

  expect_failures = [var.index_stream]
}

run "refuses_a_redis_without_tls_beyond_this_machine" {
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
