locals {
  # docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html; $or combines them.
  event_keys = ["account", "detail", "detail-type", "id", "region", "replay-name", "resources", "source", "time", "version"]

  deny_plain_text = !var.tls_required ? [] : [{
    Sid       = "DenyPlainText"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }]

  # One statement per service, for exactly the topics and rules that are named: on the events queue, and on its
  # dead-letter queue, which takes what cannot be delivered there.
  rule_arns = concat(values(aws_cloudwatch_event_rule.this)[*].arn, aws_cloudwatch_event_rule.forwarded[*].arn)
  source_statements = concat(
    length(var.sns_topics) == 0 ? [] : [{
      Sid       = "AllowTopics"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Condition = { ArnEquals = { "aws:SourceArn" = values(var.sns_topics)[*].topic_arn } }
    }],
    length(var.event_bus_rules) == 0 && !var.forwarded_events.received ? [] : [{
      Sid       = "AllowRules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arns } }
    }],
  )
}

################################################################################
# SNS
################################################################################

resource "aws_sns_topic_subscription" "this" {
  for_each = var.sns_topics

  topic_arn           = each.value.topic_arn
  protocol            = "sqs"
  endpoint            = aws_sqs_queue.this["events"].arn
  filter_policy       = each.value.filter_policy
  filter_policy_scope = each.value.filter_policy == null ? null : each.value.filter_policy_scope

  # SNS may deliver a message twice, and only the MessageId in its envelope tells: raw delivery removes it.
  raw_message_delivery = false

  # What SNS could not deliver: the message that the queue would have had.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters["events"].arn })
}

################################################################################
# EventBridge
################################################################################

resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.event_bus_rules

  name           = "${var.names.events}-${each.key}"
  description    = "Events for the queue ${var.names.events}"
  event_bus_name = each.value.event_bus_name
  event_pattern  = each.value.event_pattern
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = var.event_bus_rules

  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = each.value.event_bus_name
  arn            = aws_sqs_queue.this["events"].arn

  # No input path or transformer: EventBridge may deliver an event twice, and only the id beside `detail` tells.

  # Without it EventBridge drops in silence what it could not deliver for a day. What it keeps there can be moved to the
  # events queue as it is: it is the message that the queue would have had.
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters["events"].arn
  }
}

################################################################################
# Events that other deployments forward
################################################################################

# A bus of its own: nothing but forwarded events comes in, and its one rule leads to the queue and to no other bus. So
# EventBridge by itself cannot pass an event in a circle. It depends on nothing that depends on other deployments' buses,
# or two that name each other's, made in one configuration, would be a cycle to Terraform.
resource "aws_cloudwatch_event_bus" "forwarded" {
  count = var.forwarded_events.received ? 1 : 0

  name               = var.forwarded_events.bus_name
  description        = "Events that other deployments forward"
  kms_key_identifier = var.kms_key_arn
  tags               = var.tags
}

# The module function names roles <function>-<Region>. Who puts events from the same account needs the permission of its own role, and no more.
resource "aws_cloudwatch_event_bus_policy" "forwarded" {
  count = var.forwarded_events.received && length(var.forwarded_events.account_ids) > 0 ? 1 : 0

  event_bus_name = aws_cloudwatch_event_bus.forwarded[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AllowForwarders"
      Effect    = "Allow"
      Principal = { AWS = [for account_id in sort(var.forwarded_events.account_ids) : "arn:${data.aws_partition.current.partition}:iam::${account_id}:root"] }
      Action    = "events:PutEvents"
      Resource  = aws_cloudwatch_event_bus.forwarded[0].arn
      Condition = {
        StringEquals = { "events:source" = local.forwarded_pattern.source[0], "events:detail-type" = local.forwarded_pattern["detail-type"][0] }
        ArnLike      = { "aws:PrincipalArn" = [for account_id in sort(var.forwarded_events.account_ids) : "arn:${data.aws_partition.current.partition}:iam::${account_id}:role/*-forwarder-*"] }
      }
    }]
  })
}

locals {
  # As lambdas/forwarder/event_buses.py names them.
  forwarded_pattern = { source = ["deals-websocket"], "detail-type" = ["ForwardedEvent"] }
}

resource "aws_cloudwatch_event_rule" "forwarded" {
  count = var.forwarded_events.received ? 1 : 0

  name           = "forwarded"
  description    = "Forwarded events for the queue ${var.names.events}"
  event_bus_name = aws_cloudwatch_event_bus.forwarded[0].name
  event_pattern  = jsonencode(local.forwarded_pattern)
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "forwarded" {
  count = var.forwarded_events.received ? 1 : 0

  rule           = aws_cloudwatch_event_rule.forwarded[0].name
  event_bus_name = aws_cloudwatch_event_bus.forwarded[0].name
  arn            = aws_sqs_queue.this["events"].arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters["events"].arn
  }
}
