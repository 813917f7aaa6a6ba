################################################################################
# Tables
################################################################################

variable "names" {
  description = "Names of the tables: connections, subscriptions, messages to users, event history, rate limits, revoked tokens"
  type = object({
    connections   = string
    subscriptions = string
    messages      = string
    history       = string
    limits        = string
    revocations   = string
  })

  validation {
    condition     = alltrue([for name in values(var.names) : can(regex("^[a-zA-Z0-9_.-]{3,255}$", name))])
    error_message = "names: DynamoDB takes 3 to 255 letters, digits, underscores, dots and hyphens; correct the name."
  }

  validation {
    condition     = length(distinct(values(var.names))) == length(values(var.names))
    error_message = "names: two tables cannot share a name; give each its own."
  }
}

################################################################################
# Streams
################################################################################

variable "subscriptions_stream_enabled" {
  description = "Whether a DynamoDB stream carries the changes of the subscriptions table, for an index that is kept elsewhere"
  type        = bool
  default     = false
}

################################################################################
# Protection
################################################################################

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the tables; null for the key that AWS manages for DynamoDB"
  type        = string
  default     = null
}

variable "point_in_time_recovery_enabled" {
  description = "Whether the tables can be restored to any second of the last 35 days (charged by size)"
  type        = bool
  default     = true
}

variable "deletion_protection_enabled" {
  description = "Whether DynamoDB refuses to delete the tables, terraform destroy included"
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every table"
  type        = map(string)
  default     = {}
}
