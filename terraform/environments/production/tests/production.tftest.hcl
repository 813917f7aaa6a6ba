mock_provider "aws" {}

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
    error_message = "names carry the environment"
  }
}

run "refuses_an_account_by_its_alias" {
  command = plan

  variables {
    account_id = "deals"
  }

  expect_failures = [var.account_id]
}
