# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "bucket" {
  input = "deals-packages"
}

resource "terraform_data" "boundary" {
  input = "arn:aws:iam::123456789012:policy/boundary"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "signing" {
  input = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdef0"
}

resource "terraform_data" "queue" {
  input = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
}

resource "terraform_data" "stream" {
  input = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-subscriptions/stream/1"
}

resource "terraform_data" "table" {
  input = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-test-history"
}

resource "terraform_data" "subnets" {
  input = ["subnet-1", "subnet-2"]
}

resource "terraform_data" "groups" {
  input = ["sg-1"]
}

module "function" {
  source = "../.."

  name                     = "deals-test-broadcast"
  description              = "Made together with what it uses"
  handler                  = "broadcast.handler.handler"
  package                  = { s3_bucket = terraform_data.bucket.output, s3_key = "broadcast.zip", sha256 = sha256("zip") }
  permissions_boundary_arn = terraform_data.boundary.output
  log_kms_key_arn          = terraform_data.key.output
  environment_kms_key_arn  = terraform_data.key.output
  code_signing_config_arn  = terraform_data.signing.output
  vpc_config               = { subnet_ids = terraform_data.subnets.output, security_group_ids = terraform_data.groups.output }

  policy_statements = {
    ReadTable = { actions = ["dynamodb:GetItem"], resources = [terraform_data.table.output] }
  }

  async_invocation = { on_failure_queue_arn = terraform_data.queue.output }
  sqs_trigger      = { queue_arn = terraform_data.queue.output, visibility_timeout_seconds = 180 }
  further_queues   = { shop = { queue_arn = terraform_data.queue.output, visibility_timeout_seconds = 60, maximum_concurrency = 2 } }
}

module "projector" {
  source = "../.."

  name        = "deals-test-index_projector"
  description = "Made together with what it uses"
  handler     = "index_projector.handler.handler"
  package     = { path = "tests/fixtures/package.zip", sha256 = filesha256("tests/fixtures/package.zip") }

  dynamodb_stream_trigger = { stream_arn = terraform_data.stream.output, on_failure_queue_arn = terraform_data.queue.output }
}
