# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "url" {
  input = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
}

resource "terraform_data" "certificate" {
  input = "arn:aws:acm:us-east-1:123456789012:certificate/1"
}

resource "terraform_data" "zone" {
  input = "Z0123456789ABCDEFGHIJ"
}

resource "terraform_data" "acl" {
  input = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/console/1"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "logs" {
  input = "logs.s3.amazonaws.com"
}

module "console" {
  source = "../.."

  name               = "deals-test"
  folder             = "./tests/fixtures/dist"
  websocket_url      = terraform_data.url.output
  custom_domain      = { name = "console.example.com", certificate_arn = terraform_data.certificate.output }
  custom_domain_zone = { id = terraform_data.zone.output }
  web_acl_arn        = terraform_data.acl.output
  kms_key_arn        = terraform_data.key.output
  access_log         = { bucket_domain_name = terraform_data.logs.output, prefix = "console/" }
}
