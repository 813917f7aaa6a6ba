# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "key_of_frankfurt" {
  input = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

resource "terraform_data" "table" {
  input = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-ireland-messages"
}

module "tables" {
  source = "../.."

  names       = { for table in ["connections", "subscriptions", "messages", "history", "limits", "revocations"] : table => "deals-test-${table}" }
  kms_key_arn = terraform_data.key.output

  messages_replicas = { eu-central-1 = { kms_key_arn = terraform_data.key_of_frankfurt.output } }
}

module "with_a_replica_of_another" {
  source = "../.."

  names                   = { for table in ["connections", "subscriptions", "messages", "history", "limits", "revocations"] : table => "deals-test-${table}" }
  existing_messages_table = { arn = terraform_data.table.output }
}
