################################################################################
# Rules
################################################################################

variable "direct_audience_max" {
  description = "Largest audience that `broadcast` posts to itself, without the deliveries queue; 0 queues everything, and so does `redis_enabled`: nothing can be posted from a VPC"
  type        = number
  default     = 100

  validation {
    condition     = var.direct_audience_max >= 0 && var.direct_audience_max <= 1000 && floor(var.direct_audience_max) == var.direct_audience_max
    error_message = "direct_audience_max: use a whole number from 0 to 1000; larger audiences need the queue's pacing."
  }
}

variable "upkeep_enabled" {
  description = "Whether `janitor` tends the connections each minute. Without it no expired connection is closed and no lost one is found"
  type        = bool
  default     = true
  nullable    = false
}

variable "upkeep_posts_per_second" {
  description = "What `janitor` may spend of the account's requests on frames, probes and closings. What has a deadline comes first: up to 420 at a million connections whose tokens live for an hour. Probes take the rest, up to 1,400 of a million connections"
  type        = number
  default     = 3000
  nullable    = false

  validation {
    condition     = var.upkeep_posts_per_second >= 1 && var.upkeep_posts_per_second <= 10000 && floor(var.upkeep_posts_per_second) == var.upkeep_posts_per_second
    error_message = "upkeep_posts_per_second: use a whole number from 1 to 10000, the account's requests a second."
  }
}

variable "upkeep_probe_interval_seconds" {
  description = "How often `janitor` asks for all connections of which nothing was heard, 60 to 7200. A probe costs a request, and no write"
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.upkeep_probe_interval_seconds >= 60 && var.upkeep_probe_interval_seconds <= 7200 && floor(var.upkeep_probe_interval_seconds) == var.upkeep_probe_interval_seconds
    error_message = "upkeep_probe_interval_seconds: use a whole number from 60 to 7200; no connection lives longer than two hours."
  }
}

variable "upkeep_shares" {
  description = "Invocations of `janitor` a minute, which share the work and `upkeep_posts_per_second`, 1 to 20. One holds a million connections, with probes each eleven minutes; use two from there on, as many as `upkeep_schedule_partitions` at most (docs/performance.md)"
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.upkeep_shares >= 1 && var.upkeep_shares <= 20 && floor(var.upkeep_shares) == var.upkeep_shares && var.upkeep_shares <= var.upkeep_schedule_partitions && var.upkeep_shares <= var.upkeep_posts_per_second
    error_message = "upkeep_shares: use a whole number from 1 to 20, at most upkeep_schedule_partitions and upkeep_posts_per_second; a share without any has nothing to do."
  }
}

variable "upkeep_schedule_partitions" {
  description = "Partitions of the index by which `janitor` finds what is due, 8 to 256. Eight hold eight million connections with tokens of an hour. It can be raised at any time, but not lowered while there are connections"
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.upkeep_schedule_partitions >= 8 && var.upkeep_schedule_partitions <= 256 && floor(var.upkeep_schedule_partitions) == var.upkeep_schedule_partitions
    error_message = "upkeep_schedule_partitions: use a whole number from 8, the default, to 256."
  }
}

variable "max_subscriptions" {
  description = "Most subscriptions of one connection, at most the protocol's 50"
  type        = number
  default     = 50

  validation {
    condition     = var.max_subscriptions >= 1 && var.max_subscriptions <= 50 && floor(var.max_subscriptions) == var.max_subscriptions
    error_message = "max_subscriptions: use a whole number from 1 to 50, which is the protocol's limit."
  }
}

variable "max_connections_per_user" {
  description = "Most connections that one user may have open, and two more for hand-overs; the next is answered 429, after those that are gone were removed. Concurrent handshakes may exceed it by a few"
  type        = number
  default     = 20

  validation {
    condition     = var.max_connections_per_user >= 1 && var.max_connections_per_user <= 1000 && floor(var.max_connections_per_user) == var.max_connections_per_user
    error_message = "max_connections_per_user: use a whole number from 1 to 1000."
  }
}

variable "replace_oldest_connection" {
  description = "Whether a user who has `max_connections_per_user` and two more gets a new connection and loses the oldest, instead of being refused"
  type        = bool
  default     = false
}

variable "action_limits" {
  description = <<-EOT
    How often one user may act, over all the user's connections: `per_second` for as long as they like, `burst` at
    once; those left out as here.

    `send_message` (5, 20): sendMessage. `subscriptions` (2, 60): subscribeToDeals and unsubscribeFromDeals together; its
    burst renews the 50 subscriptions of a connection at once. `get_events` (5, 60): getEvents, the pages of a replay.
    `new_filters` (0.01, 100): subscriptions with a filter that no other of the topic has, which take memory wherever
    events are matched, for three hours. `presence` (1, 10): getPresence, for up to 50 users each. `others` (10, 40):
    all other actions together, but `ping`, which is free.
  EOT
  type = map(object({
    per_second = number
    burst      = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.action_limits), keys(local.default_action_limits))) == 0
    error_message = "action_limits: there is no limit ${join(", ", setsubtract(keys(var.action_limits), keys(local.default_action_limits)))}; there are ${join(", ", keys(local.default_action_limits))}."
  }

  validation {
    condition = alltrue([
      for limit in values(var.action_limits) : limit.per_second >= 0.001 && limit.per_second <= 1000 && floor(limit.per_second * 1000) == limit.per_second * 1000
    ])
    error_message = "action_limits: per_second is a number from 0.001 to 1000, of at most three decimals."
  }

  validation {
    condition     = alltrue([for limit in values(var.action_limits) : limit.burst >= 1 && limit.burst <= 9999 && floor(limit.burst) == limit.burst])
    error_message = "action_limits: burst is a whole number from 1 to 9999."
  }
}

variable "topic_filters_max" {
  description = "Most distinct filters of one topic; a subscription with another one is refused with SUBSCRIPTION_ERROR"
  type        = number
  default     = 10000

  validation {
    condition     = var.topic_filters_max >= 1 && var.topic_filters_max <= 100000 && floor(var.topic_filters_max) == var.topic_filters_max
    error_message = "topic_filters_max: use a whole number from 1 to 100000."
  }
}

variable "filter_index_bytes_max" {
  description = "Most bytes that a broadcast function keeps of the filters of all topics, of its memory. A topic that takes more is read for each event"
  type        = number
  default     = 268435456

  validation {
    condition     = var.filter_index_bytes_max >= 1000000 && var.filter_index_bytes_max <= 8000000000 && floor(var.filter_index_bytes_max) == var.filter_index_bytes_max
    error_message = "filter_index_bytes_max: use a whole number from 1000000 to 8000000000."
  }

  validation {
    condition     = var.filter_index_bytes_max <= (local.memory_mb["broadcast"] - 128) * 1048576
    error_message = "filter_index_bytes_max: besides it the function needs 128 MB of broadcast in memory_mb; lower it, or raise that."
  }
}

variable "message_retention_days" {
  description = "Days that messages and notifications stay in inboxes"
  type        = number
  default     = 30

  validation {
    condition     = var.message_retention_days >= 1 && var.message_retention_days <= 365 && floor(var.message_retention_days) == var.message_retention_days
    error_message = "message_retention_days: use a whole number from 1 to 365."
  }
}
