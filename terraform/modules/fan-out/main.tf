data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  arn_prefix = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # The policy names its own queue. Composing the ARN here lets the policy be inline, so no queue is ever without it.
  queues = {
    for queue, named in merge({
      events     = { name = var.names.events, settings = var.events }
      deliveries = { name = var.names.deliveries, settings = var.deliveries }
      }, var.forwards == null ? {} : {
      forwards = { name = var.forwards.name, settings = local.forwards_settings }
      }) : queue => merge(named, {
      arn      = "${local.arn_prefix}:${named.name}"
      dlq_name = "${named.name}-dlq"
      dlq_arn  = "${local.arn_prefix}:${named.name}-dlq"
    })
  }

  # A Region may be down for hours, so an event for it is tried for half a day (1,000 times 45 s) before it becomes a dead
  # letter, and is kept for as long as SQS keeps anything.
  forwards_settings = {
    function_timeout_seconds   = try(var.forwards.function_timeout_seconds, null)
    batching_window_seconds    = 0
    visibility_timeout_seconds = null
    receive_count_max          = 1000
    retention_seconds          = local.retention_seconds_max
  }

  # How long a message waits after its function was killed. AWS asks for at least the function's timeout, and advises six
  # times as much, so that Lambda can try again what was throttled: docs.aws.amazon.com/lambda/latest/dg/
  # services-sqs-configure.html. A mapping with a maximum_concurrency of its own receives no more than it may invoke, and
  # what the account's limit throttles nevertheless is left receive_count_max attempts. The 15 seconds are for what may
  # come before a function's own time: receiving, and INIT, which has at most ten.
  start_seconds_max = 15
  visibility_timeouts_seconds = {
    for queue, values in local.queues : queue => coalesce(
      values.settings.visibility_timeout_seconds,
      values.settings.function_timeout_seconds + values.settings.batching_window_seconds + local.start_seconds_max,
    )
  }

  # By queue; a queue without statements gets no policy.
  policies = {
    for queue, policy in {
      events         = { arn = local.queues.events.arn, statements = concat(local.deny_plain_text, local.source_statements) }
      events-dlq     = { arn = local.queues.events.dlq_arn, statements = concat(local.deny_plain_text, local.source_statements) }
      deliveries     = { arn = local.queues.deliveries.arn, statements = local.deny_plain_text }
      deliveries-dlq = { arn = local.queues.deliveries.dlq_arn, statements = local.deny_plain_text }
      forwards       = { arn = try(local.queues.forwards.arn, null), statements = local.deny_plain_text }
      forwards-dlq   = { arn = try(local.queues.forwards.dlq_arn, null), statements = local.deny_plain_text }
      } : queue => length(policy.statements) == 0 ? null : jsonencode({
        Version   = "2012-10-17"
        Statement = [for statement in policy.statements : merge(statement, { Resource = policy.arn })]
    })
  }

  # SQS keeps nothing longer than this.
  retention_seconds_max = 14 * 24 * 60 * 60

  # SQS takes 1 MiB, but provider 5.100 refuses more than this.
  message_size_max_bytes = 256 * 1024
}

################################################################################
# Queues
################################################################################

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                      = each.value.name
  max_message_size          = local.message_size_max_bytes
  message_retention_seconds = each.value.settings.retention_seconds
  receive_wait_time_seconds = 20

  visibility_timeout_seconds = local.visibility_timeouts_seconds[each.key]

  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  tags                              = var.tags

  policy = local.policies[each.key]
}

# A resource of its own, so that a queue and its dead-letter queue are made side by side: the provider waits 25 seconds
# for each, and the functions wait for both.
resource "aws_sqs_queue_redrive_policy" "this" {
  for_each = local.queues

  queue_url = aws_sqs_queue.this[each.key].url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = each.value.settings.receive_count_max
  })

  # As the queues that it joins, by way of the alarms: a removal in another order would be a cycle to Terraform.
  lifecycle {
    create_before_destroy = true
  }
}

################################################################################
# Dead-letter queues
################################################################################

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.queues

  name                      = each.value.dlq_name
  max_message_size          = local.message_size_max_bytes
  message_retention_seconds = local.retention_seconds_max

  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  tags                              = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [each.value.arn]
  })

  policy = local.policies["${each.key}-dlq"]
}
