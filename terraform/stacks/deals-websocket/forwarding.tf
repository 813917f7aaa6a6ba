# Forwarding accepted events to other Regions: docs/adr/0026-forwarding-between-regions.md. Its function is outside the VPC
# of Redis, since no VPC endpoint serves another Region's EventBridge.
locals {
  forwarding_used = length(var.forward_events_to) > 0

  # In a fixed order, since it is part of the functions' environment.
  forward_bus_arns = [for region in sort(keys(var.forward_events_to)) : var.forward_events_to[region]]

  # Of this deployment's own bus, to tell others what it will be, and to refuse it as one of theirs.
  own_bus_arn = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:event-bus/${local.forwarded_events_bus_name}"

  forwarding_timeouts_seconds = { for function, seconds in { forwarder = 30 } : function => seconds if local.forwarding_used }

  forwards_queue = local.forwarding_used ? { name = local.names.queues.forwards, function_timeout_seconds = local.forwarding_timeouts_seconds.forwarder } : null

  forwarding_functions = {
    for function, settings in {
      forwarder = {
        description = "Puts accepted events on the event buses of other Regions"
        environment = { FORWARD_EVENTS_TO = join(",", local.forward_bus_arns) }
      }
    } : function => settings if local.forwarding_used
  }

  # Additional environment of broadcast.
  forwarding_environment = {
    for name, value in {
      FORWARD_EVENTS_TO  = join(",", local.forward_bus_arns)
      FORWARDS_QUEUE_URL = module.fan_out.forwards_queue_url
    } : name => value if local.forwarding_used
  }

  forwarding_triggers = {
    for function, trigger in {
      forwarder = {
        queue_arn                  = module.fan_out.forwards_queue_arn
        visibility_timeout_seconds = try(module.fan_out.visibility_timeouts_seconds.forwards, null)
        maximum_concurrency        = local.maximum_concurrency["forwarder"]
      }
    } : function => trigger if local.forwarding_used
  }

  queue_forwards = {
    for sid, statement in {
      QueueForwards = { actions = ["sqs:SendMessage"], resources = [module.fan_out.forwards_queue_arn] }
    } : sid => statement if local.forwarding_used
  }

  forwarding_permissions = {
    for function, permissions in {
      forwarder = { PutOnBuses = { actions = ["events:PutEvents"], resources = local.forward_bus_arns } }
    } : function => permissions if local.forwarding_used
  }

  forwarding_key_users = { for function, user in { forwarder = { services = ["sqs"], sends = false } } : function => user if local.forwarding_used }
}
