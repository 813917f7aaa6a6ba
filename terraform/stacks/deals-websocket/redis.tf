locals {
  redis_iam_used = coalesce(try(var.redis.authentication, null), "iam") == "iam"

  # Limits are counted where the router is, and the router posts: it may be in a VPC only by way of a NAT gateway.
  redis_router = var.redis_enabled && var.limits_store == "redis"

  # Functions that use Redis, and therefore are in the VPC.
  redis_clients = concat(["broadcast", "redis_relay", "index_projector"], local.redis_router ? ["message_router"] : [])
  vpc_functions = var.redis_enabled ? local.redis_clients : []

  vpc_config = {
    subnet_ids         = one(module.network[*].subnet_ids)
    security_group_ids = var.redis_enabled ? concat(module.network[0].security_group_ids, module.cache[*].client_security_group_id) : []
  }

  # Permissions in Redis by user: the deployed functions, and external publishers.
  redis_access = { for user, access in yamldecode(file("${path.module}/redis_access.yaml")) : user => access if contains(concat(local.vpc_functions, ["publisher"]), user) }
}

################################################################################
# Network
################################################################################

module "network" {
  source = "../../modules/network"
  count  = var.redis_enabled ? 1 : 0

  name               = local.names.network
  cidr_block         = try(var.network.cidr_block, null)
  availability_zones = try(var.network.availability_zones, null)

  vpc_id             = try(var.network.vpc_id, null)
  subnet_ids         = try(var.network.subnet_ids, null)
  security_group_ids = try(var.network.security_group_ids, null)
  internet_egress    = try(var.network.internet_egress, null)

  interface_endpoints = local.interface_endpoints
  endpoint_resources  = local.endpoint_resources

  flow_logs                = try(var.network.flow_logs, null)
  log_kms_key_arn          = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  tags                     = local.tags
}

locals {
  # What the functions in the VPC call. A secret is read only where there is an AUTH token. Lambda itself ships their
  # logs, from outside the VPC: an endpoint for them serves other things in it.
  interface_endpoints = try(var.network.interface_endpoints, null) != null ? var.network.interface_endpoints : concat(["lambda"], local.redis_iam_used ? [] : ["secretsmanager"], ["sqs"])

  endpoint_resources = {
    dynamodb       = flatten([for arn in values(module.tables.arns) : [arn, "${arn}/index/*"]])
    lambda         = [local.broadcast_alias_arn]
    logs           = ["arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:log-group:*${local.prefix}*"]
    secretsmanager = local.redis_iam_used ? [] : module.cache[*].auth_token_secret_arn
    sqs            = concat([module.fan_out.events_dlq_arn, module.fan_out.deliveries_queue_arn], local.forwarding_used ? [module.fan_out.forwards_queue_arn] : [])
  }
}

################################################################################
# Cache
################################################################################

module "cache" {
  source = "../../modules/cache"
  count  = var.redis_enabled ? 1 : 0

  name        = local.names.cache
  description = "Fan-out index and message broker of ${local.prefix}"

  engine         = try(var.redis.engine, null)
  engine_version = try(var.redis.engine_version, null)
  node_type      = try(var.redis.node_type, null)
  port           = try(var.redis.port, null)

  replicas                   = try(var.redis.replicas, null)
  automatic_failover_enabled = try(var.redis.automatic_failover_enabled, null)
  multi_az_enabled           = try(var.redis.multi_az_enabled, null)
  snapshot_retention_days    = try(var.redis.snapshot_retention_days, null)
  snapshot_window            = try(var.redis.snapshot_window, null)
  maintenance_window         = try(var.redis.maintenance_window, null)
  apply_immediately          = try(var.redis.apply_immediately, null)

  vpc_id                    = module.network[0].vpc_id
  subnet_ids                = module.network[0].subnet_ids
  client_security_group_ids = try(var.redis.publisher_security_group_ids, null)

  authentication                  = try(var.redis.authentication, null)
  users                           = local.redis_iam_used ? { for user, access in local.redis_access : user => merge(access, { user_id = local.names.redis_users[user] }) } : {}
  auth_token                      = var.redis_auth_token
  auth_token_update_strategy      = try(var.redis.auth_token_update_strategy, null)
  auth_token_recovery_window_days = var.jwt_secret_recovery_window_days
  kms_key_arn                     = var.kms_key_arn

  slow_log_enabled   = try(var.redis.slow_log_enabled, null)
  log_retention_days = var.log_retention_days
  tags               = local.tags
}
