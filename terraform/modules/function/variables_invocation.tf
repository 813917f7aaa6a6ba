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
    When the function runs by itself; null for never. A failed or late run is not repeated.

    `expression`: rate or cron expression of EventBridge, for example rate(1 minute).
    `enabled`: whether the schedule is on.
    `inputs`: the events of as many invocations at a time, 1 to 20 (JSON each); null for one with EventBridge's own.
  EOT
  type = object({
    expression = string
    enabled    = optional(bool, true)
    inputs     = list(string)
  })
  default = null

  validation {
    condition     = var.schedule == null || can(regex("^(rate|cron)\\(.+\\)$", var.schedule.expression))
    error_message = "schedule: expression is rate(...) or cron(...), for example rate(1 minute)."
  }

  validation {
    condition     = alltrue([for input in coalesce(try(var.schedule.inputs, null), []) : can(keys(jsondecode(input)))])
    error_message = "schedule: inputs are JSON objects; write each with jsonencode()."
  }

  validation {
    condition     = try(var.schedule.inputs, null) == null || contains(range(1, 21), try(length(var.schedule.inputs), 0))
    error_message = "schedule: inputs are 1 to 20 events; null invokes the function once, with EventBridge's own event."
  }

  validation {
    condition     = var.schedule == null || var.async_invocation == null
    error_message = "schedule: its runs are asynchronous invocations that are not retried; leave async_invocation out, or give the schedule a function of its own."
  }
}

variable "sqs_trigger" {
  description = <<-EOT
    The SQS queue that feeds the function; null for none. Items fail one by one (ReportBatchItemFailures).

    `queue_arn`: ARN of the queue.
    `visibility_timeout_seconds`: visibility timeout of the queue, to check it against `timeout_seconds`; null for no check.
    `batch_size`: most messages of one invocation, 1 to 10000.
    `batching_window_seconds`: how long to wait for a batch to fill, 0 to 300; at least 1 above 10 messages.
    `maximum_concurrency`: most concurrent invocations from this queue, 2 to 1000; null for no limit.
  EOT
  type = object({
    queue_arn                  = string
    visibility_timeout_seconds = optional(number)
    batch_size                 = optional(number, 10)
    batching_window_seconds    = optional(number, 0)
    maximum_concurrency        = optional(number)
  })
  default = null

  validation {
    condition     = try(var.sqs_trigger.visibility_timeout_seconds >= var.timeout_seconds + var.sqs_trigger.batching_window_seconds, true)
    error_message = "sqs_trigger: Lambda refuses a queue whose visibility_timeout_seconds is below timeout_seconds (and a batch waits for its batching_window_seconds first); raise the queue's, or lower those."
  }

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

variable "further_queues" {
  description = <<-EOT
    SQS queues that feed the function beside `sqs_trigger`, by a name of your choice, in this Region. Items fail one by one
    (ReportBatchItemFailures).

    `queue_arn`: ARN of the queue.
    `visibility_timeout_seconds`: visibility timeout of the queue, to check it against `timeout_seconds`.
    `maximum_concurrency`: most concurrent invocations from this queue, 2 to 1000.
  EOT
  type = map(object({
    queue_arn                  = string
    visibility_timeout_seconds = number
    maximum_concurrency        = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for queue in values(var.further_queues) : queue.visibility_timeout_seconds >= var.timeout_seconds])
    error_message = "further_queues: Lambda refuses a queue whose visibility_timeout_seconds is below the function's ${var.timeout_seconds}; raise the queue's."
  }

  validation {
    condition     = alltrue([for queue in values(var.further_queues) : queue.maximum_concurrency >= 2 && queue.maximum_concurrency <= 1000 && floor(queue.maximum_concurrency) == queue.maximum_concurrency])
    error_message = "further_queues: SQS takes a whole maximum_concurrency from 2 to 1000."
  }

  validation {
    condition     = alltrue([for queue in values(var.further_queues) : can(regex("^arn:[^:]+:sqs:[^:]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$", queue.queue_arn))])
    error_message = "further_queues: queue_arn is the ARN of a standard SQS queue; a FIFO queue blocks a group behind its first failure, so lead it to a standard one."
  }

  validation {
    condition     = try(sum(concat([coalesce(try(var.sqs_trigger.maximum_concurrency, null), 0)], values(var.further_queues)[*].maximum_concurrency)) <= var.reserved_concurrency, true)
    error_message = "further_queues: with sqs_trigger they take more invocations at a time than reserved_concurrency, which throttles messages into dead-letter queues; lower maximum_concurrency, or raise that."
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
    `on_failure_queue_arn`: ARN of the SQS queue that gets a notice of records that were dropped without success; null for none.
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
