# Two deployments that forward to each other, as in two Regions: made together, so no ARN of a bus is known at the plan.
# The local cloud has one Region, so their environments tell them apart.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  allowed_account_ids     = ["000000000000"]
  skip_metadata_api_check = true
}

variable "port" {
  description = "Port of the local cloud on 127.0.0.1"
  type        = number
}

variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
}

variable "jwt_secret" {
  description = "The secret that signs the tokens of both"
  type        = string
  sensitive   = true
  ephemeral   = true
}

locals {
  local_endpoints = {
    websocket_url       = "ws://127.0.0.1:${var.port}/_aws/execute-api/{api_id}/{stage}"
    management_endpoint = "http://127.0.0.1:${var.port}/_aws/execute-api/{api_id}/{stage}"
    redis_url           = null
  }
}

module "east" {
  source = "../../../terraform/stacks/deals-websocket"

  environment              = "east"
  forward_events_to        = { west = module.west.forwarded_events_bus_arn }
  receive_forwarded_events = true

  packages_manifest = var.packages_manifest
  architecture      = "x86_64"
  jwt_secret        = var.jwt_secret
  local_endpoints   = local.local_endpoints

  access_log_enabled              = false
  alarms_enabled                  = false
  dashboard_enabled               = false
  saved_queries_enabled           = false
  deletion_protection_enabled     = false
  point_in_time_recovery_enabled  = false
  jwt_secret_recovery_window_days = 0
}

module "west" {
  source = "../../../terraform/stacks/deals-websocket"

  environment              = "west"
  forward_events_to        = { east = module.east.forwarded_events_bus_arn }
  receive_forwarded_events = true

  packages_manifest = var.packages_manifest
  architecture      = "x86_64"
  jwt_secret        = var.jwt_secret
  local_endpoints   = local.local_endpoints

  access_log_enabled              = false
  alarms_enabled                  = false
  dashboard_enabled               = false
  saved_queries_enabled           = false
  deletion_protection_enabled     = false
  point_in_time_recovery_enabled  = false
  jwt_secret_recovery_window_days = 0
}

output "east" {
  description = "What tests need of the one"
  value = {
    websocket_url  = module.east.websocket_url
    function_names = module.east.function_names
    function_arns  = module.east.function_arns
    queue_urls     = module.east.queue_urls
    table_names    = module.east.table_names

    operator_policies        = module.east.operator_policies
    forwarded_events_bus_arn = module.east.forwarded_events_bus_arn
  }
}

output "west" {
  description = "What tests need of the other"
  value = {
    websocket_url  = module.west.websocket_url
    function_names = module.west.function_names
    function_arns  = module.west.function_arns
    queue_urls     = module.west.queue_urls
    table_names    = module.west.table_names

    operator_policies        = module.west.operator_policies
    forwarded_events_bus_arn = module.west.forwarded_events_bus_arn
  }
}
