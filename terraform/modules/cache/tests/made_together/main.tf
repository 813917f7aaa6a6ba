# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "vpc" {
  input = "vpc-1"
}

resource "terraform_data" "subnets" {
  input = ["subnet-1", "subnet-2"]
}

resource "terraform_data" "group" {
  input = "sg-1"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

module "cache" {
  source = "../.."

  name                         = "deals-test"
  vpc_id                       = terraform_data.vpc.output
  subnet_ids                   = terraform_data.subnets.output
  other_client_security_groups = { shop = terraform_data.group.output }
  client_security_group        = { id = terraform_data.group.output }
  kms_key_arn                  = terraform_data.key.output
  slow_log_enabled             = true
  users                        = { publisher = { user_id = "deals-test-publisher", commands = ["publish"] } }
}
