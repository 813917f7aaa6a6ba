################################################################################
# Access log
################################################################################

variable "access_log_class" {
  description = "STANDARD, or INFREQUENT_ACCESS at half the price of ingestion, without metric filters, Live Tail and alarms on it. A change makes a new log group and loses the old one"
  type        = string
  default     = "STANDARD"

  validation {
    condition     = contains(["STANDARD", "INFREQUENT_ACCESS"], var.access_log_class)
    error_message = "access_log_class: use STANDARD or INFREQUENT_ACCESS."
  }
}

variable "access_log_fields" {
  description = "Further fields of the access log, by name: variables of API Gateway, such as { userAgent = \"$context.identity.userAgent\" }. A field of the same name replaces the usual one"
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for value in values(var.access_log_fields) : can(regex("^[^\"\\\\\n]*$", value))])
    error_message = "access_log_fields: a value is one line without quotation marks, such as $context.identity.userAgent."
  }
}

################################################################################
# Role of the account
################################################################################

variable "role_path" {
  description = "IAM path of the account's logging role, where the organisation asks for one: /team/"
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([a-zA-Z0-9+=,.@_-]+/)*$", var.role_path))
    error_message = "role_path: it begins and ends with a slash, such as /team/."
  }
}
