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

variable "redis" {
  description = <<-EOT
    The cache; null, or anything left out, for the defaults of the module cache.

    `engine`, `engine_version`: valkey (default) or redis, MAJOR.MINOR.
    `node_type`: cache.t4g.micro by default.
    `replicas`, `automatic_failover_enabled`, `multi_az_enabled`: one replica by default, in another Availability Zone.
    `snapshot_retention_days`, `snapshot_window`, `maintenance_window`: one daily snapshot, at times of AWS's choice.
    `apply_immediately`: whether changes take effect at once, not in the maintenance window.
    `port`: 6379 by default.
    `authentication`: iam (default) or auth_token.
    `auth_token_update_strategy`: ROTATE (default) or SET.
    `publisher_security_group_ids`: security groups of services that publish, allowed in, in addition to the clients' own.
    `slow_log_enabled`: whether slow commands are logged.
  EOT
  type = object({
    engine                       = optional(string)
    engine_version               = optional(string)
    node_type                    = optional(string)
    replicas                     = optional(number)
    automatic_failover_enabled   = optional(bool)
    multi_az_enabled             = optional(bool)
    snapshot_retention_days      = optional(number)
    snapshot_window              = optional(string)
    maintenance_window           = optional(string)
    apply_immediately            = optional(bool)
    port                         = optional(number)
    authentication               = optional(string)
    auth_token_update_strategy   = optional(string)
    publisher_security_group_ids = optional(list(string))
    slow_log_enabled             = optional(bool)
  })
  default = null

  validation {
    condition     = var.redis == null || var.redis_enabled
    error_message = "redis: Redis is off, so nothing would come of it; set redis_enabled to true, or leave it out."
  }

  validation {
    condition     = contains(["iam", "auth_token"], coalesce(try(var.redis.authentication, null), "iam"))
    error_message = "redis: authentication is iam or auth_token."
  }

  validation {
    condition     = coalesce(try(var.redis.authentication, null), "iam") != "iam" || try(var.redis.engine, null) != "redis" || !can(regex("^6\\.", try(var.redis.engine_version, "")))
    error_message = "redis: Redis has users by IAM from 7.0 on; raise engine_version, use valkey, or set authentication to auth_token."
  }

  validation {
    condition     = try(var.redis.multi_az_enabled, null) != true || try(var.redis.replicas, null) != 0
    error_message = "redis: one node is in one Availability Zone; set replicas to 1 or more, or leave multi_az_enabled out."
  }

  validation {
    condition     = try(var.redis.automatic_failover_enabled, null) != true || try(var.redis.replicas, null) != 0
    error_message = "redis: nothing can take over without a replica; set replicas to 1 or more, or leave automatic_failover_enabled out."
  }
}

variable "redis_auth_token" {
  description = "The AUTH token, 16 to 128 characters, where `redis.authentication` is auth_token; set TF_VAR_redis_auth_token. Plan and state hold it: encrypt both, or stay with iam"
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = (var.redis_auth_token != null) == (var.redis_enabled && try(var.redis.authentication, null) == "auth_token")
    error_message = "redis_auth_token: it goes with redis_enabled and redis.authentication = \"auth_token\"; set all three (make one with: openssl rand -hex 32), or leave it out."
  }
}

variable "index_stream" {
  description = <<-EOT
    How `index_projector` reads the stream of the subscriptions table.

    `batch_size`: most records of one invocation.
    `batching_window_seconds`: how long to wait for a batch to fill; the index is behind by it.
    `parallelization_factor`: batches of one shard at a time, 1 to 10.
  EOT
  type = object({
    batch_size              = optional(number, 500)
    batching_window_seconds = optional(number, 0)
    parallelization_factor  = optional(number, 2)
  })
  default = {}

  validation {
    condition     = var.index_stream.batching_window_seconds >= 0 && var.index_stream.batching_window_seconds <= 10 && floor(var.index_stream.batching_window_seconds) == var.index_stream.batching_window_seconds
    error_message = "index_stream: batching_window_seconds is a whole number from 0 to 10; an index that is further behind is not used."
  }

  validation {
    condition     = var.index_stream.batch_size >= 1 && var.index_stream.batch_size <= 10000 && floor(var.index_stream.batch_size) == var.index_stream.batch_size && contains(range(1, 11), var.index_stream.parallelization_factor)
    error_message = "index_stream: batch_size is a whole number from 1 to 10000, and parallelization_factor one from 1 to 10."
  }
}

variable "relay" {
  description = <<-EOT
    How `redis_relay` brings to `broadcast` what is published through Redis.

    `parallel`: events of channels, and as many of the stream, with `broadcast` at once; 1 to 100.
    `stream_keep_seconds`: how long entries stay in the stream that every consumer group is done with.
  EOT
  type = object({
    parallel            = optional(number, 4)
    stream_keep_seconds = optional(number, 300)
  })
  default = {}

  validation {
    condition     = contains(range(1, 101), var.relay.parallel)
    error_message = "relay: parallel is a whole number from 1 to 100."
  }

  validation {
    condition     = floor(var.relay.stream_keep_seconds) == var.relay.stream_keep_seconds && var.relay.stream_keep_seconds >= 0 && var.relay.stream_keep_seconds <= 604800
    error_message = "relay: stream_keep_seconds is a whole number from 0 to 604800, a week."
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
    condition     = var.limits_store != "redis" || try(var.network.internet_egress, null) == true
    error_message = "limits_store: message_router posts to connections, which from a VPC goes only by a NAT gateway; give network a vpc_id and subnet_ids that have one and set internet_egress to true, or use dynamodb."
  }
}

################################################################################
# Network
################################################################################

variable "network" {
  description = <<-EOT
    Where Redis and its functions are; null to create a small VPC, without a way to the internet.

    `cidr_block`, `availability_zones`: of the VPC that is made; 10.84.0.0/24 and the Region's first two by default.
    `vpc_id`, `subnet_ids`: an existing VPC, and private subnets of it in two Availability Zones or more.
    `internet_egress`: whether those subnets reach the internet by a NAT gateway.
    `security_group_ids`: existing security groups for the functions, which must let them out by HTTPS.
    `interface_endpoints`: services that the VPC that is made reaches, of lambda, logs, secretsmanager and sqs; by
    default what the functions call. An existing VPC brings its own endpoints, or a NAT gateway.
    `flow_logs`: records of the connections: `traffic_type` (REJECT by default), `retention_days` (30).
  EOT
  type = object({
    cidr_block          = optional(string)
    availability_zones  = optional(list(string))
    vpc_id              = optional(string)
    subnet_ids          = optional(list(string))
    internet_egress     = optional(bool)
    security_group_ids  = optional(list(string))
    interface_endpoints = optional(list(string))
    flow_logs           = optional(object({ traffic_type = optional(string, "REJECT"), retention_days = optional(number, 30) }))
  })
  default = null

  validation {
    condition     = var.network == null || var.redis_enabled
    error_message = "network: only what speaks to Redis is in a VPC; set redis_enabled to true, or leave it out."
  }

  validation {
    condition     = (try(var.network.vpc_id, null) == null) == (length(coalesce(try(var.network.subnet_ids, null), [])) == 0)
    error_message = "network: vpc_id and subnet_ids go together; set both, or neither to create a VPC."
  }

  validation {
    condition     = try(var.network.vpc_id, null) == null || alltrue([for of_a_made_vpc in ["cidr_block", "availability_zones", "interface_endpoints"] : try(var.network[of_a_made_vpc], null) == null])
    error_message = "network: cidr_block, availability_zones and interface_endpoints belong to a created VPC; leave them out, or leave vpc_id and subnet_ids out."
  }

  validation {
    condition     = try(var.network.vpc_id, null) != null || (try(var.network.internet_egress, null) != true && try(var.network.security_group_ids, null) == null)
    error_message = "network: internet_egress and security_group_ids belong to an existing VPC; set vpc_id and subnet_ids too, or leave them out."
  }
}
