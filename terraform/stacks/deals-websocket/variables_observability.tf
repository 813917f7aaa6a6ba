################################################################################
# Logs and traces
################################################################################

variable "log_levels" {
  description = "Log levels of single functions, by function; `log_level` holds for the others"
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.log_levels), keys(local.timeouts_seconds))) == 0
    error_message = "log_levels: there is no function ${join(", ", setsubtract(keys(var.log_levels), keys(local.timeouts_seconds)))}; there are ${join(", ", keys(local.timeouts_seconds))}."
  }

  validation {
    condition     = alltrue([for level in values(var.log_levels) : contains(["DEBUG", "INFO", "WARNING", "ERROR"], level)])
    error_message = "log_levels: use DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_sample_rate" {
  description = "Share of requests that are logged in full, down to DEBUG, whatever the level: 0 to 1. A request is in all functions' logs, or in none's"
  type        = number
  default     = 0

  validation {
    condition     = var.log_sample_rate >= 0 && var.log_sample_rate <= 1
    error_message = "log_sample_rate: use a number from 0 to 1, such as 0.01 for one request in a hundred."
  }
}

variable "system_log_level" {
  description = "Which lines Lambda writes about invocations beside those of the code: WARN for those that failed or timed out, INFO for the start and the report of each (duration, memory, INIT), DEBUG for all"
  type        = string
  default     = "WARN"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN"], var.system_log_level)
    error_message = "system_log_level: Lambda knows DEBUG, INFO and WARN."
  }
}

variable "tracing" {
  description = "Active to have X-Ray sample and trace the functions' invocations (charged by trace), PassThrough for none. API Gateway takes no part: it traces no WebSocket API"
  type        = string
  default     = "PassThrough"

  validation {
    condition     = contains(["PassThrough", "Active"], var.tracing)
    error_message = "tracing: use PassThrough or Active."
  }
}

################################################################################
# Alarms and dashboard
################################################################################

variable "alarms" {
  description = <<-EOT
    The alarms; each has a key, by which docs/telemetry.md says what to do.

    `enabled`: whether there are any. All of them are some 90 metrics to CloudWatch, at $0.10 a month each.
    `thresholds`: when they fire, where not as in the alarms module, which gives the reasons.
    `disabled`: keys of alarms that are not wanted.
    `notification`: whom they tell: an existing topic (`topic_arn`), or one that is made here, encrypted with a key of
    its own (or `kms_key`), with `emails`.
  EOT
  type = object({
    enabled    = optional(bool, true)
    thresholds = optional(map(number), {})
    disabled   = optional(set(string), [])
    notification = optional(object({
      topic_arn  = optional(string)
      emails     = optional(set(string), [])
      ok_enabled = optional(bool, true)
      kms_key    = optional(object({ arn = string }))
    }), {})
  })
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.alarms.thresholds), local.threshold_names)) == 0
    error_message = "alarms: there is no threshold ${join(", ", setsubtract(keys(var.alarms.thresholds), local.threshold_names))}; see the alarms module for those that there are."
  }
}

variable "dashboard" {
  description = <<-EOT
    What a person looks at.

    `enabled`: whether there is a CloudWatch dashboard ($3 a month above the account's first three).
    `saved_queries_enabled`: whether the usual questions to the logs are saved in Logs Insights.
  EOT
  type = object({
    enabled               = optional(bool, true)
    saved_queries_enabled = optional(bool, true)
  })
  default = {}
}
