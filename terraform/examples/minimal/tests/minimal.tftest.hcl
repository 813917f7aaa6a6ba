mock_provider "aws" {}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "plans_with_nothing_but_packages_and_a_secret" {
  command = plan

  assert {
    condition     = module.deals_websocket.function_names.broadcast == "deals-minimal-broadcast"
    error_message = "the README publishes with this function"
  }
}
