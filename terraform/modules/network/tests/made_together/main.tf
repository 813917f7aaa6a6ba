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

resource "terraform_data" "groups" {
  input = ["sg-1"]
}

resource "terraform_data" "queue" {
  input = "arn:aws:sqs:eu-west-1:123456789012:deals-test-events"
}

resource "terraform_data" "boundary" {
  input = "arn:aws:iam::123456789012:policy/boundary"
}

resource "terraform_data" "key" {
  input = "arn:aws:kms:eu-west-1:123456789012:key/1"
}

resource "terraform_data" "later" {
  input = "done"
}

module "existing_vpc" {
  source = "../.."

  name                     = "deals-test"
  existing_vpc             = { id = terraform_data.vpc.output, subnet_ids = terraform_data.subnets.output }
  existing_security_groups = { ids = terraform_data.groups.output }
}

module "existing_vpc_with_a_group_of_its_own" {
  source = "../.."

  name         = "deals-test"
  existing_vpc = { id = terraform_data.vpc.output, subnet_ids = ["subnet-1", terraform_data.vpc.output] }
}

# Under depends_on no plan knows what data sources say: account, Region, Availability Zones.
module "made_vpc" {
  source     = "../.."
  depends_on = [terraform_data.later]

  name                     = "deals-test"
  endpoint_resources       = { sqs = [terraform_data.queue.output] }
  flow_logs                = {}
  log_kms_key_arn          = terraform_data.key.output
  permissions_boundary_arn = terraform_data.boundary.output
}
