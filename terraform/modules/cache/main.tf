locals {
  engine_version = coalesce(var.engine_version, local.engine_version_defaults[var.engine])
  engine_major   = split(".", local.engine_version)[0]

  engine_version_defaults = { valkey = "8.1", redis = "7.1" }

  # One parameter family per major version, except for Redis 6.
  parameter_family = "${var.engine}${local.engine_major}${var.engine == "redis" && local.engine_major == "6" ? ".x" : ""}"

  iam_used = var.authentication == "iam"
}

################################################################################
# Replication group
################################################################################

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV2_AWS_50:Failover over several Availability Zones is on wherever there is a replica, which is the default.
  replication_group_id = var.name
  description          = var.description

  engine                     = var.engine
  engine_version             = local.engine_version
  node_type                  = var.node_type
  num_cache_clusters         = 1 + var.replicas
  automatic_failover_enabled = coalesce(var.automatic_failover_enabled, var.replicas > 0)
  multi_az_enabled           = coalesce(var.multi_az_enabled, var.replicas > 0)
  parameter_group_name       = aws_elasticache_parameter_group.this.name

  port               = var.port
  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.cache.id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn

  user_group_ids             = local.iam_used ? [aws_elasticache_user_group.this[0].user_group_id] : null
  auth_token                 = local.iam_used ? null : var.auth_token
  auth_token_update_strategy = local.iam_used ? null : var.auth_token_update_strategy

  snapshot_retention_limit = var.snapshot_retention_days
  snapshot_window          = var.snapshot_window
  maintenance_window       = var.maintenance_window
  apply_immediately        = var.apply_immediately
  tags                     = var.tags

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.slow[*].name

    content {
      log_type         = "slow-log"
      log_format       = "json"
      destination_type = "cloudwatch-logs"
      destination      = log_delivery_configuration.value
    }
  }
}

################################################################################
# Parameters
################################################################################

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-${replace(local.parameter_family, ".", "-")}"
  description = "Parameters of ${var.name}"
  family      = local.parameter_family
  tags        = var.tags

  # A full cache refuses new entries with an error. ElastiCache's default, volatile-lru, would drop keys with an expiry
  # without a word: an index would lose members and look whole.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  # A new major version takes a new family, and the group before it is in use until then.
  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# Logs
################################################################################

# Log groups under this name share one resource policy; others add to one that stops at ten a Region.
resource "aws_cloudwatch_log_group" "slow" {
  count = var.slow_log_enabled ? 1 : 0

  name              = "/aws/vendedlogs/elasticache/${var.name}/slow"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}
