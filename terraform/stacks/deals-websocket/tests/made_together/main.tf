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

resource "terraform_data" "key_of_virginia" {
  input = "arn:aws:kms:us-east-1:123456789012:key/1"
}

resource "terraform_data" "table" {
  input = "arn:aws:dynamodb:eu-west-1:123456789012:table/deals-virginia-messages"
}

resource "terraform_data" "secret" {
  input = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:issuer-AbCdEf"
}

resource "terraform_data" "topic" {
  input = "arn:aws:sns:eu-west-1:123456789012:pager"
}

resource "terraform_data" "bus" {
  input = "arn:aws:events:us-east-1:123456789012:event-bus/deals-test-forwarded"
}

resource "terraform_data" "account" {
  input = "210987654321"
}

resource "terraform_data" "vpc" {
  input = "vpc-1"
}

resource "terraform_data" "subnets" {
  input = ["subnet-1", "subnet-2"]
}

resource "terraform_data" "groups" {
  input = ["sg-1"]
}

resource "terraform_data" "group" {
  input = "sg-2"
}

resource "terraform_data" "certificate" {
  input = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
}

resource "terraform_data" "zone" {
  input = "Z0123456789ABCDEFGHIJ"
}

resource "terraform_data" "signing" {
  input = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdef0"
}

resource "terraform_data" "hook" {
  input = "arn:aws:lambda:eu-west-1:123456789012:function:try-broadcast"
}

resource "terraform_data" "queue" {
  input = "arn:aws:sqs:eu-west-1:210987654321:shop-deals"
}

resource "terraform_data" "later" {
  input = "done"
}

module "with_what_exists" {
  source = "../.."

  environment       = "test"
  packages_manifest = "tests/fixtures/manifest_with_redis.json"
  package_bucket    = terraform_data.bucket.output

  existing_jwt_secret             = { arn = terraform_data.secret.output }
  existing_jwt_secret_kms_key_arn = terraform_data.key.output
  kms_key_arn                     = terraform_data.key.output
  permissions_boundary_arn        = terraform_data.boundary.output
  environment_kms_key_arn         = terraform_data.key.output
  code_signing_config_arn         = terraform_data.signing.output

  codedeploy_configurations = { broadcast = "CodeDeployDefault.LambdaCanary10Percent5Minutes" }
  codedeploy_hooks          = { broadcast = { before_allow_traffic_arn = terraform_data.hook.output, after_allow_traffic_arn = terraform_data.hook.output } }

  custom_domain                  = { name = "live.example.com", certificate_arn = terraform_data.certificate.output }
  custom_domain_zone             = { id = terraform_data.zone.output }
  access_log_enabled             = true
  publish_api_enabled            = true
  publish_api_authorization      = "JWT"
  publish_api_custom_domain      = { name = "publish.example.com", certificate_arn = terraform_data.certificate.output }
  publish_api_custom_domain_zone = { id = terraform_data.zone.output }

  alarm_topic = { arn = terraform_data.topic.output }

  sns_topics               = { prices = { topic_arn = terraform_data.topic.output } }
  event_queues             = { shop = { arn = terraform_data.queue.output, visibility_timeout_seconds = 60, maximum_concurrency = 2, kms_key_arn = terraform_data.key.output } }
  messages_replicas        = { us-east-1 = { kms_key_arn = terraform_data.key_of_virginia.output } }
  forward_events_to        = { virginia = terraform_data.bus.output }
  receive_forwarded_events = true
  forwarding_account_ids   = [terraform_data.account.output]

  redis_enabled                   = true
  existing_vpc                    = { id = terraform_data.vpc.output, subnet_ids = terraform_data.subnets.output }
  existing_security_groups        = { ids = terraform_data.groups.output }
  redis_publisher_security_groups = { shop = terraform_data.group.output }
}

# Under depends_on no plan knows what data sources say: account, Region, Availability Zones.
module "after_something_else" {
  source     = "../.."
  depends_on = [terraform_data.later]

  environment                         = "later"
  packages_manifest                   = "tests/fixtures/manifest_with_redis.json"
  existing_jwt_secret                 = { arn = terraform_data.secret.output }
  existing_messages_table             = { arn = terraform_data.table.output }
  existing_messages_table_kms_key_arn = terraform_data.key.output
  alarm_topic_key                     = { arn = terraform_data.key.output }
  redis_enabled                       = true
}
