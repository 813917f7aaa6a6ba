provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}

module "deals_websocket" {
  source = "../../stacks/deals-websocket"

  environment = "production"

  packages_manifest = var.packages_manifest
  package_bucket    = var.package_bucket
  package_prefix    = var.package_prefix

  jwt                = { algorithms = var.jwt_algorithms, jwks_url = var.jwt_jwks_url, issuer = var.jwt_issuer, audience = var.jwt_audience }
  jwt_secret         = var.jwt_secret
  jwt_secret_version = var.jwt_secret_version
  jwt_secret_arn     = var.jwt_secret_arn

  log_level                = "INFO"
  log_retention_days       = 90
  execution_logging_level  = "ERROR"
  detailed_metrics_enabled = true

  # Of the account's 10,000 requests a second, the larger part stays for pushes. AWS takes 500 new connections a
  # second at most: more than that would be refused by it anyway, with less grace.
  throttling = {
    default = { rate_limit = 1000, burst_limit = 500 }
    routes = {
      "$connect" = { rate_limit = 400, burst_limit = 200 }
      ping       = { rate_limit = 2000, burst_limit = 1000 }
    }
  }

  # A flood of messages must not keep people from connecting, nor the pushes from going out.
  reserved_concurrency = {
    authorizer         = 50
    connection_handler = 50
    delivery           = 4
  }

  # Each may post a quarter of the budget, of which the account's other requests keep a fifth.
  maximum_concurrency     = { delivery = 4 }
  posts_per_second_budget = 8000

  # A replica in another Availability Zone takes over within seconds; meanwhile broadcasts read from DynamoDB. Changes
  # and snapshots come when the fewest people are there.
  redis_enabled = var.redis_enabled
  redis = var.redis_enabled ? {
    node_type                    = "cache.t4g.small"
    snapshot_window              = "03:00-04:00"
    maintenance_window           = "sun:04:30-sun:05:30"
    slow_log_enabled             = true
    publisher_security_group_ids = var.redis_publisher_security_group_ids
  } : null
  network = var.network

  alarms = { notification = { topic_arn = var.alarm_topic_arn, emails = var.alarm_emails } }

  kms_key_arn                 = var.kms_key_arn
  manage_account_logging_role = var.manage_account_logging_role
}
