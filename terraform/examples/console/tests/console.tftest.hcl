mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../../mocks"

  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      domain_validation_options = [{
        domain_name           = "console.example.com"
        resource_record_name  = "_x1.console.example.com."
        resource_record_type  = "CNAME"
        resource_record_value = "_x2.acm-validations.aws."
      }]
    }
  }

  mock_resource "aws_acm_certificate_validation" {
    defaults = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
  }
}

variables {
  websocket_url = "wss://live.example.com"
  folder        = "../../modules/console/tests/fixtures/dist"
  domain_name   = "console.example.com"
  zone_id       = "Z0123456789ABCDEFGHIJ"
}

# A certificate that is made in the same configuration is unknown in the plan.
run "plans_with_a_certificate_that_is_not_yet_there" {
  command = plan
}

run "page_is_at_its_own_name" {
  assert {
    condition     = output.url == "https://console.example.com/"
    error_message = "the page must be at the name that the record leads from"
  }
}
