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

variable "default_throttling" {
  description = "Requests a second (and at once) that the API accepts on each route"
  type        = object({ rate_limit = number, burst_limit = number })
}

variable "route_throttling" {
  description = "Requests a second (and at once) that the API accepts on single routes, by route key"
  type        = map(object({ rate_limit = number, burst_limit = number }))
  default     = {}
}

variable "publish_api_enabled" {
  description = "Whether backends can publish over HTTP: an HTTP API with POST /events"
  type        = bool
  default     = false
}

variable "publish_api_authorization" {
  description = "How publishers prove to the publish API who they are: IAM or JWT"
  type        = string
  default     = "IAM"
}

variable "publish_api_scope" {
  description = "The word that the scope of a publisher's token must contain; null for publish"
  type        = string
  default     = null
}

variable "publish_api_throttling" {
  description = "Requests a second (and at once) that the publish API accepts of all publishers together"
  type        = object({ rate_limit = number, burst_limit = number })
  default     = { rate_limit = 100, burst_limit = 200 }
}

variable "account_concurrency" {
  description = "Concurrent executions that the account has in the Region; a new account has 10, and can reserve none: see `aws lambda get-account-settings`"
  type        = number
  default     = 1000
}

variable "reserved_concurrency" {
  description = "Executions reserved for functions, by function; none are for those left out"
  type        = map(number)
  default     = {}
}

variable "maximum_concurrency" {
  description = "Instances of functions that read their queues at once, by function; the stack's defaults where left out"
  type        = map(number)
  default     = {}
}

variable "posts_per_second_budget" {
  description = "Posts a second that delivery, broadcast and message_router may make together"
  type        = number
  default     = 10000
}

variable "redis_node_type" {
  description = "Node type of the cache, where `redis_enabled`; null for cache.t4g.micro"
  type        = string
  default     = null
}

variable "redis_replicas" {
  description = "Read replicas in addition to the primary; null for one"
  type        = number
  default     = null
}

variable "redis_snapshot_retention_days" {
  description = "Days that daily snapshots are kept, 0 for none; null for one"
  type        = number
  default     = null
}

variable "redis_snapshot_window" {
  description = "Daily hour or more of the snapshots (UTC); null for AWS's choice"
  type        = string
  default     = null
}

variable "redis_maintenance_window" {
  description = "Weekly hour or more for changes and patches (UTC); null for AWS's choice"
  type        = string
  default     = null
}

variable "redis_slow_log_enabled" {
  description = "Whether commands that take longer than 10 ms are logged; null for no"
  type        = bool
  default     = null
}

variable "forward_events_to" {
  description = "The event buses of other Regions that get every event which is accepted here, by Region"
  type        = map(string)
  default     = {}
}

variable "receive_forwarded_events" {
  description = "Whether other Regions may forward their events here"
  type        = bool
  default     = false
}

variable "forwarding_account_ids" {
  description = "Ids of other AWS accounts that may forward their events here"
  type        = list(string)
  default     = []
}
