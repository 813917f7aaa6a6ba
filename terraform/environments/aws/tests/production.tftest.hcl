# With production.tfvars: terraform test -filter=tests/production.tftest.hcl -var-file=production.tfvars
mock_provider "aws" {
  source = "../../mocks"
}

variables {
  region            = "eu-west-1"
  account_id        = "123456789012"
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "plans_with_nothing_but_region_account_packages_and_secret" {
  command = plan

  assert {
    condition     = output.function_names.broadcast == "deals-production-broadcast"
    error_message = "names must contain the environment"
  }

  # Redis is off by default.
  assert {
    condition     = output.redis == null && output.redis_publisher == null
    error_message = "without Redis none of it may exist"
  }
}

run "refuses_an_account_alias" {
  command = plan

  variables {
    account_id = "deals"
  }

  expect_failures = [var.account_id]
}

run "one_variable_switches_redis_on" {
  command = plan

  variables {
    packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
    redis_enabled     = true
  }

  assert {
    condition     = output.function_names.redis_relay == "deals-production-redis_relay" && output.redis.node_count == 2
    error_message = "production must have a replica, the relay and the projector"
  }
}
