################################################################################
# Queues
################################################################################

variable "names" {
  description = "Names of the two queues. A dead-letter queue has its queue's name and -dlq"
  type = object({
    events     = string
    deliveries = string
  })

  validation {
    condition     = alltrue([for name in values(var.names) : can(regex("^[a-zA-Z0-9_-]{1,76}$", name))])
    error_message = "names: SQS takes 1 to 80 letters, digits, hyphens and underscores, and -dlq needs four of them; shorten or correct the name."
  }

  validation {
    condition     = var.names.events != var.names.deliveries
    error_message = "names: events and deliveries cannot share a name; give each its own."
  }
}

variable "events" {
  description = <<-EOT
    The queue of published events, which the broadcast function reads.

    `function_timeout_seconds`: timeout of the function that reads the queue.
    `batching_window_seconds`: batching window of its event source mapping.
    `visibility_timeout_seconds`: how long a received message stays hidden from others, and so how long it waits after its
    function was killed; null for the timeout, the window and 15 seconds for a cold start.
    `receive_count_max`: attempts before a message becomes a dead letter.
    `retention_seconds`: how long a message waits at most, 60 to 1209600 (14 days).
  EOT
  type = object({
    function_timeout_seconds   = number
    batching_window_seconds    = optional(number, 0)
    visibility_timeout_seconds = optional(number)
    receive_count_max          = optional(number, 40)
    retention_seconds          = optional(number, 345600)
  })

  validation {
    condition     = var.events.function_timeout_seconds >= 1 && var.events.function_timeout_seconds <= 900
    error_message = "events: function_timeout_seconds is that of a Lambda function, 1 to 900."
  }

  validation {
    condition     = var.events.batching_window_seconds >= 0 && var.events.batching_window_seconds <= 300
    error_message = "events: batching_window_seconds is that of an event source mapping, 0 to 300."
  }

  validation {
    condition     = try(var.events.visibility_timeout_seconds >= var.events.function_timeout_seconds + var.events.batching_window_seconds, true)
    error_message = "events: with a visibility_timeout_seconds below function_timeout_seconds and batching_window_seconds together, SQS delivers a message again that is still worked on, and Lambda refuses the mapping; raise it, lower those, or leave it out."
  }

  validation {
    condition     = try(var.events.visibility_timeout_seconds <= 43200 && floor(var.events.visibility_timeout_seconds) == var.events.visibility_timeout_seconds, true)
    error_message = "events: SQS takes a whole visibility_timeout_seconds of up to 43200 (twelve hours)."
  }

  validation {
    condition     = var.events.receive_count_max >= 1 && var.events.receive_count_max <= 1000
    error_message = "events: SQS takes a receive_count_max of 1 to 1000."
  }

  validation {
    condition     = var.events.retention_seconds >= 60 && var.events.retention_seconds <= 1209600
    error_message = "events: SQS takes retention_seconds of 60 to 1209600 (14 days)."
  }
}

variable "deliveries" {
  description = <<-EOT
    The queue of planned posts, which the delivery function reads.

    `function_timeout_seconds`: timeout of the function that reads the queue.
    `batching_window_seconds`: batching window of its event source mapping.
    `visibility_timeout_seconds`: how long a received message stays hidden from others, and so how long it waits after its
    function was killed; null for the timeout, the window and 15 seconds for a cold start.
    `receive_count_max`: attempts before a message becomes a dead letter.
    `retention_seconds`: how long a message waits at most, 60 to 1209600 (14 days).
  EOT
  type = object({
    function_timeout_seconds   = number
    batching_window_seconds    = optional(number, 0)
    visibility_timeout_seconds = optional(number)
    receive_count_max          = optional(number, 20)
    retention_seconds          = optional(number, 345600)
  })

  validation {
    condition     = var.deliveries.function_timeout_seconds >= 1 && var.deliveries.function_timeout_seconds <= 900
    error_message = "deliveries: function_timeout_seconds is that of a Lambda function, 1 to 900."
  }

  validation {
    condition     = var.deliveries.batching_window_seconds >= 0 && var.deliveries.batching_window_seconds <= 300
    error_message = "deliveries: batching_window_seconds is that of an event source mapping, 0 to 300."
  }

  validation {
    condition     = try(var.deliveries.visibility_timeout_seconds >= var.deliveries.function_timeout_seconds + var.deliveries.batching_window_seconds, true)
    error_message = "deliveries: with a visibility_timeout_seconds below function_timeout_seconds and batching_window_seconds together, SQS delivers a message again that is still worked on, and Lambda refuses the mapping; raise it, lower those, or leave it out."
  }

  validation {
    condition     = try(var.deliveries.visibility_timeout_seconds <= 43200 && floor(var.deliveries.visibility_timeout_seconds) == var.deliveries.visibility_timeout_seconds, true)
    error_message = "deliveries: SQS takes a whole visibility_timeout_seconds of up to 43200 (twelve hours)."
  }

  validation {
    condition     = var.deliveries.receive_count_max >= 1 && var.deliveries.receive_count_max <= 1000
    error_message = "deliveries: SQS takes a receive_count_max of 1 to 1000."
  }

  validation {
    condition     = var.deliveries.retention_seconds >= 60 && var.deliveries.retention_seconds <= 1209600
    error_message = "deliveries: SQS takes retention_seconds of 60 to 1209600 (14 days)."
  }
}

variable "forwards" {
  description = <<-EOT
    The queue of accepted events for other Regions, which the forwarder function reads; null for none. An event is tried
    for half a day before it becomes a dead letter.

    `name`: name of the queue.
    `function_timeout_seconds`: timeout of the function that reads the queue.
  EOT
  type = object({
    name                     = string
    function_timeout_seconds = number
  })
  default = null

  validation {
    condition     = var.forwards == null || can(regex("^[a-zA-Z0-9_-]{1,76}$", var.forwards.name))
    error_message = "forwards: SQS takes a name of 1 to 80 letters, digits, hyphens and underscores, and -dlq needs four of them; shorten or correct the name."
  }

  validation {
    condition     = try(var.forwards.function_timeout_seconds >= 1 && var.forwards.function_timeout_seconds <= 900, var.forwards == null)
    error_message = "forwards: function_timeout_seconds is that of a Lambda function, 1 to 900."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the queues and the event bus, whose policy must let every event source (SNS, EventBridge) use it, EventBridge without a condition on aws:SourceAccount; null for the keys that AWS owns"
  type        = string
  default     = null
}

variable "tls_required" {
  description = "Whether the queues refuse calls that do not come over TLS. Only a local cloud, which uses plain HTTP, needs false"
  type        = bool
  default     = true
}

################################################################################
# Event sources
################################################################################

variable "sns_topics" {
  description = <<-EOT
    SNS topics whose messages are events, by a name of your choice.

    `topic_arn`: ARN of the topic.
    `filter_policy`: JSON of the subscription's filter policy; null for every message.
    `filter_policy_scope`: whether the policy is on MessageAttributes or MessageBody.
  EOT
  type = map(object({
    topic_arn           = string
    filter_policy       = optional(string)
    filter_policy_scope = optional(string, "MessageAttributes")
  }))
  default = {}

  validation {
    condition     = alltrue([for topic in values(var.sns_topics) : can(regex("^arn:[^:]+:sns:", topic.topic_arn))])
    error_message = "sns_topics: topic_arn is the ARN of an SNS topic."
  }

  validation {
    condition     = alltrue([for topic in values(var.sns_topics) : topic.filter_policy == null || can(keys(jsondecode(topic.filter_policy)))])
    error_message = "sns_topics: filter_policy is a JSON object; write it with jsonencode()."
  }

  validation {
    condition     = alltrue([for topic in values(var.sns_topics) : contains(["MessageAttributes", "MessageBody"], topic.filter_policy_scope)])
    error_message = "sns_topics: filter_policy_scope is MessageAttributes or MessageBody."
  }
}

variable "event_bus_rules" {
  description = <<-EOT
    EventBridge rules whose events' `detail` is an event, by a name of your choice.

    `event_bus_name`: name of the bus.
    `event_pattern`: JSON of the pattern that picks the events.
  EOT
  type = map(object({
    event_bus_name = optional(string, "default")
    event_pattern  = string
  }))
  default = {}

  validation {
    condition     = alltrue([for rule in values(var.event_bus_rules) : can(keys(jsondecode(rule.event_pattern)))])
    error_message = "event_bus_rules: event_pattern is a JSON object; write it with jsonencode()."
  }

  validation {
    condition     = alltrue([for rule in values(var.event_bus_rules) : length(setsubtract(try(keys(jsondecode(rule.event_pattern)), []), concat(local.event_keys, ["$or"]))) == 0])
    error_message = "event_bus_rules: no event has ${join(", ", setsubtract(flatten([for rule in values(var.event_bus_rules) : try(keys(jsondecode(rule.event_pattern)), [])]), concat(local.event_keys, ["$or"])))}, so the pattern would match none; an event has ${join(", ", local.event_keys)}."
  }

  validation {
    condition     = alltrue([for key in keys(var.event_bus_rules) : can(regex("^[a-zA-Z0-9_-]{1,24}$", key))])
    error_message = "event_bus_rules: a key becomes part of a rule's name, at most 64 characters in all; use up to 24 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = alltrue([for key in keys(var.event_bus_rules) : length("${var.names.events}-${key}") <= 64])
    error_message = "event_bus_rules: EventBridge stops at 64 characters for a rule's name (the events queue's name, a hyphen and the key); shorten the key or the queue's name."
  }
}

variable "forwarded_events" {
  description = <<-EOT
    The event bus for events that other deployments forward, which leads to the events queue.

    `received`: whether there is one.
    `bus_name`: its name.
    `account_ids`: other AWS accounts whose forwarder functions may put events on it. This account's need no mention.
  EOT
  type = object({
    received    = optional(bool, false)
    bus_name    = optional(string)
    account_ids = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = !var.forwarded_events.received || can(regex("^[A-Za-z0-9._-]{1,256}$", var.forwarded_events.bus_name))
    error_message = "forwarded_events: bus_name is 1 to 256 letters, digits, dots, hyphens and underscores; name the bus, or set received to false."
  }

  validation {
    condition     = alltrue([for account_id in var.forwarded_events.account_ids : can(regex("^[0-9]{12}$", account_id))])
    error_message = "forwarded_events: an account id has twelve digits."
  }

  validation {
    condition     = var.forwarded_events.received || length(var.forwarded_events.account_ids) == 0
    error_message = "forwarded_events: account_ids may put events on a bus that does not exist; set received to true, or leave them out."
  }
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
