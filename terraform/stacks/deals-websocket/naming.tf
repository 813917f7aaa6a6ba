locals {
  prefix = "${var.name}-${var.environment}"

  # Every name of an AWS resource, <name>-<environment>-<what>, is composed here and nowhere else.
  names = {
    api         = local.prefix
    publish_api = "${local.prefix}-publish"
    secret      = "${local.prefix}-jwt-signing-keys" # Secrets Manager advises against a hyphen and six characters at the end
    functions   = { for function in keys(local.timeouts_seconds) : function => "${local.prefix}-${function}" }
    tables      = { for table in ["connections", "subscriptions", "messages", "history", "limits", "revocations"] : table => "${local.prefix}-${table}" }
    queues      = { for queue in concat(["events", "deliveries"], local.forwarding_used ? ["forwards"] : []) : queue => "${local.prefix}-${queue}" }

    # ElastiCache stops at 40 characters, and the network's and the users' names are as long as this and what follows.
    cache       = local.short_prefix
    network     = local.short_prefix
    redis_users = { for user in keys(local.redis_access) : user => "${local.short_prefix}-${replace(user, "_", "-")}" }
  }

  # Apart from the others, since a validation of variables on which those depend needs it.
  forwarded_events_bus_name = "${local.prefix}-forwarded"

  # Room for the longest user, index-projector and its hyphen, within 40; a hash distinguishes names that were cut off.
  short_prefix = length(local.prefix) <= 24 ? local.prefix : "${trimsuffix(substr(local.prefix, 0, 18), "-")}-${substr(sha256(local.prefix), 0, 5)}"

  tags = merge({ Name = local.prefix, Environment = var.environment, ManagedBy = "terraform" }, var.tags)
}
