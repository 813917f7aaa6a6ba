provider "aws" {}

variable "packages_manifest" {
  description = "Path of the manifest.json of the release's packages, beside their zips"
  type        = string
  default     = "dist/manifest.json"
}

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true # so that neither plan nor state holds it
}

# Two slashes before the folder inside the repository. The stack's own modules come with it, from the same tag.
module "deals_websocket" {
  #checkov:skip=CKV_TF_1:The example is about tags, which say what an upgrade brings; who trusts no tag names its commit in ref.
  source = "git::https://github.com/OWNER/REPO.git//terraform/stacks/deals-websocket?ref=v0.4.0"

  environment        = "tagged"
  packages_manifest  = var.packages_manifest
  jwt_secret         = var.jwt_secret
  access_log_enabled = false # it needs the account's logging role: manage_account_logging_role
}

output "websocket_url" {
  description = "WebSocket URL that clients connect to"
  value       = module.deals_websocket.websocket_url
}

output "lambda_versions" {
  description = "Versions in service by function, to roll back to"
  value       = module.deals_websocket.lambda_versions
}
