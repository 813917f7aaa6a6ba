provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment = "staging"

  packages_manifest = var.packages_manifest
  package_bucket    = var.package_bucket
  package_prefix    = var.package_prefix

  jwt                = { algorithms = var.jwt_algorithms, jwks_url = var.jwt_jwks_url, issuer = var.jwt_issuer, audience = var.jwt_audience }
  jwt_secret         = var.jwt_secret
  jwt_secret_version = var.jwt_secret_version
  jwt_secret_arn     = var.jwt_secret_arn

  # Everything is logged and kept for two weeks; what it holds can be thrown away.
  log_level                   = "DEBUG"
  log_retention_days          = 14
  execution_logging_level     = "ERROR"
  detailed_metrics_enabled    = true
  deletion_protection_enabled = false

  # Enough to try things on, without taking the account's 10,000 requests a second from anybody.
  throttling = {
    default = { rate_limit = 100, burst_limit = 50 }
  }

  # One node: what is lost with it is made again.
  redis_enabled = var.redis_enabled
  redis         = var.redis_enabled ? { replicas = 0, snapshot_retention_days = 0, publisher_security_group_ids = var.redis_publisher_security_group_ids } : null
  network       = var.network

  alarms = { notification = { topic_arn = var.alarm_topic_arn, emails = var.alarm_emails } }

  kms_key_arn                 = var.kms_key_arn
  manage_account_logging_role = var.manage_account_logging_role
}
