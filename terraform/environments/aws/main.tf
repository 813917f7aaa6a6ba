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

  jwt_algorithms      = var.jwt_algorithms
  jwt_jwks_url        = var.jwt_jwks_url
  jwt_issuer          = var.jwt_issuer
  jwt_audience        = var.jwt_audience
  jwt_scope           = var.jwt_scope
  jwt_claims          = var.jwt_claims
  jwt_secret          = var.jwt_secret
  jwt_secret_version  = var.jwt_secret_version
  existing_jwt_secret = var.existing_jwt_secret

  log_level                   = var.log_level
  log_retention_days          = var.log_retention_days
  access_log_enabled          = true
  execution_logging_level     = "ERROR"
  detailed_metrics_enabled    = true
  deletion_protection_enabled = var.deletion_protection_enabled

  default_throttling      = var.default_throttling
  route_throttling        = var.route_throttling
  account_concurrency     = var.account_concurrency
  reserved_concurrency    = var.reserved_concurrency
  maximum_concurrency     = var.maximum_concurrency
  posts_per_second_budget = var.posts_per_second_budget

  publish_api_enabled       = var.publish_api_enabled
  publish_api_authorization = var.publish_api_authorization
  publish_api_scope         = var.publish_api_scope
  publish_api_throttling    = var.publish_api_throttling

  alarm_topic  = var.alarm_topic
  alarm_emails = var.alarm_emails

  forward_events_to        = var.forward_events_to
  receive_forwarded_events = var.receive_forwarded_events
  forwarding_account_ids   = var.forwarding_account_ids

  redis_enabled                   = var.redis_enabled
  redis_node_type                 = var.redis_node_type
  redis_replicas                  = var.redis_replicas
  redis_snapshot_retention_days   = var.redis_snapshot_retention_days
  redis_snapshot_window           = var.redis_snapshot_window
  redis_maintenance_window        = var.redis_maintenance_window
  redis_slow_log_enabled          = var.redis_slow_log_enabled
  redis_publisher_security_groups = var.redis_publisher_security_groups

  existing_vpc             = var.existing_vpc
  existing_security_groups = var.existing_security_groups
  internet_egress          = var.internet_egress

  kms_key_arn                 = var.kms_key_arn
  manage_account_logging_role = var.manage_account_logging_role
}
