# What differs between environments. The values are in ENVIRONMENT.tfvars; those without a default must be set there.

variable "environment" {
  description = "Name of the environment, the second part of every resource's name"
  type        = string
}

variable "log_level" {
  description = "Lowest level that the functions log: DEBUG, INFO, WARNING or ERROR"
  type        = string
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs of the functions and the API"
  type        = number
}

variable "deletion_protection_enabled" {
  description = "Whether DynamoDB refuses to delete the tables, terraform destroy included"
  type        = bool
}

variable "throttling" {
  description = "Requests a second (and at once) that the API accepts: `default` for each route, `routes` for single ones by route key"
  type = object({
    default = object({ rate_limit = number, burst_limit = number })
    routes  = optional(map(object({ rate_limit = number, burst_limit = number })), {})
  })
}

variable "reserved_concurrency" {
  description = "Executions reserved for functions by name; none are for those left out"
  type = object({
    authorizer         = optional(number)
    connection_handler = optional(number)
    message_router     = optional(number)
    broadcast          = optional(number)
    delivery           = optional(number)
    forwarder          = optional(number)
    janitor            = optional(number)
    redis_relay        = optional(number)
    index_projector    = optional(number)
  })
  default = {}
}

variable "maximum_concurrency" {
  description = "Instances of broadcast and delivery that read their queues at once; the stack's defaults where left out"
  type = object({
    broadcast = optional(number)
    delivery  = optional(number)
  })
  default = {}
}

variable "posts_per_second_budget" {
  description = "Posts a second that delivery, broadcast and message_router may make together"
  type        = number
  default     = 10000
}

variable "redis" {
  description = "Size and schedule of the cache, where `redis_enabled`; the defaults of the module cache where left out"
  type = object({
    node_type               = optional(string)
    replicas                = optional(number)
    snapshot_retention_days = optional(number)
    snapshot_window         = optional(string)
    maintenance_window      = optional(string)
    slow_log_enabled        = optional(bool)
  })
  default = {}
}

variable "forward_events_to" {
  description = "The event buses of other Regions that get every event which is accepted here, by Region"
  type        = map(string)
  default     = {}
}

variable "receive_forwarded_events" {
  description = "Whether other Regions may forward their events here (`enabled`), and which other accounts may (`account_ids`)"
  type = object({
    enabled     = optional(bool, false)
    account_ids = optional(set(string), [])
  })
  default = {}
}
