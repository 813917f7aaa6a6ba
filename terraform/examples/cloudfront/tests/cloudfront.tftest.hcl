mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "aws" {
  alias  = "global"
  source = "../../mocks"

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/deals-cloudfront/1" }
  }
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  domain_name       = "live.example.com"
  certificate_arn   = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
}

run "plans_before_there_is_an_api" {
  command = plan
}

run "clients_reach_the_stage_by_a_distribution_with_a_web_acl" {
  assert {
    condition     = alltrue([for origin in aws_cloudfront_distribution.this.origin : origin.domain_name == "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com" && origin.origin_path == "/v1"])
    error_message = "the distribution must lead to the stage of the API"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.web_acl_id == "arn:aws:wafv2:us-east-1:123456789012:global/webacl/deals-cloudfront/1" && aws_wafv2_web_acl.this.scope == "CLOUDFRONT"
    error_message = "the web ACL is what it is for"
  }

  # CachingDisabled and AllViewerExceptHostHeader.
  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" && aws_cloudfront_distribution.this.default_cache_behavior[0].origin_request_policy_id == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    error_message = "nothing may be cached, and all of the handshake but its Host must arrive"
  }

  assert {
    condition     = output.websocket_url == "wss://live.example.com"
    error_message = "the stage is the origin's path, not the clients'"
  }
}

run "refuses_a_certificate_that_cloudfront_cannot_see" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    handshakes_max  = 5
  }

  expect_failures = [var.certificate_arn, var.handshakes_max]
}
