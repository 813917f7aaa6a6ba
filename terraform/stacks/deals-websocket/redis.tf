locals {
  redis_iam_used = coalesce(var.redis_authentication, "iam") == "iam"

  # Limits are counted where the router is, and the router posts: it may be in a VPC only by way of a NAT gateway.
  redis_router = var.redis_enabled && var.limits_store == "redis"

  network_used = var.redis_enabled || var.network_retained || length(var.vpc_functions) > 0

  # Functions that use Redis, and therefore are in the VPC, with those that are there for the caller's reasons.
  redis_clients = concat(["broadcast", "redis_relay", "index_projector"], local.redis_router ? ["message_router"] : [])
  vpc_functions = distinct(concat(var.redis_enabled ? local.redis_clients : [], var.vpc_functions))

  vpc_config = {
    subnet_ids         = one(module.network[*].subnet_ids)
    security_group_ids = concat(flatten(module.network[*].security_group_ids), var.redis_enabled ? aws_security_group.redis_clients[*].id : [])
  }

  # Permissions in Redis by user: the deployed functions, and external publishers.
  redis_access = { for user, access in yamldecode(file("${path.module}/redis_access.yaml")) : user => access if contains(concat(local.redis_clients, ["publisher"]), user) }
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
  called_endpoints = concat(
    var.redis_enabled ? ["lambda"] : [], local.redis_secret_read || local.jwt_secret_read ? ["secretsmanager"] : [], contains(local.vpc_functions, "broadcast") ? ["sqs"] : [],
  )
  interface_endpoints = coalesce(var.network_interface_endpoints, local.called_endpoints)

  redis_secret_read = var.redis_enabled && !local.redis_iam_used
  jwt_secret_read   = local.jwt_secret_used && length(setintersection(["authorizer", "message_router"], local.vpc_functions)) > 0

  endpoint_resources = {
    dynamodb       = flatten([for arn in values(module.tables.arns) : [arn, "${arn}/index/*"]])
    lambda         = [local.broadcast_alias_arn]
    logs           = ["arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:log-group:*${local.prefix}*"]
    secretsmanager = concat(local.redis_secret_read ? module.cache[*].auth_token_secret_arn : [], local.jwt_secret_read ? [local.jwt_secret_arn] : [])
    sqs            = concat([module.fan_out.events_queue_arn, module.fan_out.events_dlq_arn, module.fan_out.deliveries_queue_arn], local.forwarding_used ? [module.fan_out.forwards_queue_arn] : [])
  }
}

# What clients of the cache carry, functions and publishers. Earlier versions of functions still do when the cache is gone,
# so it belongs to the network, and goes with it.
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

  # The functions that carry it change first, and then it goes: Terraform would otherwise try to delete it before. The
  # first release's group keeps its name: what carries it, publishers too, need not change.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [name_prefix]
  }
}

# Since 0.3.0, where it belonged to the cache.
moved {
  from = module.cache[0].aws_security_group.clients
  to   = aws_security_group.redis_clients[0]
}

# Published versions keep the VPC, and Lambda its interfaces in it. While there are any, AWS refuses to delete subnets and
# security groups, for 45 minutes: the plan says so at once. The emulator does not filter by description.
data "aws_network_interfaces" "left_behind" {
  count = local.network_used || var.local_endpoints != null ? 0 : 1

  filter {
    name   = "description"
    values = [for function in ["authorizer", "broadcast", "index_projector", "message_router", "redis_relay"] : "AWS Lambda VPC ENI-${local.prefix}-${function}-*"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.ids) == 0
      error_message = "network_retained: ${join(", ", self.ids)} are network interfaces of functions that were in the VPC, and AWS would refuse for 45 minutes to delete it. Apply with network_retained = true, delete the versions that are still in it (docs/operations.md, \"Switch Redis off\"), and leave it out when the interfaces have gone."
    }
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
