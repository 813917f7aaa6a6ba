locals {
  # The wire protocol: which function answers which action. $default tells a client that its action is unknown. A
  # heartbeat needs no answer, so it has no function: API Gateway takes the frame itself.
  routes = merge(
    { for key in ["$connect", "$disconnect"] : key => "connection_handler" },
    { for key in concat(local.actions, ["$default"]) : key => "message_router" },
    { keepAlive = null },
  )

  actions = [
    "ping", "subscribeToDeals", "getEvents", "unsubscribeFromDeals", "sendMessage", "getMessages", "notificationAck", "getStatus",
    "getPresence", "refreshToken",
  ]

  # A route waits 29 s at most. The two behind queues get half a minute: the message of one that was killed goes on only
  # when its visibility timeout ends, which cannot be shorter. In it, broadcast plans for a million recipients, and
  # delivery posts for all but a reserve and puts back what is left. janitor ends before its next run.
  broadcast_timeout_seconds = 30
  timeouts_seconds = merge({
    authorizer         = 10
    connection_handler = 10
    message_router     = 29
    broadcast          = local.broadcast_timeout_seconds
    delivery           = 30
    janitor            = 60
  }, local.forwarding_timeouts_seconds, local.redis_timeouts_seconds)

  # Where to post. No event carries the local cloud's address, so a variable gives it.
  management_endpoint = var.local_endpoints == null ? module.websocket_api.management_endpoint : replace(replace(var.local_endpoints.management_endpoint, "{api_id}", module.websocket_api.api_id), "{stage}", var.stage_name)
  websocket_url       = var.local_endpoints == null ? module.websocket_api.websocket_url : replace(replace(var.local_endpoints.websocket_url, "{api_id}", module.websocket_api.api_id), "{stage}", module.websocket_api.stage_name)

  # What each function may post of the budget, in percent. In a VPC broadcast posts nothing.
  broadcast_percent = contains(local.vpc_functions, "broadcast") ? 0 : var.direct_posts_broadcast_percent
  post_percents = {
    broadcast      = local.broadcast_percent
    message_router = var.direct_posts_message_router_percent
    delivery       = 100 - local.broadcast_percent - var.direct_posts_message_router_percent
  }

  # At most this many instances run, so together they keep to the budget. Without a reservation the queues' mappings are
  # the limits, and nothing but an expectation limits message_router.
  posting_instances_max = {
    broadcast      = coalesce(local.reserved_concurrency["broadcast"], sum(concat([local.maximum_concurrency["broadcast"]], values(var.event_queues)[*].maximum_concurrency)))
    message_router = coalesce(local.reserved_concurrency["message_router"], var.direct_posts_message_router_instances)
    delivery       = coalesce(local.reserved_concurrency["delivery"], local.maximum_concurrency["delivery"])
  }
  posts_per_second = { for function, percent in local.post_percents : function => max(1, floor(var.posts_per_second_budget * percent / 100 / local.posting_instances_max[function])) }

  jwt_environment = merge(
    {
      JWT_ALGORITHMS     = join(",", var.jwt_algorithms)
      JWT_LEEWAY_SECONDS = tostring(var.jwt_leeway_seconds)
    },
    local.jwt_secret_used ? { JWT_SECRET_ARN = local.jwt_secret_arn } : {},
    var.jwt_jwks_url == null ? {} : { JWT_JWKS_URL = var.jwt_jwks_url },
    var.jwt_issuer == null ? {} : { JWT_ISSUER = var.jwt_issuer },
    var.jwt_audience == null ? {} : { JWT_AUDIENCE = var.jwt_audience },
    var.jwt_scope == null ? {} : { JWT_SCOPE = var.jwt_scope },
    { for field, name in var.jwt_claims : "JWT_CLAIM_${upper(field)}" => name },
  )

  # Environment of each function; its permissions are in permissions.tf.
  functions = merge({
    authorizer = {
      description = "Who are you, and may you connect, or publish"
      environment = merge(local.jwt_environment, {
        REVOCATIONS_TABLE = module.tables.names.revocations
      }, var.publish_api_scope == null ? {} : { JWT_PUBLISH_SCOPE = var.publish_api_scope })
    }

    connection_handler = {
      description = "Comes and goes: the connection record"
      environment = {
        CONNECTIONS_TABLE         = module.tables.names.connections
        SUBSCRIPTIONS_TABLE       = module.tables.names.subscriptions
        SCHEDULE_PARTITIONS       = tostring(var.upkeep_schedule_partitions)
        MANAGEMENT_ENDPOINT       = local.management_endpoint
        MAX_CONNECTIONS_PER_USER  = tostring(var.max_connections_per_user)
        REPLACE_OLDEST_CONNECTION = tostring(var.replace_oldest_connection)
      }
    }

    message_router = {
      description = "One client action at a time"
      environment = merge(local.jwt_environment, {
        CONNECTIONS_TABLE      = module.tables.names.connections
        SUBSCRIPTIONS_TABLE    = module.tables.names.subscriptions
        MESSAGES_TABLE         = module.tables.names.messages
        HISTORY_TABLE          = module.tables.names.history
        LIMITS_TABLE           = module.tables.names.limits
        REVOCATIONS_TABLE      = module.tables.names.revocations
        MANAGEMENT_ENDPOINT    = local.management_endpoint
        DELIVERIES_QUEUE_URL   = module.fan_out.deliveries_queue_url
        POSTS_PER_SECOND       = tostring(local.posts_per_second.message_router)
        TOPIC_FILTERS_MAX      = tostring(var.topic_filters_max)
        MAX_SUBSCRIPTIONS      = tostring(var.max_subscriptions)
        LIMIT_SEND_MESSAGE     = "${local.action_limits["send_message"].per_second}/${local.action_limits["send_message"].burst}"
        LIMIT_SUBSCRIPTIONS    = "${local.action_limits["subscriptions"].per_second}/${local.action_limits["subscriptions"].burst}"
        LIMIT_GET_EVENTS       = "${local.action_limits["get_events"].per_second}/${local.action_limits["get_events"].burst}"
        LIMIT_NEW_FILTERS      = "${local.action_limits["new_filters"].per_second}/${local.action_limits["new_filters"].burst}"
        LIMIT_PRESENCE         = "${local.action_limits["presence"].per_second}/${local.action_limits["presence"].burst}"
        LIMIT_OTHERS           = "${local.action_limits["others"].per_second}/${local.action_limits["others"].burst}"
        MESSAGE_RETENTION_DAYS = tostring(var.message_retention_days)
      }, local.redis_environments.message_router)
    }

    broadcast = {
      description = "Who gets this event: match and plan"
      environment = merge({
        CONNECTIONS_TABLE      = module.tables.names.connections
        SUBSCRIPTIONS_TABLE    = module.tables.names.subscriptions
        MESSAGES_TABLE         = module.tables.names.messages
        HISTORY_TABLE          = module.tables.names.history
        MANAGEMENT_ENDPOINT    = local.management_endpoint
        DELIVERIES_QUEUE_URL   = module.fan_out.deliveries_queue_url
        EVENTS_QUEUE_URL       = module.fan_out.events_queue_url
        EVENTS_DLQ_URL         = module.fan_out.events_dlq_url
        POSTS_PER_SECOND       = tostring(local.posts_per_second.broadcast)
        DIRECT_AUDIENCE_MAX    = tostring(local.direct_audience_max)
        INDEX_BYTES_MAX        = tostring(var.filter_index_bytes_max)
        MESSAGE_RETENTION_DAYS = tostring(var.message_retention_days)
      }, local.forwarding_environment, local.redis_environments.broadcast)
    }

    delivery = {
      description = "Posts, and nothing else"
      environment = {
        CONNECTIONS_TABLE    = module.tables.names.connections
        SUBSCRIPTIONS_TABLE  = module.tables.names.subscriptions
        HISTORY_TABLE        = module.tables.names.history
        MANAGEMENT_ENDPOINT  = local.management_endpoint
        DELIVERIES_QUEUE_URL = module.fan_out.deliveries_queue_url
        DELIVERIES_DLQ_URL   = module.fan_out.deliveries_dlq_url
        POSTS_PER_SECOND     = tostring(local.posts_per_second.delivery)
      }
    }

    janitor = {
      description = "What nobody's event triggers"
      environment = {
        CONNECTIONS_TABLE      = module.tables.names.connections
        SUBSCRIPTIONS_TABLE    = module.tables.names.subscriptions
        HISTORY_TABLE          = module.tables.names.history
        REVOCATIONS_TABLE      = module.tables.names.revocations
        MANAGEMENT_ENDPOINT    = local.management_endpoint
        POSTS_PER_SECOND       = tostring(floor(var.upkeep_posts_per_second / var.upkeep_shares))
        PROBE_INTERVAL_SECONDS = tostring(var.upkeep_probe_interval_seconds)
        SCHEDULE_PARTITIONS    = tostring(var.upkeep_schedule_partitions)
      }
    }
  }, local.forwarding_functions, local.redis_functions)

  # What invokes them besides the API.
  sqs_triggers = merge({
    broadcast = {
      queue_arn                  = module.fan_out.events_queue_arn
      visibility_timeout_seconds = module.fan_out.visibility_timeouts_seconds.events
      maximum_concurrency        = local.maximum_concurrency["broadcast"]
    }

    delivery = {
      queue_arn                  = module.fan_out.deliveries_queue_arn
      visibility_timeout_seconds = module.fan_out.visibility_timeouts_seconds.deliveries
      maximum_concurrency        = local.maximum_concurrency["delivery"]
    }
  }, local.forwarding_triggers)

  further_queues = {
    broadcast = {
      for name, queue in var.event_queues : name => {
        queue_arn                  = queue.arn
        visibility_timeout_seconds = queue.visibility_timeout_seconds
        maximum_concurrency        = queue.maximum_concurrency
      }
    }
  }

  async_invocations = {
    # An event that failed twice goes on by the queue, which tries again within a minute: Lambda would wait for two.
    broadcast = { on_failure_queue_arn = module.fan_out.events_queue_arn, maximum_retry_attempts = 1 }
  }

  schedules = merge({
    janitor = {
      expression = "rate(1 minute)"
      enabled    = var.upkeep_enabled
      inputs     = var.upkeep_shares == 1 ? null : [for share in range(var.upkeep_shares) : jsonencode({ share = share, of = var.upkeep_shares })]
    }
  }, local.redis_schedules)
}
