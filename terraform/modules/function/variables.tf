################################################################################
# Function
################################################################################

variable "name" {
  description = "Name of the function; also the stem of its role's and log group's names"
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9-_]{1,64}$", var.name))
    error_message = "name: Lambda takes 1 to 64 letters, digits, hyphens and underscores; shorten or correct the name."
  }
}

variable "description" {
  description = "What the function is for, as the console shows it"
  type        = string

  validation {
    condition     = length(var.description) <= 256
    error_message = "description: Lambda takes at most 256 characters; say it shorter."
  }
}

variable "package" {
  description = <<-EOT
    The deployment package (zip), from exactly one place.

    `path`: local path of the zip.
    `s3_bucket`, `s3_key`, `s3_object_version`: bucket, key and (in a versioned bucket) version of the zip.
    `sha256`: hex SHA-256 of the zip. A local zip is checked against it; an S3 zip whose key stays the same is
    deployed anew when it changes.
  EOT
  type = object({
    path              = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    sha256            = optional(string)
  })

  validation {
    condition     = (var.package.path != null) != (var.package.s3_bucket != null || var.package.s3_key != null || var.package.s3_object_version != null)
    error_message = "package: set either path, or s3_bucket and s3_key, not both and not neither."
  }

  validation {
    condition     = (var.package.s3_bucket != null) == (var.package.s3_key != null)
    error_message = "package: s3_bucket and s3_key go together; set both."
  }

  validation {
    condition     = var.package.s3_object_version == null || var.package.s3_key != null
    error_message = "package: s3_object_version needs s3_bucket and s3_key; set them, or leave the version out."
  }

  validation {
    condition     = try(fileexists(var.package.path), false) || var.package.path == null
    error_message = "package: there is no zip at path ${coalesce(var.package.path, "(null)")}; build the packages first."
  }

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.package.sha256)) || var.package.sha256 == null
    error_message = "package: sha256 is 64 lower-case hexadecimal digits, as sha256sum prints them."
  }

  validation {
    condition     = try(filesha256(var.package.path) == var.package.sha256, true) || var.package.sha256 == null
    error_message = "package: the zip at path ${coalesce(var.package.path, "(null)")} does not have the given sha256; it was changed after it was built, so build the packages again."
  }
}

variable "handler" {
  description = "Entry point in the package: MODULE.FUNCTION"
  type        = string

  validation {
    condition     = can(regex("^[\\w/]+(\\.\\w+)+$", var.handler))
    error_message = "handler: give it as MODULE.FUNCTION, for example message_router.handler.handler."
  }
}

variable "runtime" {
  description = "Identifier of the Lambda runtime. Provider 5.100 does not know python3.14 yet"
  type        = string
  default     = "python3.13"
}

variable "architecture" {
  description = "Instruction set: arm64 (cheaper by a fifth) or x86_64"
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: Lambda knows arm64 and x86_64."
  }
}

variable "memory_mb" {
  description = "Memory in MB. The CPU share grows with it: one whole vCPU at 1,769 MB"
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb: Lambda takes whole numbers from 128 to 10240."
  }
}

variable "timeout_seconds" {
  description = "Seconds that one invocation may take"
  type        = number
  default     = 10

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds: Lambda takes whole numbers from 1 to 900."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions reserved for, and the most allowed to, this function; null leaves it to the account's pool"
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 0 && floor(var.reserved_concurrency) == var.reserved_concurrency, false)
    error_message = "reserved_concurrency: give a whole number (0 stops the function), or null for no reservation."
  }
}

variable "environment" {
  description = "Environment variables. Not for secrets: anyone who may read the function's configuration reads them"
  type        = map(string)
  default     = {}

  validation {
    condition     = length(jsonencode(var.environment)) <= 4096
    error_message = "environment: Lambda takes at most 4 KB of variables in all; move long values to a parameter or a table."
  }

  validation {
    condition     = alltrue([for key in keys(var.environment) : !startswith(key, "AWS_") && !startswith(key, "_")])
    error_message = "environment: names beginning with AWS_ or _ belong to Lambda; rename the variable."
  }
}

################################################################################
# Permissions
################################################################################

variable "policy_statements" {
  description = <<-EOT
    What the function may do beyond writing its own logs, by statement id (letters and digits).

    `actions`: names of actions, each in full.
    `resources`: ARNs of what they act on.
    `conditions`: IAM conditions, all of which must hold.

    What the queue of `sqs_trigger` and the destination of `async_invocation` need is added by the module.
  EOT
  type = map(object({
    actions   = list(string)
    resources = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for sid in keys(var.policy_statements) : can(regex("^[a-zA-Z0-9]+$", sid))])
    error_message = "policy_statements: IAM takes only letters and digits in a statement id; rename the key."
  }

  validation {
    condition     = alltrue(flatten([for statement in values(var.policy_statements) : [for action in statement.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))]]))
    error_message = "policy_statements: an action is SERVICE:NAME in full, without wildcards; list the actions that the code calls."
  }

  validation {
    condition     = alltrue(flatten([for statement in values(var.policy_statements) : [for resource in statement.resources : startswith(resource, "arn:")]]))
    error_message = "policy_statements: a resource is an ARN, never \"*\"; name what the function works on."
  }

  validation {
    condition     = alltrue([for statement in values(var.policy_statements) : length(statement.actions) > 0 && length(statement.resources) > 0])
    error_message = "policy_statements: a statement needs at least one action and one resource; remove the empty one."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role, where the organisation asks for one"
  type        = string
  default     = null
}

################################################################################
# Invocation
################################################################################

variable "async_invocation" {
  description = <<-EOT
    What becomes of asynchronous invocations; null leaves Lambda's defaults, which drop an event after two retries.

    `maximum_retry_attempts`: retries after the first failure, 0 to 2.
    `maximum_event_age_seconds`: how long an event may wait, 60 to 21600.
    `on_failure_queue_arn`: ARN of the SQS queue that takes the record of an event that failed for good.
  EOT
  type = object({
    maximum_retry_attempts    = optional(number, 2)
    maximum_event_age_seconds = optional(number, 21600)
    on_failure_queue_arn      = string
  })
  default = null

  validation {
    condition     = var.async_invocation == null || contains([0, 1, 2], try(var.async_invocation.maximum_retry_attempts, 2))
    error_message = "async_invocation: maximum_retry_attempts is 0, 1 or 2."
  }

  validation {
    condition     = try(var.async_invocation.maximum_event_age_seconds >= 60 && var.async_invocation.maximum_event_age_seconds <= 21600, true)
    error_message = "async_invocation: maximum_event_age_seconds is 60 to 21600 (six hours)."
  }
}

variable "schedule" {
  description = <<-EOT
    When the function runs by itself; null for never. A run that fails or comes late is not made up for.

    `expression`: rate or cron expression of EventBridge, for example rate(1 minute).
    `enabled`: whether the schedule is on.
    `input`: the event that the function gets (JSON); null for EventBridge's own.
  EOT
  type = object({
    expression = string
    enabled    = optional(bool, true)
    input      = optional(string)
  })
  default = null

  validation {
    condition     = var.schedule == null || can(regex("^(rate|cron)\\(.+\\)$", var.schedule.expression))
    error_message = "schedule: expression is rate(...) or cron(...), for example rate(1 minute)."
  }

  validation {
    condition     = try(var.schedule.input, null) == null || can(keys(jsondecode(var.schedule.input)))
    error_message = "schedule: input is a JSON object; write it with jsonencode()."
  }

  validation {
    condition     = var.schedule == null || var.async_invocation == null
    error_message = "schedule: its runs are asynchronous invocations that are not made up for; leave async_invocation out, or give the schedule a function of its own."
  }
}

variable "sqs_trigger" {
  description = <<-EOT
    The SQS queue that feeds the function; null for none. Items fail one by one (ReportBatchItemFailures).

    `queue_arn`: ARN of the queue. Its visibility timeout should be six times `timeout_seconds`.
    `batch_size`: most messages of one invocation, 1 to 10000.
    `batching_window_seconds`: how long to wait for a batch to fill, 0 to 300; at least 1 above 10 messages.
    `maximum_concurrency`: most concurrent invocations from this queue, 2 to 1000; null for no limit.
  EOT
  type = object({
    queue_arn               = string
    batch_size              = optional(number, 10)
    batching_window_seconds = optional(number, 0)
    maximum_concurrency     = optional(number)
  })
  default = null

  validation {
    condition     = try(var.sqs_trigger.batch_size >= 1 && var.sqs_trigger.batch_size <= 10000, true)
    error_message = "sqs_trigger: batch_size is 1 to 10000."
  }

  validation {
    condition     = try(var.sqs_trigger.batching_window_seconds >= 0 && var.sqs_trigger.batching_window_seconds <= 300, true)
    error_message = "sqs_trigger: batching_window_seconds is 0 to 300."
  }

  validation {
    condition     = try(var.sqs_trigger.batch_size <= 10 || var.sqs_trigger.batching_window_seconds >= 1, true)
    error_message = "sqs_trigger: SQS fills a batch_size above 10 only with a batching_window_seconds of at least 1."
  }

  validation {
    condition     = try(var.sqs_trigger.maximum_concurrency >= 2 && var.sqs_trigger.maximum_concurrency <= 1000, true)
    error_message = "sqs_trigger: maximum_concurrency is 2 to 1000; to have one invocation at a time, reserve a concurrency of 1 instead."
  }

  validation {
    condition     = try(var.sqs_trigger.maximum_concurrency <= var.reserved_concurrency, true)
    error_message = "sqs_trigger: a maximum_concurrency above reserved_concurrency throttles messages into the dead-letter queue; lower the one or raise the other."
  }
}

variable "dynamodb_stream_trigger" {
  description = <<-EOT
    The DynamoDB stream that feeds the function; null for none. Records come in the order of their partition key, fail
    one by one (ReportBatchItemFailures), and are tried until the stream drops them after 24 hours.

    `stream_arn`: ARN of the stream.
    `batch_size`: most records of one invocation, 1 to 10000.
    `batching_window_seconds`: how long to wait for a batch to fill, 0 to 300.
    `parallelization_factor`: batches of one shard at a time, 1 to 10, each of partition keys of its own.
    `on_failure_queue_arn`: ARN of the SQS queue that is told of records that were dropped untried; null for none.
  EOT
  type = object({
    stream_arn              = string
    batch_size              = optional(number, 100)
    batching_window_seconds = optional(number, 0)
    parallelization_factor  = optional(number, 1)
    on_failure_queue_arn    = optional(string)
  })
  default = null

  validation {
    condition     = try(var.dynamodb_stream_trigger.batch_size >= 1 && var.dynamodb_stream_trigger.batch_size <= 10000 && floor(var.dynamodb_stream_trigger.batch_size) == var.dynamodb_stream_trigger.batch_size, true)
    error_message = "dynamodb_stream_trigger: batch_size is a whole number from 1 to 10000."
  }

  validation {
    condition     = try(var.dynamodb_stream_trigger.batching_window_seconds >= 0 && var.dynamodb_stream_trigger.batching_window_seconds <= 300, true)
    error_message = "dynamodb_stream_trigger: batching_window_seconds is 0 to 300."
  }

  validation {
    condition     = try(contains(range(1, 11), var.dynamodb_stream_trigger.parallelization_factor), true)
    error_message = "dynamodb_stream_trigger: parallelization_factor is a whole number from 1 to 10."
  }
}

################################################################################
# Network
################################################################################

variable "vpc_config" {
  description = <<-EOT
    The VPC that the function runs in, by IPv4; null for none. There it reaches AWS by endpoints or a NAT gateway only.

    `subnet_ids`: private subnets, in two Availability Zones or more.
    `security_group_ids`: security groups of its network interfaces.
  EOT
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = try(length(var.vpc_config.subnet_ids) > 0 && length(var.vpc_config.security_group_ids) > 0, var.vpc_config == null)
    error_message = "vpc_config: Lambda needs at least one of subnet_ids and one of security_group_ids; give them, or leave vpc_config out."
  }
}

################################################################################
# Logs
################################################################################

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs"
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key of the logs, whose policy must let CloudWatch Logs use it; null for the key that AWS owns"
  type        = string
  default     = null
}

variable "tracing_mode" {
  description = "Active to have Lambda sample and trace invocations in X-Ray; PassThrough to trace only what was sampled before it, as far as nothing more is allowed to the role"
  type        = string
  default     = "PassThrough"

  validation {
    condition     = contains(["PassThrough", "Active"], var.tracing_mode)
    error_message = "tracing_mode: Lambda knows PassThrough and Active."
  }
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
