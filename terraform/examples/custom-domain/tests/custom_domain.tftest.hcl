mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      domain_validation_options = [{
        domain_name           = "live.example.com"
        resource_record_name  = "_x1.live.example.com."
        resource_record_type  = "CNAME"
        resource_record_value = "_x2.acm-validations.aws."
      }]
    }
  }

  mock_resource "aws_acm_certificate_validation" {
    defaults = { certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
  }
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
  domain_name       = "live.example.com"
  zone_id           = "Z0123456789ABCDEFGHIJ"
}

# A certificate that is made in the same configuration is unknown in the plan.
run "plans_with_a_certificate_that_is_not_yet_there" {
  command = plan
}

run "clients_use_the_name_and_without_the_default_endpoint_so_do_functions" {
  variables {
    default_endpoint_enabled = false
  }

  assert {
    condition     = output.websocket_url == "wss://live.example.com" && output.management_endpoint == "https://live.example.com"
    error_message = "everybody must use the one address that is left"
  }
}
