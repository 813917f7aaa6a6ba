locals {
  prefix = "${var.name}-${var.environment}"

  # Every name of an AWS resource, <name>-<environment>-<what>, is made here and nowhere else.
  names = {
    api       = local.prefix
    secret    = "${local.prefix}-jwt-signing-keys" # Secrets Manager advises against a hyphen and six characters at the end
    functions = { for function in keys(local.timeouts_seconds) : function => "${local.prefix}-${function}" }
    tables    = { for table in ["connections", "subscriptions", "messages", "history", "limits", "revocations"] : table => "${local.prefix}-${table}" }
    queues    = { for queue in ["events", "deliveries"] : queue => "${local.prefix}-${queue}" }
  }

  tags = merge({ Name = local.prefix, Environment = var.environment, ManagedBy = "terraform" }, var.tags)
}
