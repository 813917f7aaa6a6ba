################################################################################
# Stores
################################################################################

module "tables" {
  source = "../../modules/tables"

  names                          = local.names.tables
  subscriptions_stream_enabled   = var.redis_enabled
  kms_key_arn                    = var.kms_key_arn
  point_in_time_recovery_enabled = var.point_in_time_recovery_enabled
  point_in_time_recovery_days    = var.point_in_time_recovery_days
  deletion_protection_enabled    = var.deletion_protection_enabled
  throughput_maximums            = var.throughput_maximums
  provisioned_capacity           = var.provisioned_capacity
  table_classes                  = var.table_classes
  table_tags                     = var.table_tags
  messages_replicas              = var.messages_replicas
  existing_messages_table        = var.existing_messages_table
  tags                           = local.tags
}

module "fan_out" {
  source = "../../modules/fan-out"

  names            = { events = local.names.queues.events, deliveries = local.names.queues.deliveries }
  events           = { function_timeout_seconds = local.timeouts_seconds.broadcast }
  deliveries       = { function_timeout_seconds = local.timeouts_seconds.delivery }
  forwards         = local.forwards_queue
  forwarded_events = { received = var.receive_forwarded_events, bus_name = local.forwarded_events_bus_name, account_ids = var.forwarding_account_ids }
  sns_topics       = local.sns_topics
  event_bus_rules  = var.event_bus_rules
  tls_required     = var.local_endpoints == null
  kms_key_arn      = var.kms_key_arn
  tags             = local.tags
}

################################################################################
# Functions
################################################################################

module "function" {
  source   = "../../modules/function"
  for_each = local.functions

  name                 = local.names.functions[each.key]
  description          = each.value.description
  package              = local.packages[each.key]
  handler              = "${each.key}.handler.handler"
  architecture         = var.architecture
  memory_mb            = local.memory_mb[each.key]
  timeout_seconds      = local.timeouts_seconds[each.key]
  reserved_concurrency = local.reserved_concurrency[each.key]
  environment          = merge(local.telemetry_environment[each.key], each.value.environment)

  policy_statements        = merge(local.permissions[each.key], lookup(local.permissions_of_release_before, each.key, {}), local.key_permissions[each.key])
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path

  canary                    = lookup(var.canaries, each.key, null)
  alias_moved_by_codedeploy = contains(keys(var.codedeploy_configurations), each.key)
  provisioned_concurrency   = lookup(var.provisioned_concurrency, each.key, null)
  code_signing_config_arn   = var.code_signing_config_arn
  environment_kms_key_arn   = var.environment_kms_key_arn

  sqs_trigger             = lookup(local.sqs_triggers, each.key, null)
  further_queues          = lookup(local.further_queues, each.key, {})
  dynamodb_stream_trigger = lookup(local.stream_triggers, each.key, null)
  async_invocation        = lookup(local.async_invocations, each.key, null)
  schedule                = lookup(local.schedules, each.key, null)
  vpc_config              = contains(local.vpc_functions, each.key) ? local.vpc_config : null
  vpc_rights_retained     = var.network_retained && contains(["authorizer", "broadcast", "message_router"], each.key)

  log_retention_days = local.log_retention_days[each.key]
  log_kms_key_arn    = var.kms_key_arn
  system_log_level   = var.system_log_level
  tracing_mode       = var.tracing
  tags               = local.tags
}

################################################################################
# API
################################################################################

module "websocket_api" {
  source = "../../modules/websocket-api"

  name        = local.names.api
  description = "Deals, notifications and messages, pushed (${var.environment})"
  stage_name  = var.stage_name

  custom_domain            = var.custom_domain
  custom_domain_path       = var.custom_domain_path
  custom_domain_zone       = var.custom_domain_zone
  default_endpoint_enabled = var.default_endpoint_enabled

  authorizer = module.function["authorizer"].target

  routes = {
    for key, function in local.routes : key => {
      function   = function == null ? null : module.function[function].target
      throttling = lookup(var.route_throttling, key, null)
    }
  }

  default_throttling          = var.default_throttling
  access_log_enabled          = var.access_log_enabled
  execution_logging_level     = var.execution_logging_level
  detailed_metrics_enabled    = var.detailed_metrics_enabled
  access_log_class            = var.access_log_class
  access_log_fields           = var.access_log_fields
  manage_account_logging_role = var.manage_account_logging_role
  role_path                   = var.role_path
  permissions_boundary_arn    = var.permissions_boundary_arn
  log_retention_days          = local.log_retention_days["access"]
  log_kms_key_arn             = var.kms_key_arn
  tags                        = local.tags
}
