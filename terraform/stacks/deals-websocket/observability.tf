locals {
  log_retention_days = { for group in concat(keys(local.timeouts_seconds), ["access", "publish_api"]) : group => lookup(var.log_retention_days_by_group, group, var.log_retention_days) }

  # Telemetry settings of every function.
  telemetry_environment = {
    for function in keys(local.timeouts_seconds) : function => {
      LOG_LEVEL       = lookup(var.log_levels, function, var.log_level)
      LOG_SAMPLE_RATE = tostring(var.log_sample_rate)
      SERVICE         = local.prefix
    }
  }

  # Names in the alarms module's own type; an unknown name would be dropped silently.
  threshold_names = [
    "connections", "error_rate_percent", "refusal_rate_percent", "rate_actions_min", "reply_latency_p99_ms", "push_latency_p99_ms",
    "post_throttles", "deliveries_failed", "token_failures", "authorizer_faults", "limiter_failures", "upkeep_lag_seconds",
    "upkeep_failures", "janitor_silent_minutes", "api_integration_errors", "api_execution_errors", "api_client_error_percent",
    "publish_api_errors", "publish_api_refusal_percent",
    "lambda_errors", "lambda_throttles", "lambda_duration_percent", "lambda_concurrency_percent", "lambda_account_concurrency",
    "dynamodb_throttles", "dynamodb_errors", "queue_age_seconds", "dead_letters", "iterator_age_seconds",
    "redis_fallbacks", "index_lag_seconds", "index_failures", "index_repairs", "relay_silent_minutes", "relay_lag_seconds",
    "relay_dead_letters", "relay_lost", "relay_redis_failures", "cache_cpu_percent", "cache_memory_percent", "cache_evictions", "cache_replication_lag_seconds",
  ]

  # Operations used on each table: DynamoDB counts its faults per operation. permissions.tf allows them.
  table_operations = {
    connections   = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "TransactWriteItems"]
    subscriptions = concat(["Query", "ExecuteStatement", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"], var.redis_enabled ? ["Scan"] : [])
    messages      = ["GetItem", "Query", "UpdateItem", "TransactWriteItems"]
    history       = ["GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchGetItem", "BatchWriteItem", "TransactWriteItems"]
    limits        = ["UpdateItem"]
    revocations   = ["BatchGetItem", "Query"]
  }

  table_indexes = {
    connections = ["UserIdIndex", "DueIndex"]
    revocations = ["RecentIndex"]
  }

  watched_api = { id = module.websocket_api.api_id, stage_name = module.websocket_api.stage_name }

  watched_queues = {
    for queue, name in local.names.queues : queue => { name = name, dlq_name = "${name}-dlq" }
  }

  # A 401 is an exception of the authorizer; whom a queue keeps busy is meant to be, up to the limit, and two of the relay
  # run whenever one hands over.
  functions_that_raise   = ["authorizer"]
  functions_at_the_limit = concat(keys(local.sqs_triggers), ["redis_relay"])

  # ElastiCache numbers the nodes of a replication group like this; composed here, because a plan does not know the ids of
  # nodes that do not exist yet.
  cache_cluster_ids = [for node in range(try(module.cache[0].node_count, 0)) : format("%s-%03d", local.names.cache, node + 1)]
  watched_cache     = var.redis_enabled ? { cluster_ids = local.cache_cluster_ids } : null
}

locals {
  # A dashboard shows 100 at most: first those of which there is one, then those of each function, table and queue.
  alarm_arns = flatten([
    for of_several in [false, true] : [for alarms in module.alarms : [for id, arn in alarms.arns : arn if strcontains(id, "/") == of_several]]
  ])
}

################################################################################
# Alarms
################################################################################

module "alarms" {
  source = "../../modules/alarms"
  count  = var.alarms_enabled ? 1 : 0

  name = local.prefix
  api  = local.watched_api

  publish_api = local.watched_publish_api

  functions = {
    for function, instance in module.function : function => {
      name                      = instance.name
      timeout_seconds           = local.timeouts_seconds[function]
      reserved_concurrency      = local.reserved_concurrency[function]
      errors_alarm_enabled      = !contains(local.functions_that_raise, function)
      concurrency_alarm_enabled = !contains(local.functions_at_the_limit, function)
      stream_consumer           = contains(keys(local.stream_triggers), function)
    }
  }

  tables = {
    for table, name in module.tables.names : table => {
      name       = name
      indexes    = lookup(local.table_indexes, table, [])
      operations = local.table_operations[table]
    }
  }

  queues = local.watched_queues
  cache  = local.watched_cache

  thresholds = merge({ lambda_account_concurrency = var.account_concurrency }, var.alarm_thresholds)
  # A disabled janitor is silent on purpose.
  disabled = setunion(var.alarms_disabled, var.upkeep_enabled ? [] : ["janitor_silent"])

  topic      = var.alarm_topic
  topic_key  = var.alarm_topic_key
  emails     = var.alarm_emails
  ok_notices = var.alarm_ok_notices
  tags       = local.tags
}

################################################################################
# Dashboard
################################################################################

module "dashboard" {
  source = "../../modules/dashboard"

  name = local.prefix
  api  = local.watched_api

  functions = {
    for function, instance in module.function : function => {
      name           = instance.name
      memory_mb      = local.memory_mb[function]
      log_group_name = instance.log_group_name
    }
  }

  publish_api           = local.watched_publish_api
  tables                = module.tables.names
  queues                = local.watched_queues
  cache                 = local.watched_cache
  access_log_group_name = module.websocket_api.access_log_group_name
  alarm_arns            = slice(local.alarm_arns, 0, min(100, length(local.alarm_arns)))

  dashboard_enabled     = var.dashboard_enabled
  saved_queries_enabled = var.saved_queries_enabled
}
