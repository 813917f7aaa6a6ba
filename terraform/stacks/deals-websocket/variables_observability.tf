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

variable "alarms_enabled" {
  description = "Whether there are alarms; each has a key, by which docs/telemetry.md says what to do. All of them are some 90 metrics to CloudWatch, at $0.10 a month each"
  type        = bool
  default     = true
}

variable "alarm_thresholds" {
  description = "When alarms fire, by threshold, where not as in the alarms module, which gives the reasons"
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.alarm_thresholds), local.threshold_names)) == 0
    error_message = "alarm_thresholds: there is no threshold ${join(", ", setsubtract(keys(var.alarm_thresholds), local.threshold_names))}; see the alarms module for those that there are."
  }
}

variable "alarms_disabled" {
  description = "Keys of alarms that are not wanted"
  type        = set(string)
  default     = []
}

variable "alarm_topic" {
  description = "ARN of an existing SNS topic that the alarms notify; null to have one made, encrypted with a key of its own"
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.alarm_topic == null || try(regex("^arn:[^:]+:sns:([^:]+):[0-9]{12}:[^:]+$", var.alarm_topic.arn)[0] == data.aws_region.current.id, false)
    error_message = "alarm_topic: arn is not the ARN of an SNS topic in ${data.aws_region.current.id}, where the alarms are; take it from: aws sns list-topics"
  }
}

variable "alarm_topic_key" {
  description = "ARN of a KMS key for the topic that is made, whose policy must let CloudWatch use it; null to have one made"
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.alarm_topic_key == null || var.alarm_topic == null
    error_message = "alarm_topic_key: it encrypts the topic that is made here; an existing one has its key already, so leave it out."
  }
}

variable "alarm_emails" {
  description = "Addresses subscribed to the topic that is made; each has to confirm"
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.alarm_emails) == 0 || var.alarm_topic == null
    error_message = "alarm_emails: they are subscribed to the topic that is made here; subscribe them to the existing one where that is made, or leave alarm_topic out."
  }
}

variable "alarm_ok_notices" {
  description = "Which alarms also notify when they end: none, unhealthy (the composite alarm), or all, of which a first apply sends some sixty notices"
  type        = string
  default     = "unhealthy"
}

variable "dashboard_enabled" {
  description = "Whether there is a CloudWatch dashboard ($3 a month above the account's first three)"
  type        = bool
  default     = true
}

variable "saved_queries_enabled" {
  description = "Whether the usual questions to the logs are saved in Logs Insights"
  type        = bool
  default     = true
}
