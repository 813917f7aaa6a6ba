# Whatever takes an id or an ARN gets one that no plan knows, as where it is made in the same configuration: `count` and
# `for_each` may not depend on it. tests/terraform/test_made_together.py sees that no such input is missing here.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

resource "terraform_data" "function" {
  input = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
}

resource "terraform_data" "hook" {
  input = "arn:aws:lambda:eu-west-1:123456789012:function:CodeDeployHook_try"
}

resource "terraform_data" "boundary" {
  input = "arn:aws:iam::123456789012:policy/boundary"
}

module "codedeploy" {
  source = "../.."

  name = "deals-test"

  functions = {
    broadcast = {
      name           = "deals-test-broadcast"
      arn            = terraform_data.function.output
      alias          = "live"
      alias_version  = "1"
      newest_version = "2"
      configuration  = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
      alarm_names    = []
    }
  }

  hooks = {
    broadcast = {
      before_allow_traffic_arn = terraform_data.hook.output
      after_allow_traffic_arn  = terraform_data.hook.output
    }
  }

  permissions_boundary_arn = terraform_data.boundary.output
}
