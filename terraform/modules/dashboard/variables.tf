################################################################################
# What is shown
################################################################################

variable "name" {
  description = "Name of the deployment: the dashboard's name, with the Region behind it, the folder of the saved queries, and the `Service` dimension of its own metrics"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,230}$", var.name))
    error_message = "name: CloudWatch takes letters, digits, hyphens and underscores in a dashboard's name, and 255 of them with the Region; shorten or correct the name."
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
  description = "The publish API, an HTTP API, as the dimensions of its metrics name it: its id and stage; null without one, and without its row"
  type = object({
    id         = string
    stage_name = string
  })
  default = null
}

variable "functions" {
  description = "The functions, by a short name of your choice: name, memory in MB (for the cost), and log group"
  type = map(object({
    name           = string
    memory_mb      = number
    log_group_name = string
  }))

  validation {
    condition     = alltrue([for key in keys(var.functions) : can(regex("^[a-z][a-z0-9_]*$", key))])
    error_message = "functions: the short names become ids in metric maths; use lower-case letters, digits and underscores, beginning with a letter."
  }
}

variable "tables" {
  description = "Names of the DynamoDB tables, by a short name of your choice"
  type        = map(string)
  default     = {}
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
  description = "Redis: its ElastiCache nodes by their cluster ids; null without Redis, and without the row on it"
  type = object({
    cluster_ids = set(string)
  })
  default = null

  validation {
    condition     = var.cache == null || try(length(var.cache.cluster_ids) > 0, false)
    error_message = "cache: name the cluster id of at least one node, or set it to null to have no row on Redis."
  }
}

variable "access_log_group_name" {
  description = "Name of the API's access log group, for the saved queries; null without one"
  type        = string
  default     = null
}

variable "alarm_arns" {
  description = "ARNs of the alarms whose states are shown at the top, at most 100"
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.alarm_arns) <= 100
    error_message = "alarm_arns: a dashboard shows at most 100 alarms; choose those that matter."
  }
}

variable "dashboard_enabled" {
  description = "Whether to create the dashboard. CloudWatch charges for each above three in an account"
  type        = bool
  default     = true
}

variable "saved_queries_enabled" {
  description = "Whether the questions that people ask of logs are saved in Logs Insights. Saving them costs nothing; asking is charged by what is read"
  type        = bool
  default     = true
}

################################################################################
# Prices
################################################################################

variable "prices" {
  description = <<-EOT
    US dollars for the widget of cost; as AWS listed them for us-east-1 in November 2026, without free tiers.

    `message`: of a WebSocket message of up to 32 KB. `connection_minute`: of a connection for a minute.
    `lambda_request`, `lambda_gb_second`: of arm64. `write_unit`, `read_unit`: of DynamoDB on demand.
    `queue_request`: of SQS. Logs and metrics are not in it.
  EOT
  type = object({
    message           = optional(number, 0.000001)
    connection_minute = optional(number, 0.00000025)
    lambda_request    = optional(number, 0.0000002)
    lambda_gb_second  = optional(number, 0.0000133334)
    write_unit        = optional(number, 0.000000625)
    read_unit         = optional(number, 0.000000125)
    queue_request     = optional(number, 0.0000004)
  })
  default = {}

  validation {
    condition     = alltrue([for price in values(var.prices) : price >= 0])
    error_message = "prices: none is negative; give US dollars for one unit."
  }
}
