################################################################################
# API
################################################################################

variable "stage_name" {
  description = "Name of the API's stage, the last part of its URL"
  type        = string
  default     = "v1"
}

variable "throttling" {
  description = <<-EOT
    Requests a second and bursts of the API: `default` for each route, `routes` for single ones by route key.

    The account's 10,000 requests a second are shared by all APIs and by every push: what routes may take is not
    there for pushes.
  EOT
  type = object({
    default = optional(object({ rate_limit = number, burst_limit = number }), { rate_limit = 1000, burst_limit = 500 })
    routes  = optional(map(object({ rate_limit = number, burst_limit = number })), {})
  })
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.throttling.routes), keys(local.routes))) == 0
    error_message = "throttling: routes names a route that the API does not have; use $connect, $disconnect, $default or an action of the protocol."
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

variable "local_endpoints" {
  description = <<-EOT
    Where a local cloud serves what no event and no resource knows there; null on AWS.

    `websocket_url`, `management_endpoint`: the API, with {api_id} and {stage} in their places.
    `redis_url`: Redis, where it is not what the cache says: redis://127.0.0.1:PORT for a server without TLS.
  EOT
  type = object({
    websocket_url       = string
    management_endpoint = string
    redis_url           = optional(string)
  })
  default = null

  validation {
    condition     = try(alltrue([for url in [var.local_endpoints.websocket_url, var.local_endpoints.management_endpoint] : strcontains(url, "{api_id}") && strcontains(url, "{stage}")]), var.local_endpoints == null)
    error_message = "local_endpoints: both URLs of the API need {api_id} and {stage}, as the local cloud has them in its paths."
  }

  validation {
    condition     = try(var.local_endpoints.redis_url, null) == null || can(regex("^rediss?://(127\\.0\\.0\\.1|localhost|\\[::1\\]):[0-9]+$", var.local_endpoints.redis_url))
    error_message = "local_endpoints: redis_url is redis://127.0.0.1:PORT, or rediss:// with TLS: without TLS nothing leaves this machine, and name and password go into no URL."
  }
}

################################################################################
# Publishing
################################################################################

variable "event_sources" {
  description = <<-EOT
    What else publishes, beside who may invoke `broadcast` or send to the events queue. Keys are names of your choice.

    `sns_topics`: topics whose messages are events, each with an optional `filter_policy` (JSON) and its scope.
    `event_bus_rules`: EventBridge patterns (JSON) on a bus, for events whose `detail` is an event.
  EOT
  type = object({
    sns_topics = optional(map(object({
      topic_arn           = string
      filter_policy       = optional(string)
      filter_policy_scope = optional(string, "MessageAttributes")
    })), {})
    event_bus_rules = optional(map(object({
      event_bus_name = optional(string, "default")
      event_pattern  = string
    })), {})
  })
  default = {}
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
  description = <<-EOT
    Whether other Regions may forward their events here.

    `enabled`: whether there is an event bus for them, <name>-<environment>-forwarded.
    `account_ids`: other AWS accounts that may; deployments of this account need no mention.
  EOT
  type = object({
    enabled     = optional(bool, false)
    account_ids = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for account_id in var.receive_forwarded_events.account_ids : can(regex("^[0-9]{12}$", account_id))])
    error_message = "receive_forwarded_events: an account id has twelve digits."
  }

  validation {
    condition     = var.receive_forwarded_events.enabled || length(var.receive_forwarded_events.account_ids) == 0
    error_message = "receive_forwarded_events: there is no bus for account_ids; set enabled to true, or leave them out."
  }
}
