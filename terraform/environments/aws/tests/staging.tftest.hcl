# With staging.tfvars: terraform test -filter=tests/staging.tftest.hcl -var-file=staging.tfvars
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
    condition     = output.function_names.broadcast == "deals-staging-broadcast"
    error_message = "names must contain the environment"
  }
}

run "refuses_an_account_alias" {
  command = plan

  variables {
    account_id = "deals"
  }

  expect_failures = [var.account_id]
}

run "redis_is_one_node_in_the_teams_vpc" {
  command = plan

  variables {
    packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
    redis_enabled     = true
    existing_vpc      = { id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  }

  assert {
    condition     = output.redis.node_count == 1
    error_message = "staging must have no replica"
  }
}
