# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "topic" {
  input = "arn:aws:sns:eu-west-1:123456789012:pager"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "node" {
  input = "deals-test-001"
}

resource "terraform_data" "api" {
  input = "a1b2c3d4e5"
}

locals {
  watched = {
    functions = { broadcast = { name = "deals-test-broadcast", timeout_seconds = 30 } }
    cache     = { cluster_ids = [terraform_data.node.output] }
  }
}

module "existing_topic" {
  source = "../.."

  name      = "deals-test"
  api       = { id = terraform_data.api.output, stage_name = "v1" }
  functions = local.watched.functions
  topic     = { arn = terraform_data.topic.output }
}

module "existing_key" {
  source = "../.."

  name      = "deals-test"
  api       = { id = terraform_data.api.output, stage_name = "v1" }
  functions = local.watched.functions
  topic_key = { arn = terraform_data.key.output }
}
