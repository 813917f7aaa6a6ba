mock_provider "aws" {
  source = "../../mocks"
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

# The tests lead the URL and the tag to the working tree; nothing else differs from a consumer's init.
run "plans_the_whole_service_from_the_tag" {
  command = plan

  assert {
    condition     = module.deals_websocket.function_names.broadcast == "deals-tagged-broadcast"
    error_message = "the stack must come with its modules"
  }
}
