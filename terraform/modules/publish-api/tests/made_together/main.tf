# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "function" {
  input = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:deals-test:live/invocations"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "certificate" {
  input = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
}

resource "terraform_data" "zone" {
  input = "Z0123456789ABCDEFGHIJ"
}

module "publish_api" {
  source = "../.."

  name               = "deals-test-publish"
  function           = { name = "deals-test-broadcast", invoke_arn = terraform_data.function.output }
  authorization      = "JWT"
  authorizer         = { name = "deals-test-authorizer", invoke_arn = terraform_data.function.output }
  log_kms_key_arn    = terraform_data.key.output
  custom_domain      = { name = "publish.example.com", certificate_arn = terraform_data.certificate.output }
  custom_domain_zone = { id = terraform_data.zone.output }
}
