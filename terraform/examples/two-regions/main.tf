provider "aws" {
  region = "eu-west-1"
}

provider "aws" {
  alias  = "frankfurt"
  region = "eu-central-1"
}

variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true # so that neither plan nor state holds it
}

# One secret for both: a token that one Region accepts, the other accepts as well. Each names the other's bus, so what
# either accepts reaches subscribers of both, once. The inboxes are one table with a replica in each.

module "ireland" {
  source = "../../stacks/deals-websocket"

  environment        = "ireland"
  packages_manifest  = var.packages_manifest
  jwt_secret         = var.jwt_secret
  access_log_enabled = false

  receive_forwarded_events = true
  forward_events_to        = { frankfurt = module.frankfurt.forwarded_events_bus_arn }
  messages_replicas        = { eu-central-1 = { kms_key_arn = null } }
}

module "frankfurt" {
  source    = "../../stacks/deals-websocket"
  providers = { aws = aws.frankfurt }

  environment        = "frankfurt"
  packages_manifest  = var.packages_manifest
  jwt_secret         = var.jwt_secret
  access_log_enabled = false

  receive_forwarded_events = true
  forward_events_to        = { ireland = module.ireland.forwarded_events_bus_arn }
  existing_messages_table  = { arn = module.ireland.messages_replica_arns["eu-central-1"] }
}

output "websocket_urls" {
  description = "WebSocket URL of each Region; clients take the nearer"
  value       = { ireland = module.ireland.websocket_url, frankfurt = module.frankfurt.websocket_url }
}
