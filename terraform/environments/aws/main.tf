provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment = var.environment

  packages_manifest       = var.packages_manifest
  function_versions       = var.function_versions
  package_bucket          = var.package_bucket
  package_prefix          = var.package_prefix
  package_object_versions = var.package_object_versions

  jwt                = { algorithms = var.jwt_algorithms, jwks_url = var.jwt_jwks_url, issuer = var.jwt_issuer, audience = var.jwt_audience, scope = var.jwt_scope, claims = var.jwt_claims }
  jwt_secret         = var.jwt_secret
  jwt_secret_version = var.jwt_secret_version
  jwt_secret_arn     = var.jwt_secret_arn

  log_level                   = var.log_level
  log_retention_days          = var.log_retention_days
  execution_logging_level     = "ERROR"
  detailed_metrics_enabled    = true
  deletion_protection_enabled = var.deletion_protection_enabled

  throttling              = var.throttling
  reserved_concurrency    = var.reserved_concurrency
  maximum_concurrency     = var.maximum_concurrency
  posts_per_second_budget = var.posts_per_second_budget

  alarms = { notification = { topic_arn = var.alarm_topic_arn, emails = var.alarm_emails } }

  forward_events_to        = var.forward_events_to
  receive_forwarded_events = var.receive_forwarded_events

  redis_enabled = var.redis_enabled
  redis         = var.redis_enabled ? merge(var.redis, { publisher_security_group_ids = var.redis_publisher_security_group_ids }) : null
  network       = var.network

  kms_key_arn                 = var.kms_key_arn
  manage_account_logging_role = var.manage_account_logging_role
}
