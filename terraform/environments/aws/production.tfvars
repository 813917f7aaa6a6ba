# What sets production apart: nothing can be deleted by mistake, and there is capacity for everybody.
environment = "production"

log_level                   = "INFO"
log_retention_days          = 90
deletion_protection_enabled = true

# Of the account's 10,000 requests a second, most stay free for pushes. AWS accepts at most 500 new connections a
# second, and refuses more less gracefully than a throttled route does.
default_throttling = { rate_limit = 1000, burst_limit = 500 }
route_throttling = {
  "$connect" = { rate_limit = 400, burst_limit = 200 }
  ping       = { rate_limit = 2000, burst_limit = 1000 }
}

# A flood of messages must not keep people from connecting, nor pushes from going out. A new account has 10 concurrent
# executions and can reserve none: have its limit raised, and say here what `aws lambda get-account-settings` shows.
account_concurrency = 1000
reserved_concurrency = {
  authorizer         = 50
  connection_handler = 50
  delivery           = 4
}

# Each instance may post a quarter of the budget, which leaves a fifth of the account's requests to others.
maximum_concurrency     = { delivery = 4 }
posts_per_second_budget = 8000

# A replica in another Availability Zone takes over within seconds; meanwhile broadcasts read from DynamoDB. Changes
# and snapshots happen when the fewest people are connected.
redis_node_type          = "cache.t4g.small"
redis_snapshot_window    = "03:00-04:00"
redis_maintenance_window = "sun:04:30-sun:05:30"
redis_slow_log_enabled   = true

# A second Region for the same people: each names the other's bus (docs/operations.md, "Several Regions").
# receive_forwarded_events = true
# forward_events_to        = { eu-central-1 = "arn:aws:events:eu-central-1:ACCOUNT:event-bus/deals-production-forwarded" }
