# A second publish API beside the one of the stack, for publishers whom IAM authorises, on the same function.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "function_arn" {
  description = "ARN of the alias of broadcast"
  type        = string
}

data "aws_region" "current" {}

module "publish_api" {
  source = "../../../terraform/modules/publish-api"

  name          = "deals-local-publish-by-iam"
  authorization = "IAM"
  throttling    = { rate_limit = 0.01, burst_limit = 12 }

  function = {
    name       = split(":", var.function_arn)[6]
    qualifier  = split(":", var.function_arn)[7]
    invoke_arn = "arn:aws:apigateway:${data.aws_region.current.id}:lambda:path/2015-03-31/functions/${var.function_arn}/invocations"
  }
}

output "api_id" {
  value = module.publish_api.api_id
}

output "route_arn" {
  value = module.publish_api.route_arn
}
