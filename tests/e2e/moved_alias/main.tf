# A function whose alias something else moves, as CodeDeploy does, with the module of this repository.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  skip_metadata_api_check = true
}

variable "zip" {
  description = "Path of the function's zip"
  type        = string
}

variable "moved" {
  description = "Whether something else moves the alias"
  type        = bool
}

module "function" {
  source = "../../../terraform/modules/function"

  name                      = "deals-moved"
  description               = "Answers with its number"
  handler                   = "index.handler"
  package                   = { path = var.zip }
  architecture              = "x86_64"
  alias_moved_by_codedeploy = var.moved
}

output "versions" {
  description = "The version in service, and the newest"
  value       = { live = module.function.version, newest = module.function.newest_version }
}
