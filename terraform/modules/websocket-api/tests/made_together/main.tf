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

resource "terraform_data" "boundary" {
  input = "arn:aws:iam::123456789012:policy/boundary"
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

module "websocket_api" {
  source = "../.."

  name                        = "deals-test"
  stage_name                  = "v1"
  authorizer                  = { name = "deals-test-authorizer", invoke_arn = terraform_data.function.output }
  routes                      = { "$connect" = { function = { name = "deals-test-connection_handler", invoke_arn = terraform_data.function.output } } }
  access_log_enabled          = true
  log_kms_key_arn             = terraform_data.key.output
  execution_logging_level     = "ERROR"
  manage_account_logging_role = true
  permissions_boundary_arn    = terraform_data.boundary.output
  custom_domain               = { name = "live.example.com", certificate_arn = terraform_data.certificate.output }
  custom_domain_zone          = { id = terraform_data.zone.output }
}
