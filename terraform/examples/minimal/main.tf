provider "aws" {}

variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

# Ephemeral, or a saved plan would hold the secret: Terraform keeps the values of ordinary variables in it.
variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true
}

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment       = "minimal"
  packages_manifest = var.packages_manifest
  jwt_secret        = var.jwt_secret

  # For trying out; everything can be deleted.
  deletion_protection_enabled     = false
  jwt_secret_recovery_window_days = 0
}

output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = module.deals_websocket.websocket_url
}

output "broadcast_arn" {
  description = "ARN of what publishers invoke: the version in service of the function `broadcast`"
  value       = module.deals_websocket.function_arns.broadcast
}
