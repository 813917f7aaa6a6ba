locals {
  # Composed of names, because one function's environment names another. They invoke the version in service.
  broadcast_alias_arn = "arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:function:${local.names.functions["broadcast"]}:live"

  direct_audience_max = contains(local.vpc_functions, "broadcast") ? 0 : var.direct_audience_max

  # The relay listens for as long as an invocation may last; a rebuild of the index may take as long.
  redis_timeouts_seconds = { for function, seconds in { redis_relay = 900, index_projector = 900 } : function => seconds if var.redis_enabled }

  redis_functions = {
    for function, settings in {
      redis_relay = {
        description = "From Redis channels and streams to broadcast"
        environment = {
          BROADCAST_FUNCTION  = local.broadcast_alias_arn
          RELAY_PARALLEL      = tostring(var.relay_parallel)
          STREAM_KEEP_SECONDS = tostring(var.relay_stream_keep_seconds)
        }
      }

      index_projector = {
        description = "Keeps the Redis index equal to the table"
        environment = {
          SUBSCRIPTIONS_TABLE = module.tables.names.subscriptions
          HISTORY_TABLE       = module.tables.names.history
        }
      }
    } : function => merge(settings, { environment = merge(settings.environment, local.redis_settings[function]) }) if var.redis_enabled
  }

  # A server on the local cloud's machine may not support TLS.
  redis_url = try(coalesce(var.local_endpoints.redis_url), one(module.cache[*].url))

  # How each function reaches Redis: as a user of its own, or by the token that all share.
  redis_settings = {
    for function in local.redis_clients : function => merge(
      { REDIS_URL = local.redis_url },
      local.redis_iam_used ? {
        REDIS_USERNAME  = try(module.cache[0].users[function], null)
        REDIS_IAM_CACHE = one(module.cache[*].replication_group_id)
        } : {
        REDIS_SECRET_ARN = one(module.cache[*].auth_token_secret_arn)
      },
    )
  }

  # Additional environment of the functions that exist without Redis too.
  redis_environments = {
    broadcast = { for name, value in local.redis_settings.broadcast : name => value if var.redis_enabled }

    message_router = merge(
      { for name, value in { INDEX_ENABLED = "true" } : name => value if var.redis_enabled },
      { for name, value in merge({ LIMITS_STORE = "redis" }, try(local.redis_settings.message_router, {})) : name => value if local.redis_router },
    )
  }

  ##############################################################################
  # What invokes them
  ##############################################################################

  redis_schedules = {
    for function, schedule in {
      redis_relay     = { expression = "rate(1 minute)", enabled = true, inputs = null }
      index_projector = { expression = "rate(1 minute)", enabled = true, inputs = [jsonencode({ task = "tend" })] }
    } : function => schedule if var.redis_enabled
  }

  stream_triggers = {
    for function, trigger in {
      index_projector = {
        stream_arn              = module.tables.subscriptions_stream_arn
        batch_size              = var.index_stream_batch_size
        batching_window_seconds = var.index_stream_batching_window_seconds
        parallelization_factor  = var.index_stream_parallelization_factor
        on_failure_queue_arn    = null
      }
    } : function => trigger if var.redis_enabled
  }

  ##############################################################################
  # What they may do
  ##############################################################################

  # A user of its own for each, so that a role gets no further in Redis than its function does.
  redis_connect = {
    for function in local.redis_clients : function => {
      for sid, statement in {
        ConnectToRedis = { actions = ["elasticache:Connect"], resources = try(module.cache[0].connect_resources[function], []) }
        ReadRedisToken = { actions = ["secretsmanager:GetSecretValue"], resources = module.cache[*].auth_token_secret_arn }
      } : sid => statement if var.redis_enabled && sid == (local.redis_iam_used ? "ConnectToRedis" : "ReadRedisToken")
    }
  }

  redis_permissions = {
    broadcast      = local.redis_connect.broadcast
    message_router = try(local.redis_connect.message_router, {})

    redis_relay = merge(local.redis_connect.redis_relay, {
      InvokeBroadcast = { actions = ["lambda:InvokeFunction"], resources = [local.broadcast_alias_arn] }
    })

    index_projector = merge(local.redis_connect.index_projector, {
      ReadSubscriptions = {
        actions   = ["dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"]
        resources = [local.tables.subscriptions]
      }
      ForgetPending = { actions = ["dynamodb:DeleteItem"], resources = [local.tables.subscriptions] }
      RecordHealth  = { actions = ["dynamodb:UpdateItem"], resources = [local.tables.history] }
    })
  }

  redis_secret_services = var.redis_enabled && !local.redis_iam_used ? ["secretsmanager"] : []

  redis_key_users = {
    for function, user in {
      redis_relay     = { services = local.redis_secret_services, sends = false }
      index_projector = { services = concat(["dynamodb"], local.redis_secret_services), sends = false }
    } : function => user if var.redis_enabled
  }
}
