# A function that is in a VPC while `vpc_used`, with the modules of this repository.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  skip_metadata_api_check = true
}

variable "vpc_used" {
  description = "Whether there is a VPC and the function is in it"
  type        = bool
}

module "network" {
  source = "../../../terraform/modules/network"
  count  = var.vpc_used ? 1 : 0

  name                = "deals-vpc"
  interface_endpoints = ["sqs"]
}

module "function" {
  source = "../../../terraform/modules/function"

  name        = "deals-vpc-broadcast"
  description = "In a VPC, or not"
  handler     = "handler.handler"
  package     = { path = "../../../terraform/modules/function/tests/fixtures/package.zip", sha256 = filesha256("../../../terraform/modules/function/tests/fixtures/package.zip") }
  vpc_config  = var.vpc_used ? { subnet_ids = one(module.network[*].subnet_ids), security_group_ids = one(module.network[*].security_group_ids) } : null

  vpc_rights_retained = true
}
