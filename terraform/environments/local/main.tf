# Endpoint, credentials and Region come from the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY and AWS_REGION.
provider "aws" {
  # The local cloud's account: with AWS_ENDPOINT_URL forgotten, a real account is refused instead of changed.
  allowed_account_ids = ["000000000000"]

  skip_metadata_api_check = true
}

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment       = "local"
  packages_manifest = var.packages_manifest
  function_versions = var.function_versions
  package_bucket    = var.package_bucket
  architecture      = var.architecture

  jwt_algorithms     = var.jwt_algorithms
  jwt_jwks_url       = var.jwt_jwks_url
  jwt_secret         = var.jwt_secret
  jwt_secret_version = var.jwt_secret_version
  log_level          = var.log_level
  # Log every request in full for developers; tests check that no secret shows up.
  log_sample_rate = 1
  # Small, so that a dozen clients are enough to exercise the queue.
  direct_audience_max = 10

  # The local cloud has an account of its own, and refuses access logs without this role, as AWS does.
  access_log_enabled          = true
  manage_account_logging_role = true

  publish_api_enabled       = true
  publish_api_authorization = "JWT"

  # Tests see each alarm end too.
  alarm_ok_notices = "all"

  # The emulator has no Logs Insights.
  saved_queries_enabled = false

  local_endpoints = {
    websocket_url       = "${replace(var.endpoint, "/^http/", "ws")}/_aws/execute-api/{api_id}/{stage}"
    management_endpoint = "${coalesce(var.functions_endpoint, var.endpoint)}/_aws/execute-api/{api_id}/{stage}"
    redis_url           = var.redis_tls_enabled ? null : "redis://127.0.0.1:${var.redis_port}"
  }

  # One server stands in for the cache; it supports only a password.
  redis_enabled                 = var.redis_enabled
  redis_port                    = var.redis_port
  redis_replicas                = 0
  redis_snapshot_retention_days = 0
  redis_authentication          = "auth_token"
  redis_auth_token              = var.redis_auth_token

  # Deleted together with the local cloud.
  deletion_protection_enabled     = false
  point_in_time_recovery_enabled  = false
  jwt_secret_recovery_window_days = 0
  log_retention_days              = 1
}
