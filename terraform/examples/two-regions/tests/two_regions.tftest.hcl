mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "aws" {
  alias  = "frankfurt"
  source = "../../mocks"
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "each_region_forwards_to_the_other" {
  command = plan

  assert {
    condition     = join(",", sort(keys(output.websocket_urls))) == "frankfurt,ireland"
    error_message = "both Regions must serve"
  }
}
