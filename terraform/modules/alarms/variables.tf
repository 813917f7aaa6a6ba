################################################################################
# What is watched
################################################################################

variable "name" {
  description = "Name of the deployment: the stem of the alarms' and the topic's names, and the `Service` dimension of its own metrics"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9._-]{1,128}$", var.name))
    error_message = "name: use 1 to 128 letters, digits, dots, hyphens and underscores, as the functions have it in SERVICE."
  }
}

variable "api" {
  description = "The WebSocket API, as the dimensions of its metrics name it: its id and stage"
  type = object({
    id         = string
    stage_name = string
  })
}

variable "publish_api" {
  description = "The publish API, an HTTP API, as the dimensions of its metrics name it: its id and stage. Null without one, and without the alarms on it"
  type = object({
    id         = string
    stage_name = string
  })
  default = null
}

variable "functions" {
  description = <<-EOT
    The functions, by a short name of your choice.

    `name`: name of the function.
    `timeout_seconds`: after how long Lambda ends it.
    `reserved_concurrency`: concurrent executions reserved for it; null for none.
    `errors_alarm_enabled`: off for a function to which raising is a way to answer, as an authorizer's 401.
    `concurrency_alarm_enabled`: off for a function that a queue keeps busy up to its limit.
    `stream_consumer`: whether it reads a stream, so that it has an iterator age.
  EOT
  type = map(object({
    name                      = string
    timeout_seconds           = number
    reserved_concurrency      = optional(number)
    errors_alarm_enabled      = optional(bool, true)
    concurrency_alarm_enabled = optional(bool, true)
    stream_consumer           = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for key in keys(var.functions) : can(regex("^[a-z][a-z0-9_]*$", key))])
    error_message = "functions: the short names become parts of alarms' names; use lower-case letters, digits and underscores."
  }
}

variable "tables" {
  description = <<-EOT
    The DynamoDB tables, by a short name of your choice.

    `name`: name of the table.
    `indexes`: names of its global secondary indexes, which are throttled by themselves.
    `operations`: operations that are called on it, at most ten: DynamoDB counts its own errors for each alone.
  EOT
  type = map(object({
    name       = string
    indexes    = optional(list(string), [])
    operations = list(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for table in values(var.tables) : length(table.operations) >= 1 && length(table.operations) <= 10])
    error_message = "tables: name 1 to 10 operations of each table; an alarm can add up no more metrics than that."
  }

  validation {
    condition     = alltrue([for table in values(var.tables) : length(table.indexes) <= 4])
    error_message = "tables: an alarm can add up ten metrics, which are two for the table and two for each of at most four indexes; leave the quiet ones out."
  }
}

variable "queues" {
  description = "The SQS queues, by a short name of your choice: the names of the queue and of its dead-letter queue"
  type = map(object({
    name     = string
    dlq_name = string
  }))
  default = {}
}

variable "cache" {
  description = "Redis: its ElastiCache nodes by their cluster ids (of a replication group: its member clusters; none where it is elsewhere). Null without Redis, and without the alarms on what the service says of it"
  type = object({
    cluster_ids = set(string)
  })
  default = null
}

################################################################################
# Thresholds
################################################################################

variable "thresholds" {
  description = <<-EOT
    When each alarm fires, by its key. All mean "more than".

    `connections`: 90,000; a push to so many takes nine seconds of the account's 10,000 requests a second.
    `error_rate_percent`: 1; of what clients ask, answered with an error that is a fault of ours.
    `refusal_rate_percent`: 25; of what clients ask, refused for whatever reason: a bad release of a client, or an attack.
    `rate_actions_min`: 50; with fewer actions in a period the two rates say nothing, and do not fire.
    `reply_latency_p99_ms`: 2000; a person notices one second, a cold start takes less than another.
    `push_latency_p99_ms`: 15000; 100,000 recipients take at least 9.5 s, whatever the code.
    `post_throttles`: 3000 in five minutes, ten a second; a few are how the pacer finds the account's limit.
    `deliveries_failed`: 0 in five minutes; nothing is given up in good times.
    `token_failures`: 500 in five minutes; clients with old tokens make some all the time, a broken rotation makes many.
    `authorizer_faults`: 0 in five minutes; each was a person who could not connect.
    `limiter_failures`: 10 in five minutes; while they last, nobody is limited.
    `upkeep_lag_seconds`: 300; runs come each minute, so the janitor has not kept up for four of them.
    `upkeep_failures`: 0 in a minute, for three of five; the next run catches up on one.
    `janitor_silent_minutes`: 5; so long without a run, and expired connections stay open.
    `api_integration_errors`: 5 in five minutes; a client's mistake is answered 200, so each is a fault of ours.
    `api_execution_errors`: 5 in five minutes; API Gateway could not call a function.
    `api_client_error_percent`: 25; of requests, refused before a function ran: throttled (429), no good token, not allowed.
    `publish_api_errors`: 5 in five minutes; publishers try again, so single ones are only late.
    `publish_api_refusal_percent`: 25; of requests at the publish API: a bad release of a publisher, an old token, or the throttle.
    `lambda_errors`: 2 in five minutes; one may be a function that was moved.
    `lambda_throttles`: 10 in five minutes; a queue's are tried again, a client's are not.
    `lambda_duration_percent`: 95; of the timeout. delivery ends by itself at about 85 % of its own, with the last answers.
    `lambda_concurrency_percent`: 80; of the reservation, and of the account's limit.
    `lambda_account_concurrency`: 1000; the account's limit in the Region (Service Quotas), which 80 % above are of.
    `dynamodb_throttles`: 10 in five minutes; the first in a burst are tried again unseen.
    `dynamodb_errors`: 5 in five minutes; single ones are tried again unseen.
    `queue_age_seconds`: 120; recipients have waited two minutes for a push.
    `dead_letters`: 0; each is an event or pushes that somebody must look at.
    `iterator_age_seconds`: 60; so far the index is behind its table.
    `redis_fallbacks`: 10 in five minutes; a failover makes a few, and while they last only speed is lost.
    `index_lag_seconds`: 30; an index that is further behind is not used.
    `index_failures`: 0 in a minute, for three of five; the next run catches up on one.
    `index_repairs`: 0 in five minutes; a difference that nothing pending explains is a fault of ours, or somebody else wrote.
    `relay_silent_minutes`: 5; so long without a run, and what is published through Redis reaches nobody.
    `relay_lag_seconds`: 60; an event that waits longer was tried again and again, or finds no room.
    `relay_dead_letters`: 0 in five minutes; each is an event that somebody must look at.
    `relay_lost`: 0 in five minutes; a channel keeps nothing, so each message is gone.
    `relay_redis_failures`: 10 in five minutes; a failover makes a few.
    `cache_cpu_percent`: 80; one thread serves all, and above that it queues.
    `cache_memory_percent`: 80; a snapshot or a failover needs the rest.
    `cache_evictions`: 0 in five minutes; nothing in it is meant to be evicted.
    `cache_replication_lag_seconds`: 5; so much is lost by a failover.
  EOT
  type = object({
    connections                   = optional(number, 90000)
    error_rate_percent            = optional(number, 1)
    refusal_rate_percent          = optional(number, 25)
    rate_actions_min              = optional(number, 50)
    reply_latency_p99_ms          = optional(number, 2000)
    push_latency_p99_ms           = optional(number, 15000)
    post_throttles                = optional(number, 3000)
    deliveries_failed             = optional(number, 0)
    token_failures                = optional(number, 500)
    authorizer_faults             = optional(number, 0)
    limiter_failures              = optional(number, 10)
    upkeep_lag_seconds            = optional(number, 300)
    upkeep_failures               = optional(number, 0)
    janitor_silent_minutes        = optional(number, 5)
    api_integration_errors        = optional(number, 5)
    api_execution_errors          = optional(number, 5)
    api_client_error_percent      = optional(number, 25)
    publish_api_errors            = optional(number, 5)
    publish_api_refusal_percent   = optional(number, 25)
    lambda_errors                 = optional(number, 2)
    lambda_throttles              = optional(number, 10)
    lambda_duration_percent       = optional(number, 95)
    lambda_concurrency_percent    = optional(number, 80)
    lambda_account_concurrency    = optional(number, 1000)
    dynamodb_throttles            = optional(number, 10)
    dynamodb_errors               = optional(number, 5)
    queue_age_seconds             = optional(number, 120)
    dead_letters                  = optional(number, 0)
    iterator_age_seconds          = optional(number, 60)
    redis_fallbacks               = optional(number, 10)
    index_lag_seconds             = optional(number, 30)
    index_failures                = optional(number, 0)
    index_repairs                 = optional(number, 0)
    relay_silent_minutes          = optional(number, 5)
    relay_lag_seconds             = optional(number, 60)
    relay_dead_letters            = optional(number, 0)
    relay_lost                    = optional(number, 0)
    relay_redis_failures          = optional(number, 10)
    cache_cpu_percent             = optional(number, 80)
    cache_memory_percent          = optional(number, 80)
    cache_evictions               = optional(number, 0)
    cache_replication_lag_seconds = optional(number, 5)
  })
  default = {}

  validation {
    condition     = alltrue([for name, value in var.thresholds : value >= 0])
    error_message = "thresholds: none can be negative: ${join(", ", [for name, value in var.thresholds : name if value < 0])}. To have no alarm, name its key in disabled."
  }

  validation {
    condition     = alltrue([for name, value in var.thresholds : value < 100 if endswith(name, "_percent")])
    error_message = "thresholds: more than 100 percent never comes: ${join(", ", [for name, value in var.thresholds : name if endswith(name, "_percent") && value >= 100])} must be below 100. To have no alarm, name its key in disabled."
  }

  validation {
    condition     = alltrue([for name, value in var.thresholds : value >= 2 && value <= 60 && floor(value) == value if endswith(name, "_silent_minutes")])
    error_message = "thresholds: ${join(", ", [for name, value in var.thresholds : name if endswith(name, "_silent_minutes") && !(value >= 2 && value <= 60 && floor(value) == value)])} must be a whole number from 2 to 60; a run may come a little late."
  }

  validation {
    condition     = var.thresholds.lambda_account_concurrency >= 10
    error_message = "thresholds: lambda_account_concurrency is the account's limit of concurrent executions; see it with: aws lambda get-account-settings"
  }
}

variable "disabled" {
  description = "Keys of the alarms to leave out, as listed in the README"
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.disabled, local.keys)) == 0
    error_message = "disabled: ${join(", ", setsubtract(var.disabled, local.keys))} is no alarm's key; there are ${join(", ", local.keys)}."
  }
}

################################################################################
# Notification
################################################################################

variable "topic" {
  description = "ARN of an existing SNS topic that is notified; null to create one here. Its policy, and that of its key, must let CloudWatch publish"
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.topic == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+$", var.topic.arn))
    error_message = "topic: arn is not the ARN of an SNS topic; take it from: aws sns list-topics"
  }
}

variable "topic_key" {
  description = "ARN of a KMS key that encrypts the topic created here, whose policy must let CloudWatch use it; null to have a key made, since the one that AWS manages for SNS does not"
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.topic_key == null || var.topic == null
    error_message = "topic_key: it encrypts the topic that is created here; an existing one has its key already, so leave topic_key out."
  }
}

variable "emails" {
  description = "Addresses subscribed to the topic created here; each has to confirm"
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.emails) == 0 || var.topic == null
    error_message = "emails: they are subscribed to the topic that is created here; subscribe them to the existing one where that is made, or leave topic out."
  }

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "emails: one is no address; write each as NAME@DOMAIN."
  }
}

variable "ok_notices" {
  description = "Which alarms also notify when they end: none, unhealthy (the composite alarm), or all. A new alarm begins without a state, and its first OK is a notice too: with all, a first apply sends some sixty"
  type        = string
  default     = "unhealthy"
  nullable    = false

  validation {
    condition     = contains(["none", "unhealthy", "all"], var.ok_notices)
    error_message = "ok_notices: use none, unhealthy or all."
  }
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
