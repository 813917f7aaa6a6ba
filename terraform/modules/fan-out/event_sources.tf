locals {
  deny_plain_text = !var.tls_required ? [] : [{
    Sid       = "DenyPlainText"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }]

  # One statement per service, for exactly the topics and rules that are named.
  source_statements = concat(
    length(var.sns_topics) == 0 ? [] : [{
      Sid       = "AllowTopics"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Condition = { ArnEquals = { "aws:SourceArn" = values(var.sns_topics)[*].topic_arn } }
    }],
    length(var.event_bus_rules) == 0 ? [] : [{
      Sid       = "AllowRules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Condition = { ArnEquals = { "aws:SourceArn" = values(aws_cloudwatch_event_rule.this)[*].arn } }
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
}
