# Sizes of the functions that the caller does not give. They depend on no variable but their own, since validations of
# others use them.
locals {
  default_memory_mb = {
    authorizer         = 512
    connection_handler = 512
    message_router     = 512
    broadcast          = 1769
    delivery           = 1769
    janitor            = 1769
    forwarder          = 512
    redis_relay        = 512
    index_projector    = 1769
  }

  all_functions = keys(local.default_memory_mb)
  memory_mb     = merge(local.default_memory_mb, var.memory_mb)

  default_maximum_concurrency = { broadcast = 10, delivery = 2, forwarder = 10 }
  maximum_concurrency         = merge(local.default_maximum_concurrency, var.maximum_concurrency)

  reserved_concurrency = merge({ for function in local.all_functions : function => null }, { redis_relay = 2 }, var.reserved_concurrency)

  # Of the functions that there are.
  reserved_concurrency_sum = sum(concat([0], [for function, number in local.reserved_concurrency : number if number != null && (var.redis_enabled || !contains(["redis_relay", "index_projector"], function))]))

  default_action_limits = {
    send_message  = { per_second = 5, burst = 20 }
    subscriptions = { per_second = 2, burst = 60 }
    get_events    = { per_second = 5, burst = 60 }
    new_filters   = { per_second = 0.01, burst = 100 }
    presence      = { per_second = 1, burst = 10 }
    others        = { per_second = 10, burst = 40 }
  }

  action_limits = merge(local.default_action_limits, var.action_limits)
}
