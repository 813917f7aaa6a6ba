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
    condition     = length(setsubtract(keys(var.throughput_maximums), keys(local.names.tables))) == 0
    error_message = "throughput_maximums: a key is a table: connections, subscriptions, messages, history, limits or revocations."
  }

  validation {
    condition     = alltrue([for most in values(var.throughput_maximums) : alltrue([for units in [most.reads, most.writes] : units == -1 || (units >= 1 && floor(units) == units)])])
    error_message = "throughput_maximums: reads and writes are whole numbers of at least 1, or -1 for no ceiling."
  }
}

variable "provisioned_capacity" {
  description = <<-EOT
    Tables whose capacity is provisioned and scaled, by table, and each of its indexes likewise: cheaper than on demand where
    the load is steady. What is above the capacity is throttled until it is raised, minutes later. Tables that are not
    named are on demand.

    `reads_min`, `reads_max`, `writes_min`, `writes_max`: bounds of the capacity units.
    `utilization_percent`: how much of the capacity shall be used, 20 to 90.
  EOT
  type = map(object({
    reads_min           = number
    reads_max           = number
    writes_min          = number
    writes_max          = number
    utilization_percent = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.provisioned_capacity), keys(local.names.tables))) == 0
    error_message = "provisioned_capacity: a key is a table: connections, subscriptions, messages, history, limits or revocations."
  }

  validation {
    condition = alltrue([
      for capacity in values(var.provisioned_capacity) : capacity.reads_min >= 1 && capacity.writes_min >= 1 && capacity.reads_max >= capacity.reads_min && capacity.writes_max >= capacity.writes_min
      && alltrue([for units in [capacity.reads_min, capacity.reads_max, capacity.writes_min, capacity.writes_max] : floor(units) == units])
    ])
    error_message = "provisioned_capacity: minimums and maximums are whole numbers of at least 1, and no minimum is above its maximum."
  }

  validation {
    condition     = alltrue([for capacity in values(var.provisioned_capacity) : capacity.utilization_percent >= 20 && capacity.utilization_percent <= 90])
    error_message = "provisioned_capacity: Application Auto Scaling takes a utilization_percent of 20 to 90 for DynamoDB."
  }

  validation {
    condition     = length(setintersection(keys(var.provisioned_capacity), keys(var.throughput_maximums))) == 0
    error_message = "provisioned_capacity: the ceilings of ${join(", ", setintersection(keys(var.provisioned_capacity), keys(var.throughput_maximums)))} in throughput_maximums are for tables on demand; leave it out there, since reads_max and writes_max are the ceiling."
  }
}

variable "table_classes" {
  description = "Table class by table: STANDARD, or STANDARD_INFREQUENT_ACCESS where storage is more than half of a table's bill, as with long inboxes in `messages`"
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.table_classes), keys(local.names.tables))) == 0
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

variable "table_tags" {
  description = "Additional tags of single tables, by table, such as the one by which a plan of AWS Backup selects what it keeps: { messages = { Backup = \"daily\" } }"
  type        = map(map(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.table_tags), keys(local.names.tables))) == 0
    error_message = "table_tags: a key is a table: connections, subscriptions, messages, history, limits or revocations."
  }
}
