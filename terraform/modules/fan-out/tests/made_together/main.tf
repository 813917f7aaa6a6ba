# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "topic" {
  input = "arn:aws:sns:eu-west-1:123456789012:prices"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "account" {
  input = "210987654321"
}

resource "terraform_data" "bus" {
  input = "shop"
}

module "fan_out" {
  source = "../.."

  names            = { events = "deals-test-events", deliveries = "deals-test-deliveries" }
  events           = { function_timeout_seconds = 30 }
  deliveries       = { function_timeout_seconds = 30 }
  kms_key_arn      = terraform_data.key.output
  sns_topics       = { prices = { topic_arn = terraform_data.topic.output } }
  event_bus_rules  = { shop = { event_bus_name = terraform_data.bus.output, event_pattern = jsonencode({ source = ["shop"] }) } }
  forwarded_events = { received = true, bus_name = "deals-test-forwarded", account_ids = [terraform_data.account.output] }
}
