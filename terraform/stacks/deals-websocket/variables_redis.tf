################################################################################
# Redis
################################################################################

variable "redis_enabled" {
  description = "Whether to deploy Redis (Valkey) as a message broker beside the queues and for the index of subscriptions. Without it there is no VPC, no cache and no stream"
  type        = bool
  default     = false

  validation {
    condition     = !var.redis_enabled || !strcontains("${var.name}-${var.environment}", "--")
    error_message = "redis_enabled: ElastiCache takes no two hyphens in a row, and <name>-<environment> has them; rename one of the two."
  }
}

variable "redis_engine" {
  description = "valkey or redis; null for valkey"
  type        = string
  default     = null
}

variable "redis_engine_version" {
  description = "Version MAJOR.MINOR of the engine; null for 8.1 of Valkey and 7.1 of Redis"
  type        = string
  default     = null

  validation {
    condition     = !local.redis_iam_used || var.redis_engine != "redis" || !startswith(coalesce(var.redis_engine_version, "7.1"), "6.")
    error_message = "redis_engine_version: Redis has users by IAM from 7.0 on; raise it, use valkey, or set redis_authentication to auth_token."
  }
}

variable "redis_node_type" {
  description = "Node type of the cache; null for cache.t4g.micro"
  type        = string
  default     = null
}

variable "redis_port" {
  description = "Port of the cache; null for 6379"
  type        = number
  default     = null
}

variable "redis_replicas" {
  description = "Read replicas in addition to the primary; null for one, in another Availability Zone"
  type        = number
  default     = null
}

variable "redis_automatic_failover_enabled" {
  description = "Whether a replica takes over when the primary fails; null for whenever there is a replica"
  type        = bool
  default     = null

  validation {
    condition     = var.redis_automatic_failover_enabled != true || var.redis_replicas != 0
    error_message = "redis_automatic_failover_enabled: nothing can take over without a replica; set redis_replicas to 1 or more, or leave it out."
  }
}

variable "redis_multi_az_enabled" {
  description = "Whether primary and replicas are in different Availability Zones; null for whenever there is a replica"
  type        = bool
  default     = null

  validation {
    condition     = var.redis_multi_az_enabled != true || var.redis_replicas != 0
    error_message = "redis_multi_az_enabled: one node is in one Availability Zone; set redis_replicas to 1 or more, or leave it out."
  }
}

variable "redis_snapshot_retention_days" {
  description = "Days that daily snapshots are kept, 0 for none; null for one"
  type        = number
  default     = null
}

variable "redis_snapshot_window" {
  description = "Daily hour or more of the snapshots (UTC), for example 03:00-04:00; null for AWS's choice"
  type        = string
  default     = null
}

variable "redis_maintenance_window" {
  description = "Weekly hour or more for changes and patches (UTC), for example sun:04:00-sun:05:00; null for AWS's choice"
  type        = string
  default     = null
}

variable "redis_apply_immediately" {
  description = "Whether changes of the cache take effect at once; null for in the maintenance window"
  type        = bool
  default     = null
}

variable "redis_slow_log_enabled" {
  description = "Whether commands that take longer than 10 ms are logged (charged by size); null for no"
  type        = bool
  default     = null
}

variable "redis_authentication" {
  description = "iam: a user of its own for each function, and no secret. auth_token: one token for all, which the state holds. Null for iam"
  type        = string
  default     = null

  validation {
    condition     = contains(["iam", "auth_token"], coalesce(var.redis_authentication, "iam"))
    error_message = "redis_authentication: use iam or auth_token."
  }
}

variable "redis_auth_token_update_strategy" {
  description = "What a new `redis_auth_token` does: ROTATE also accepts the previous one, SET no longer does; null for ROTATE"
  type        = string
  default     = null
}

variable "redis_publisher_security_groups" {
  description = "Ids of security groups of services that publish, which are let in beside the clients' own, by a name of your choice"
  type        = map(string)
  default     = {}
}

variable "redis_auth_token" {
  description = "The AUTH token, 16 to 128 characters, where `redis_authentication` is auth_token; set TF_VAR_redis_auth_token. Plan and state hold it: encrypt both, or stay with iam"
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = (var.redis_auth_token != null) == (var.redis_enabled && var.redis_authentication == "auth_token")
    error_message = "redis_auth_token: it goes with redis_enabled and redis_authentication = \"auth_token\"; set all three (make one with: openssl rand -hex 32), or leave it out."
  }
}

variable "index_stream_batch_size" {
  description = "Most records of the stream of the subscriptions table that one invocation of `index_projector` gets"
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.index_stream_batch_size >= 1 && var.index_stream_batch_size <= 10000 && floor(var.index_stream_batch_size) == var.index_stream_batch_size
    error_message = "index_stream_batch_size: Lambda takes a whole number from 1 to 10000."
  }
}

variable "index_stream_batching_window_seconds" {
  description = "How long that stream waits for a batch to fill; the index is behind by it"
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.index_stream_batching_window_seconds >= 0 && var.index_stream_batching_window_seconds <= 10 && floor(var.index_stream_batching_window_seconds) == var.index_stream_batching_window_seconds
    error_message = "index_stream_batching_window_seconds: use a whole number from 0 to 10; an index that is further behind is not used."
  }
}

variable "index_stream_parallelization_factor" {
  description = "Batches of one shard of that stream at a time, 1 to 10"
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains(range(1, 11), var.index_stream_parallelization_factor)
    error_message = "index_stream_parallelization_factor: Lambda takes a whole number from 1 to 10."
  }
}

variable "relay_parallel" {
  description = "Events of channels, and as many of the stream, that `redis_relay` has with `broadcast` at once; 1 to 100"
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = contains(range(1, 101), var.relay_parallel)
    error_message = "relay_parallel: use a whole number from 1 to 100."
  }
}

variable "relay_stream_keep_seconds" {
  description = "How long entries stay in the stream that every consumer group is done with"
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = floor(var.relay_stream_keep_seconds) == var.relay_stream_keep_seconds && var.relay_stream_keep_seconds >= 0 && var.relay_stream_keep_seconds <= 604800
    error_message = "relay_stream_keep_seconds: use a whole number from 0 to 604800, a week."
  }
}

variable "limits_store" {
  description = "Where actions are counted: dynamodb, or redis where `message_router` reaches it from a VPC with a NAT gateway"
  type        = string
  default     = "dynamodb"

  validation {
    condition     = contains(["dynamodb", "redis"], var.limits_store)
    error_message = "limits_store: use dynamodb or redis."
  }

  validation {
    condition     = var.limits_store != "redis" || var.redis_enabled
    error_message = "limits_store: there is no Redis to count in; set redis_enabled to true, or use dynamodb."
  }

  validation {
    condition     = var.limits_store != "redis" || var.internet_egress
    error_message = "limits_store: message_router posts to connections, which from a VPC goes only by a NAT gateway; name an existing_vpc that has one and set internet_egress to true, or use dynamodb."
  }
}
