locals {
  redis_iam_used = coalesce(var.redis_authentication, "iam") == "iam"

  # Limits are counted where the router is, and the router posts: it may be in a VPC only by way of a NAT gateway.
  redis_router = var.redis_enabled && var.limits_store == "redis"

  network_used = var.redis_enabled || var.network_retained

  # Functions that use Redis, and therefore are in the VPC.
  redis_clients = concat(["broadcast", "redis_relay", "index_projector"], local.redis_router ? ["message_router"] : [])
  vpc_functions = var.redis_enabled ? local.redis_clients : []

  vpc_config = {
    subnet_ids         = one(module.network[*].subnet_ids)
    security_group_ids = var.redis_enabled ? concat(module.network[0].security_group_ids, aws_security_group.redis_clients[*].id) : []
  }

  # Permissions in Redis by user: the deployed functions, and external publishers.
  redis_access = { for user, access in yamldecode(file("${path.module}/redis_access.yaml")) : user => access if contains(concat(local.vpc_functions, ["publisher"]), user) }
}

################################################################################
# Network
################################################################################

module "network" {
  source = "../../modules/network"
  count  = local.network_used ? 1 : 0

  name               = local.names.network
  cidr_block         = var.network_cidr_block
  availability_zones = var.network_availability_zones

  existing_vpc             = var.existing_vpc
  existing_security_groups = var.existing_security_groups
  internet_egress          = var.internet_egress

  interface_endpoints = local.interface_endpoints
  endpoint_resources  = local.endpoint_resources

  flow_logs                = var.network_flow_logs
  log_kms_key_arn          = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  tags                     = local.tags
}

locals {
  # What the functions in the VPC call. A secret is read only where there is an AUTH token. Lambda itself ships their
  # logs, from outside the VPC: an endpoint for them serves other things in it.
  interface_endpoints = coalesce(var.network_interface_endpoints, concat(["lambda"], local.redis_iam_used ? [] : ["secretsmanager"], ["sqs"]))

  endpoint_resources = {
    dynamodb       = flatten([for arn in values(module.tables.arns) : [arn, "${arn}/index/*"]])
    lambda         = [local.broadcast_alias_arn]
    logs           = ["arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:log-group:*${local.prefix}*"]
    secretsmanager = local.redis_iam_used ? [] : module.cache[*].auth_token_secret_arn
    sqs            = concat([module.fan_out.events_queue_arn, module.fan_out.events_dlq_arn, module.fan_out.deliveries_queue_arn], local.forwarding_used ? [module.fan_out.forwards_queue_arn] : [])
  }
}

# What clients of the cache carry, functions and publishers. Earlier versions of functions still do when the cache is gone,
# so it belongs to the network.
resource "aws_security_group" "redis_clients" {
  #checkov:skip=CKV2_AWS_5:The clients that carry it are other modules'.
  count = local.network_used ? 1 : 0

  name_prefix            = "${local.names.network}-cache-clients-"
  description            = "Clients of the cache ${local.names.cache}: out to it"
  vpc_id                 = module.network[0].vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(local.tags, { Name = "${local.names.network}-cache-clients" })

  # Lambda keeps its network interfaces for a while after the last version has gone.
  timeouts {
    delete = "45m"
  }

  # The functions that carry it change first, and then it goes: Terraform would otherwise try to delete it before.
  lifecycle {
    create_before_destroy = true
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

  engine         = var.redis_engine
  engine_version = var.redis_engine_version
  node_type      = var.redis_node_type
  port           = var.redis_port

  replicas                   = var.redis_replicas
  automatic_failover_enabled = var.redis_automatic_failover_enabled
  multi_az_enabled           = var.redis_multi_az_enabled
  snapshot_retention_days    = var.redis_snapshot_retention_days
  snapshot_window            = var.redis_snapshot_window
  maintenance_window         = var.redis_maintenance_window
  apply_immediately          = var.redis_apply_immediately

  vpc_id                       = module.network[0].vpc_id
  subnet_ids                   = module.network[0].subnet_ids
  client_security_group        = { id = aws_security_group.redis_clients[0].id }
  other_client_security_groups = var.redis_publisher_security_groups

  authentication                  = var.redis_authentication
  users                           = local.redis_iam_used ? { for user, access in local.redis_access : user => merge(access, { user_id = local.names.redis_users[user] }) } : {}
  auth_token                      = var.redis_auth_token
  auth_token_update_strategy      = var.redis_auth_token_update_strategy
  auth_token_recovery_window_days = var.jwt_secret_recovery_window_days
  kms_key_arn                     = var.kms_key_arn

  slow_log_enabled   = var.redis_slow_log_enabled
  log_retention_days = var.log_retention_days
  tags               = local.tags
}
