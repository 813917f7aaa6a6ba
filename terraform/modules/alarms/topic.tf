data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  own_topic = var.topic == null
  own_key   = local.own_topic && var.topic_key == null
  topic_arn = local.own_topic ? one(aws_sns_topic.this[*].arn) : var.topic.arn
  # The policy names its own topic. Composing the ARN here lets the policy be inline, so the topic is never without it.
  own_topic_arn = "arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.id}:${local.account}:${local.topic_name}"
  topic_name    = "${var.name}-alarms"

  alarm_arn_prefix = "arn:${data.aws_partition.current.partition}:cloudwatch:${data.aws_region.current.id}:${local.account}:alarm:"
}

################################################################################
# Key
################################################################################

# The key that AWS manages for SNS does not let CloudWatch publish: an alarm would fire and notify nobody.
resource "aws_kms_key" "topic" {
  count = local.own_key ? 1 : 0

  description             = "Encrypts the topic ${local.topic_name}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

################################################################################
# Topic
################################################################################

resource "aws_sns_topic" "this" {
  count = local.own_topic ? 1 : 0

  name              = local.topic_name
  kms_master_key_id = local.own_key ? aws_kms_key.topic[0].arn : var.topic_key.arn
  tags              = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.own_topic_arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "${local.alarm_arn_prefix}${var.name}-*" }
        }
      },
      {
        Sid       = "DenyPlainText"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.own_topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = local.own_topic ? var.emails : []

  topic_arn = aws_sns_topic.this[0].arn
  protocol  = "email"
  endpoint  = each.key
}
