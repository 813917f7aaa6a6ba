################################################################################
# Capacity
################################################################################

variable "throughput_maximums" {
  description = <<-EOT
    Most request units a second that a table takes, by table, and each of its indexes as well: a ceiling of the bill.
    What is above is throttled, and fails or waits. Tables that are not named have DynamoDB's own limits.

    `reads`, `writes`: read and write request units a second; -1 for no ceiling.
  EOT
  type = map(object({
    reads  = number
    writes = number
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.throughput_maximums), keys(local.tables))) == 0
    error_message = "throughput_maximums: a key is a table: connections, subscriptions, messages, history, limits or revocations."
  }

  validation {
    condition     = alltrue([for most in values(var.throughput_maximums) : alltrue([for units in [most.reads, most.writes] : units == -1 || (units >= 1 && floor(units) == units)])])
    error_message = "throughput_maximums: reads and writes are whole numbers of at least 1, or -1 for no ceiling."
  }
}

variable "table_classes" {
  description = "Table class by table: STANDARD, or STANDARD_INFREQUENT_ACCESS where storage is more than half of a table's bill, as with long inboxes in `messages`"
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.table_classes), keys(local.tables))) == 0
    error_message = "table_classes: a key is a table: connections, subscriptions, messages, history, limits or revocations."
  }

  validation {
    condition     = alltrue([for class in values(var.table_classes) : contains(["STANDARD", "STANDARD_INFREQUENT_ACCESS"], class)])
    error_message = "table_classes: DynamoDB knows STANDARD and STANDARD_INFREQUENT_ACCESS."
  }
}

variable "point_in_time_recovery_days" {
  description = "Days that the tables can be restored to, 1 to 35; null for DynamoDB's own, 35. Charged by size, not by days"
  type        = number
  default     = null

  validation {
    condition     = var.point_in_time_recovery_days == null || try(var.point_in_time_recovery_days >= 1 && var.point_in_time_recovery_days <= 35 && floor(var.point_in_time_recovery_days) == var.point_in_time_recovery_days, false)
    error_message = "point_in_time_recovery_days: DynamoDB takes whole numbers from 1 to 35."
  }
}
