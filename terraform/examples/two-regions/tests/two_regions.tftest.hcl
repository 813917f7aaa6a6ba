mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_cloudwatch_event_bus" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:event-bus/deals-ireland-forwarded" }
  }
}

mock_provider "aws" {
  alias  = "frankfurt"
  source = "../../mocks"

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_resource "aws_cloudwatch_event_bus" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:event-bus/deals-frankfurt-forwarded" }
  }
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

run "users_have_one_inbox_in_both" {
  assert {
    condition     = module.ireland.messages_replica_arns == { eu-central-1 = "arn:aws:dynamodb:eu-central-1:123456789012:table/mock" } && module.frankfurt.table_names.messages == "mock"
    error_message = "Frankfurt must use the replica of Ireland's table"
  }
}
