# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "alarms" {
  input = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:deals-test-unhealthy"]
}

resource "terraform_data" "node" {
  input = "deals-test-001"
}

resource "terraform_data" "api" {
  input = "a1b2c3d4e5"
}

module "dashboard" {
  source = "../.."

  name       = "deals-test"
  api        = { id = terraform_data.api.output, stage_name = "v1" }
  functions  = { broadcast = { name = "deals-test-broadcast", memory_mb = 512, log_group_name = "/aws/lambda/deals-test-broadcast" } }
  cache      = { cluster_ids = [terraform_data.node.output] }
  alarm_arns = terraform_data.alarms.output
}
