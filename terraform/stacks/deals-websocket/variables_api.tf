################################################################################
# API
################################################################################

variable "stage_name" {
  description = "Name of the API's stage, the last part of its URL"
  type        = string
  default     = "v1"
}

variable "default_throttling" {
  description = "Requests a second and bursts of each route that `route_throttling` does not name. The account's 10,000 requests a second are shared by all APIs and by every push: what routes may take is not there for pushes"
  type = object({
    rate_limit  = number
    burst_limit = number
  })
  default = {
    rate_limit  = 1000
    burst_limit = 500
  }
  nullable = false
}

variable "route_throttling" {
  description = "Requests a second and bursts of single routes, by route key"
  type = map(object({
    rate_limit  = number
    burst_limit = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.route_throttling), keys(local.routes))) == 0
    error_message = "route_throttling: the API has no route ${join(", ", setsubtract(keys(var.route_throttling), keys(local.routes)))}; use ${join(", ", keys(local.routes))}."
  }
}

variable "access_log_enabled" {
  description = "Whether the API logs each connect, message and disconnect. API Gateway refuses it in an account and Region without a logging role: see `manage_account_logging_role`"
  type        = bool
  default     = false
}

variable "execution_logging_level" {
  description = "OFF, ERROR or INFO. INFO traces request parameters, a token in the query string among them: use it only while looking for a fault"
  type        = string
  default     = "OFF"
}

variable "detailed_metrics_enabled" {
  description = "Whether CloudWatch gets the API's metrics of each route as well (charged by metric)"
  type        = bool
  default     = false
}

variable "manage_account_logging_role" {
  description = "Whether to set the role by which API Gateway writes logs: one per account and Region, for all of its APIs. Set it in one place only"
  type        = bool
  default     = false
}

################################################################################
# Publishing
################################################################################

variable "sns_topics" {
  description = "SNS topics whose messages are events, beside who may invoke `broadcast` or send to the events queue, by a name of your choice"
  type = map(object({
    topic_arn = string
  }))
  default  = {}
  nullable = false
}

variable "sns_filter_policies" {
  description = "Of `sns_topics`, by the same names: which messages are events, as the JSON of a filter policy on MessageAttributes or MessageBody"
  type = map(object({
    policy = string
    scope  = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.sns_filter_policies), keys(var.sns_topics))) == 0
    error_message = "sns_filter_policies: sns_topics has no ${join(", ", setsubtract(keys(var.sns_filter_policies), keys(var.sns_topics)))}; give a policy the name of its topic."
  }
}

variable "event_queues" {
  description = <<-EOT
    SQS queues of yours whose messages are events, by a name of your choice: of this Region, and of this account or another
    one whose queue policy lets the role of `broadcast` receive (docs/publishing.md).

    `arn`: ARN of the queue, a standard one.
    `visibility_timeout_seconds`: its visibility timeout, at least 30; more where events wait behind each other.
    `maximum_concurrency`: most instances of `broadcast` that it occupies, 2 to 1000, beside those of the own queue.
    `kms_key_arn`: ARN of the customer managed key that encrypts it; null for none.
  EOT
  type = map(object({
    arn                        = string
    visibility_timeout_seconds = number
    maximum_concurrency        = number
    kms_key_arn                = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for queue in values(var.event_queues) : can(regex("^arn:[^:]+:sqs:[^:]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$", queue.arn))])
    error_message = "event_queues: arn is the ARN of a standard SQS queue; a FIFO queue blocks a group behind its first failure, so lead it to a standard one."
  }

  validation {
    condition     = alltrue([for queue in values(var.event_queues) : try(split(":", queue.arn)[3] == data.aws_region.current.id, true)])
    error_message = "event_queues: Lambda reads queues of its own Region, ${data.aws_region.current.id}, alone; lead the other Region's to one here, by SNS or EventBridge."
  }

  validation {
    condition     = alltrue([for queue in values(var.event_queues) : queue.visibility_timeout_seconds >= local.broadcast_timeout_seconds])
    error_message = "event_queues: Lambda refuses a queue whose visibility_timeout_seconds is below the timeout of broadcast, ${local.broadcast_timeout_seconds}; raise the queue's."
  }

  validation {
    condition     = alltrue([for queue in values(var.event_queues) : queue.maximum_concurrency >= 2 && queue.maximum_concurrency <= 1000 && floor(queue.maximum_concurrency) == queue.maximum_concurrency])
    error_message = "event_queues: SQS takes a whole maximum_concurrency from 2 to 1000."
  }

  validation {
    condition     = alltrue([for queue in values(var.event_queues) : queue.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+", queue.kms_key_arn))])
    error_message = "event_queues: kms_key_arn is the ARN of a key itself (…:key/…), not an alias: IAM policies do not follow aliases."
  }

  validation {
    condition     = length(var.event_queues) == 0 || try(sum(concat([local.maximum_concurrency["broadcast"]], values(var.event_queues)[*].maximum_concurrency)) <= local.reserved_concurrency["broadcast"], true)
    error_message = "event_queues: with broadcast in maximum_concurrency they take more invocations at a time than broadcast has in reserved_concurrency, which throttles messages into dead-letter queues; lower one of the first two, or raise that."
  }
}

variable "event_bus_rules" {
  description = "EventBridge rules for events whose `detail` is an event, by a name of your choice: name of the bus (`default` is the account's own), and the JSON of the pattern"
  type = map(object({
    event_bus_name = string
    event_pattern  = string
  }))
  default  = {}
  nullable = false
}

################################################################################
# Other Regions
################################################################################

variable "forward_events_to" {
  description = <<-EOT
    The event buses of other Regions that get every event which is accepted here, by a name of your choice such as the
    Region: their output `forwarded_events_bus_arn`. What came from another Region is never forwarded again, so each of
    several Regions names all others.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.forward_events_to) : can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]{1,256}$", arn))])
    error_message = "forward_events_to: a value is the ARN of an event bus, arn:aws:events:REGION:ACCOUNT:event-bus/NAME."
  }

  validation {
    condition     = alltrue([for arn in values(var.forward_events_to) : arn != local.own_bus_arn])
    error_message = "forward_events_to: ${local.own_bus_arn} is this deployment's own bus; name those of other Regions."
  }

  validation {
    condition     = length(var.forward_events_to) <= 10
    error_message = "forward_events_to: name up to ten event buses, which one call hands an event to."
  }
}

variable "receive_forwarded_events" {
  description = "Whether other Regions may forward their events here, to an event bus <name>-<environment>-forwarded"
  type        = bool
  default     = false
  nullable    = false
}

variable "forwarding_account_ids" {
  description = "Ids of other AWS accounts that may forward their events here; deployments of this account need no mention"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account_id in var.forwarding_account_ids : can(regex("^[0-9]{12}$", account_id))])
    error_message = "forwarding_account_ids: an account id has twelve digits."
  }

  validation {
    condition     = var.receive_forwarded_events || length(var.forwarding_account_ids) == 0
    error_message = "forwarding_account_ids: there is no bus for them; set receive_forwarded_events to true, or leave them out."
  }
}
