# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "api" {
  input = "a1b2c3d4e5"
}

resource "terraform_data" "certificate" {
  input = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
}

resource "terraform_data" "zone" {
  input = "Z0123456789ABCDEFGHIJ"
}

module "domain" {
  source = "../.."

  api_id     = terraform_data.api.output
  stage_name = "v1"
  domain     = { name = "live.example.com", certificate_arn = terraform_data.certificate.output }
  zone       = { id = terraform_data.zone.output }
}
