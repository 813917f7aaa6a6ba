################################################################################
# Names
################################################################################

variable "name" {
  description = "Name of the service, the first part of every resource's name"
  type        = string
  default     = "deals"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name: use lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }
}

variable "environment" {
  description = "Name of the environment, the second part of every resource's name"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.environment))
    error_message = "environment: use lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }

  validation {
    condition     = length("${var.name}-${var.environment}-connection_handler") <= 64
    error_message = "environment: Lambda stops at 64 characters for a function's name, of which <name>-<environment> has 45; shorten one of the two."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Name, Environment and ManagedBy"
  type        = map(string)
  default     = {}
}

################################################################################
# Functions
################################################################################

variable "architecture" {
  description = "Instruction set of the functions, the one that the packages were built for: arm64 or x86_64"
  type        = string
  default     = "arm64"
}

variable "memory_mb" {
  description = "Memory in MB of each function. The CPU share grows with it: one whole vCPU at 1,769 MB"
  type = object({
    authorizer         = optional(number, 512)
    connection_handler = optional(number, 512)
    message_router     = optional(number, 512)
    broadcast          = optional(number, 1769)
    delivery           = optional(number, 1769)
    janitor            = optional(number, 1769)
    forwarder          = optional(number, 512)
    redis_relay        = optional(number, 512)
    index_projector    = optional(number, 1769)
  })
  default = {}
}

variable "reserved_concurrency" {
  description = "Concurrent executions reserved for, and the most allowed to, each function; null uses the account's pool. `redis_relay` needs two: the lease holder, and the one that takes over"
  type = object({
    authorizer         = optional(number)
    connection_handler = optional(number)
    message_router     = optional(number)
    broadcast          = optional(number)
    delivery           = optional(number)
    janitor            = optional(number)
    forwarder          = optional(number)
    redis_relay        = optional(number, 2)
    index_projector    = optional(number)
  })
  default = {}

  validation {
    condition     = try(var.reserved_concurrency.redis_relay >= 2, var.reserved_concurrency.redis_relay == null)
    error_message = "reserved_concurrency: redis_relay needs at least two, the lease holder and the one that takes over; raise it, or leave it out."
  }
}

variable "maximum_concurrency" {
  description = "Most concurrent invocations from the queues, 2 to 1000. Two of `delivery` can spend the account's whole request budget: more of them only post more slowly each"
  type = object({
    broadcast = optional(number, 10)
    delivery  = optional(number, 2)
    forwarder = optional(number, 10)
  })
  default = {}
}

variable "posts_per_second_budget" {
  description = "Posts a second that `delivery`, `broadcast` and `message_router` may make together, each instance its share: out of the account's 10,000 requests a second (2,500 in newer Regions), which all of its APIs share"
  type        = number
  default     = 10000

  validation {
    condition     = var.posts_per_second_budget == floor(var.posts_per_second_budget) && var.posts_per_second_budget <= 100000
    error_message = "posts_per_second_budget: give a whole number up to 100000."
  }

  validation {
    condition     = var.posts_per_second_budget >= coalesce(var.reserved_concurrency.delivery, var.maximum_concurrency.delivery)
    error_message = "posts_per_second_budget: each instance of delivery needs at least one post a second; raise it, or lower reserved_concurrency.delivery or maximum_concurrency.delivery."
  }

  validation {
    condition = alltrue([
      for percent_and_instances in [
        [var.direct_posts.broadcast_percent, coalesce(var.reserved_concurrency.broadcast, var.maximum_concurrency.broadcast)],
        [var.direct_posts.message_router_percent, coalesce(var.reserved_concurrency.message_router, var.direct_posts.message_router_instances)],
        [100 - var.direct_posts.message_router_percent - var.direct_posts.broadcast_percent, coalesce(var.reserved_concurrency.delivery, var.maximum_concurrency.delivery)],
      ] : var.posts_per_second_budget * percent_and_instances[0] / 100 >= percent_and_instances[1]
    ])
    error_message = "posts_per_second_budget: each instance of delivery, broadcast and message_router needs at least one post a second of its part; raise it or the part in direct_posts, or lower the function's reserved_concurrency, maximum_concurrency or direct_posts.message_router_instances."
  }
}

variable "direct_posts" {
  description = <<-EOT
    The parts of `posts_per_second_budget` that are kept for posts that do not go through `delivery`, which gets the rest.

    `broadcast_percent`: for events to small audiences (`direct_audience_max`), shared by the instances in `reserved_concurrency.broadcast`, else `maximum_concurrency.broadcast`. With Redis `broadcast` posts nothing, and its part is `delivery`'s.
    `message_router_percent`: for messages from client to client, shared by the instances in `reserved_concurrency.message_router`, else `message_router_instances`.
    `message_router_instances`: how many instances of `message_router` are expected to run at once where none are reserved.

    An instance whose share is used up queues its posts for `delivery`. What runs beyond these numbers of instances is beyond the budget: reserve concurrency for a bound that holds.
  EOT
  type = object({
    broadcast_percent        = optional(number, 10)
    message_router_percent   = optional(number, 10)
    message_router_instances = optional(number, 50)
  })
  default = {}

  validation {
    condition     = alltrue([for percent in [var.direct_posts.broadcast_percent, var.direct_posts.message_router_percent] : percent >= 1 && percent == floor(percent)]) && var.direct_posts.broadcast_percent + var.direct_posts.message_router_percent <= 90
    error_message = "direct_posts: broadcast_percent and message_router_percent are whole numbers from 1, together at most 90, since delivery needs the rest."
  }

  validation {
    condition     = var.direct_posts.message_router_instances >= 1 && var.direct_posts.message_router_instances <= 10000 && var.direct_posts.message_router_instances == floor(var.direct_posts.message_router_instances)
    error_message = "direct_posts: message_router_instances is a whole number from 1 to 10000, the instances that run at once on a busy day."
  }
}

variable "log_level" {
  description = "Least severe level that the functions log: DEBUG, INFO, WARNING or ERROR"
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level: use DEBUG, INFO, WARNING or ERROR."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds every role that is made here, where the organisation asks for one"
  type        = string
  default     = null
}

################################################################################
# Protection
################################################################################

variable "kms_key_arn" {
  description = <<-EOT
    ARN of a customer managed KMS key for the tables, queues, logs and the secret; null for AWS's own keys.

    Its policy must let CloudWatch Logs use it, and SNS and EventBridge where they are event sources.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+", var.kms_key_arn))
    error_message = "kms_key_arn: give the ARN of the key itself (…:key/…), not an alias: IAM policies do not follow aliases."
  }
}

variable "point_in_time_recovery_enabled" {
  description = "Whether the tables can be restored to any second of the last 35 days (charged by size)"
  type        = bool
  default     = true
}

variable "deletion_protection_enabled" {
  description = "Whether DynamoDB refuses to delete the tables, terraform destroy included"
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs of the functions and the API"
  type        = number
  default     = 30
}
