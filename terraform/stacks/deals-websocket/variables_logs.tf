################################################################################
# Logs of single groups
################################################################################

variable "log_retention_days_by_group" {
  description = "Days that CloudWatch keeps single log groups, by function, `access` for the API, or `publish_api`; `log_retention_days` holds for the others"
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.log_retention_days_by_group), concat(keys(local.timeouts_seconds), ["access", "publish_api"]))) == 0
    error_message = "log_retention_days_by_group: a key is access, publish_api or a function of this stack: ${join(", ", keys(local.timeouts_seconds))}."
  }
}

variable "access_log_class" {
  description = "STANDARD, or INFREQUENT_ACCESS at half the price of ingestion, without metric filters and Live Tail. A change makes a new log group and loses the old one. The functions' groups are STANDARD: their metrics are read from them"
  type        = string
  default     = "STANDARD"
}

variable "access_log_fields" {
  description = "Further fields of the access log, by name: variables of API Gateway, such as { userAgent = \"$context.identity.userAgent\" }"
  type        = map(string)
  default     = {}
}
