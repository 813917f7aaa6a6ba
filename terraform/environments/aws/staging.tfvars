# What sets staging apart: small, everything is logged, and what it holds can be thrown away.
environment = "staging"

log_level                   = "DEBUG"
log_retention_days          = 14
deletion_protection_enabled = false

# Enough to try things on, without taking the account's 10,000 requests a second from anybody.
default_throttling = { rate_limit = 100, burst_limit = 50 }

# One node: what is lost with it is rebuilt.
redis_replicas                = 0
redis_snapshot_retention_days = 0
