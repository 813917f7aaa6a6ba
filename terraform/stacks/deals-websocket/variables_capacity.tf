################################################################################
# Capacity
################################################################################

variable "memory_mb" {
  description = "Memory in MB of functions, by function; those left out have `default_memory_mb` of capacity.tf: 512, or 1,769 where there is much to compute. The CPU share grows with it: one whole vCPU at 1,769 MB"
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.memory_mb), local.all_functions)) == 0
    error_message = "memory_mb: there is no function ${join(", ", setsubtract(keys(var.memory_mb), local.all_functions))}; there are ${join(", ", local.all_functions)}."
  }

  validation {
    condition     = alltrue([for memory in values(var.memory_mb) : try(memory >= 128 && memory <= 10240 && floor(memory) == memory, false)])
    error_message = "memory_mb: Lambda takes a whole number from 128 to 10240 for ${join(", ", [for function, memory in var.memory_mb : function if !try(memory >= 128 && memory <= 10240 && floor(memory) == memory, false)])}; correct it, or leave the function out."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions reserved for, and the most allowed to, functions, by function; null, and all that are left out, use the account's pool, but `redis_relay`: it has two, the lease holder and the one that takes over"
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.reserved_concurrency), local.all_functions)) == 0
    error_message = "reserved_concurrency: there is no function ${join(", ", setsubtract(keys(var.reserved_concurrency), local.all_functions))}; there are ${join(", ", local.all_functions)}."
  }

  validation {
    condition     = alltrue([for number in values(var.reserved_concurrency) : number == null || try(number >= 1 && floor(number) == number, false)])
    error_message = "reserved_concurrency: give a whole number of at least 1; with 0 a function never runs, and null reserves nothing."
  }

  validation {
    condition     = lookup(var.reserved_concurrency, "redis_relay", 2) == null || try(lookup(var.reserved_concurrency, "redis_relay", 2) >= 2, false)
    error_message = "reserved_concurrency: redis_relay needs at least two, the lease holder and the one that takes over; raise it, or leave it out."
  }
}

variable "account_concurrency" {
  description = "Concurrent executions that the account has in the Region, for the check of reservations and the alarm `lambda_account_concurrency`. A new account has 10, and cannot reserve any: see `aws lambda get-account-settings`"
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.account_concurrency >= 10 && floor(var.account_concurrency) == var.account_concurrency
    error_message = "account_concurrency: give the account's limit, a whole number of at least 10; see it with: aws lambda get-account-settings"
  }

  validation {
    condition     = local.reserved_concurrency_sum <= max(0, var.account_concurrency - 100)
    error_message = "account_concurrency: reserved_concurrency takes ${local.reserved_concurrency_sum} in all (redis_relay's two included), and an account with ${var.account_concurrency} concurrent executions may reserve ${max(0, var.account_concurrency - 100)}, because AWS keeps 100 for functions without a reservation. See the account's with: aws lambda get-account-settings; then reserve less, or have the limit raised and name it here."
  }
}

variable "maximum_concurrency" {
  description = "Most concurrent invocations from the queues, 2 to 1000, by function: broadcast (10), delivery (2), forwarder (10). Two of `delivery` can spend the account's whole request budget: more of them only post more slowly each"
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.maximum_concurrency), keys(local.default_maximum_concurrency))) == 0
    error_message = "maximum_concurrency: no queue feeds ${join(", ", setsubtract(keys(var.maximum_concurrency), keys(local.default_maximum_concurrency)))}; there are ${join(", ", keys(local.default_maximum_concurrency))}."
  }

  validation {
    condition     = alltrue([for number in values(var.maximum_concurrency) : try(number >= 2 && number <= 1000 && floor(number) == number, false)])
    error_message = "maximum_concurrency: SQS takes a whole number from 2 to 1000; correct it, or leave the function out."
  }
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
    condition     = var.posts_per_second_budget >= coalesce(local.reserved_concurrency["delivery"], local.maximum_concurrency["delivery"])
    error_message = "posts_per_second_budget: each instance of delivery needs at least one post a second; raise it, or lower delivery in reserved_concurrency or maximum_concurrency."
  }

  validation {
    condition = alltrue([
      for function, percent in local.post_percents :
      (function == "broadcast" && contains(local.vpc_functions, function)) || var.posts_per_second_budget * percent / 100 >= local.posting_instances_max[function]
    ])
    error_message = "posts_per_second_budget: each instance of delivery, broadcast and message_router needs at least one post a second of its part; raise it or its part in percent, or lower the function's reserved_concurrency, maximum_concurrency (that of event_queues counts for broadcast) or direct_posts_message_router_instances."
  }
}

variable "direct_posts_broadcast_percent" {
  description = "Percent of `posts_per_second_budget` that `broadcast` posts to small audiences (`direct_audience_max`) itself, shared by its instances in `reserved_concurrency`, else `maximum_concurrency`; an instance whose share is used up queues its posts for `delivery`, which has the rest. With Redis `broadcast` posts nothing"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.direct_posts_broadcast_percent >= 1 && var.direct_posts_broadcast_percent == floor(var.direct_posts_broadcast_percent) && var.direct_posts_broadcast_percent + var.direct_posts_message_router_percent <= 90
    error_message = "direct_posts_broadcast_percent: use a whole number from 1, together with direct_posts_message_router_percent at most 90, since delivery needs the rest."
  }
}

variable "direct_posts_message_router_percent" {
  description = "Percent of `posts_per_second_budget` that `message_router` posts itself, for messages from client to client, shared by its instances in `reserved_concurrency`, else `direct_posts_message_router_instances`"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.direct_posts_message_router_percent >= 1 && var.direct_posts_message_router_percent == floor(var.direct_posts_message_router_percent)
    error_message = "direct_posts_message_router_percent: use a whole number from 1."
  }
}

variable "direct_posts_message_router_instances" {
  description = "How many instances of `message_router` are expected to run at once where none are reserved. What runs beyond them is beyond the budget: reserve concurrency for a bound that holds"
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.direct_posts_message_router_instances >= 1 && var.direct_posts_message_router_instances <= 10000 && var.direct_posts_message_router_instances == floor(var.direct_posts_message_router_instances)
    error_message = "direct_posts_message_router_instances: use a whole number from 1 to 10000, the instances that run at once on a busy day."
  }
}
