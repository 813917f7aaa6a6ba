################################################################################
# Several Regions
################################################################################

variable "messages_replicas" {
  description = <<-EOT
    Replicas of the messages table in other Regions, by Region, so that users find one inbox in each (a global table).

    `kms_key_arn`: ARN of the key that encrypts the replica, of its own Region; null where `kms_key_arn` is null.
  EOT
  type = map(object({
    kms_key_arn = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for region in keys(var.messages_replicas) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "messages_replicas: a key is a Region, such as eu-central-1."
  }

  validation {
    condition     = try(!contains(keys(var.messages_replicas), data.aws_region.current.id), true)
    error_message = "messages_replicas: the table itself is in this Region; name the others."
  }

  validation {
    condition     = alltrue([for replica in values(var.messages_replicas) : (replica.kms_key_arn == null) == (var.kms_key_arn == null)])
    error_message = "messages_replicas: DynamoDB encrypts all replicas in one way; give kms_key_arn for the table and for each replica, or for none."
  }

  validation {
    condition     = alltrue([for region, replica in var.messages_replicas : replica.kms_key_arn == null || try(split(":", replica.kms_key_arn)[3] == region, true)])
    error_message = "messages_replicas: a replica's kms_key_arn is of the replica's Region; name a key there, such as a replica of a multi-Region key."
  }

  validation {
    condition     = length(var.messages_replicas) == 0 || var.existing_messages_table == null
    error_message = "messages_replicas: existing_messages_table is a replica already; name all Regions where its table was made."
  }

  validation {
    condition     = length(var.messages_replicas) == 0 || !contains(keys(var.provisioned_capacity), "messages")
    error_message = "messages_replicas: a global table with provisioned capacity needs its autoscaling before its replicas, which no one apply can do; leave messages out of provisioned_capacity."
  }
}

variable "existing_messages_table" {
  description = "ARN of the replica of another deployment's messages table in this Region (its output `messages_replica_arns`), to use instead of making one"
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.existing_messages_table == null || can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[^/]+$", var.existing_messages_table.arn))
    error_message = "existing_messages_table: arn is not the ARN of a table; take it from messages_replica_arns of the deployment that made it."
  }

  validation {
    condition     = var.existing_messages_table == null || try(split(":", var.existing_messages_table.arn)[3] == data.aws_region.current.id, true)
    error_message = "existing_messages_table: the table is in another Region; take the replica of this one from messages_replica_arns."
  }

  validation {
    condition     = var.existing_messages_table == null || length(setintersection(["messages"], concat(keys(var.provisioned_capacity), keys(var.throughput_maximums), keys(var.table_classes)))) == 0
    error_message = "existing_messages_table: capacity and class of messages are set where the table was made; leave messages out of provisioned_capacity, throughput_maximums and table_classes."
  }
}
